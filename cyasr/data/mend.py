"""Every utterance's audio file opened, and copied where libsndfile would read it wrongly: the same bytes behind a header
that says how long they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

from cyasr.data.headers import AudioError, Header, read_header
from cyasr.data.seen import hash64
from cyasr.data.utterance import Reject, Utterance


@dataclass(frozen=True, slots=True)
class Opened:
    """A file's header, or what is wrong with it; source: where to read it."""

    header: Header | AudioError
    source: str


def opened(
    items: Iterable[Utterance | Reject], folder: Path, look: bool
) -> Generator[tuple[Utterance | Reject, Opened | None], None, int]:
    """`items`, each with its audio; returns how many files were copied to `folder`. look: with a glance into each file."""
    mended = Mended(folder)
    path, audio = "", None
    for item in items:
        if isinstance(item, Utterance) and item.audio and str(item.audio) != path:
            path = str(item.audio)
            try:
                audio = Opened(*mended.open(path, look))
            except AudioError as error:
                audio = Opened(error, path)
        yield item, audio if isinstance(item, Utterance) and item.audio else None
    return mended.count


class Mended:
    """Copies of one corpus's files, in `folder`; those of an earlier run go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        shutil.rmtree(folder, ignore_errors=True)

    def open(self, path: str, look: bool = False) -> tuple[Header, str]:
        """A file's header (with a `glance`: look), and where to read the file: mostly from `path`. Raises AudioError."""
        header = read_header(path, look)
        if not header.mend:
            return header, path
        copy = self.folder / f"{hash64(path):016x}{os.path.splitext(path)[1]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(path, "rb") as old, open(copy, "wb") as new:
            new.write(header.mend.head)
            old.seek(header.mend.start)
            left = header.mend.end - header.mend.start
            while left and (block := old.read(min(left, 1 << 20))):
                new.write(block)
                left -= len(block)
        self.count += 1
        return header, str(copy)
