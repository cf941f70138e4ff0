"""What the readers of all formats share."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

HEAD = 4096  # bytes read at once: most headers lie within
GLANCE = 8192
TAIL = 1024  # the same for tags and frames at the end


class AudioError(Exception):
    """One line on what is wrong with a file."""


class Unknown(Exception):
    """A variety of the format that these readers leave to libsndfile."""


@dataclass(frozen=True, slots=True)
class Mend:
    """How to write a file so that libsndfile reads all of it: `head`, then the old file's bytes from `start` to `end`."""

    head: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """`frames` samples in each of `channels` channels, `rate` a second.

    mend: where libsndfile would stop too early. glance: digest of the file's size and of GLANCE bytes from its middle,
    where no two recordings are alike.
    """

    rate: int
    frames: int
    channels: int
    mend: Mend | None = None
    glance: str = ""


class Bytes:
    """An open file: its size, and any of its bytes."""

    __slots__ = ("behind", "file", "head", "size", "tail")

    def __init__(self, file: int, size: int) -> None:
        self.file = file
        self.size = size
        self.head = os.pread(file, HEAD, 0)
        self.behind = max(0, size - TAIL)  # where the tail starts
        self.tail = b""

    def at(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`; fewer where the file ends before."""
        if offset + count <= len(self.head):
            return self.head[offset : offset + count]
        if offset < self.behind or offset >= self.size:
            return os.pread(self.file, count, offset) if offset < self.size else b""
        if not self.tail:
            self.tail = os.pread(self.file, TAIL, self.behind)
        return self.tail[offset - self.behind : offset - self.behind + count]

    def glance(self) -> str:
        middle = os.pread(self.file, GLANCE, max(0, (self.size - GLANCE) // 2))
        return f"{self.size:x}-{hashlib.blake2b(middle, digest_size=8).hexdigest()}"


def truncated(claimed: int, found: int) -> AudioError:
    return AudioError(f"truncated: claims {claimed} samples, has {found}")
