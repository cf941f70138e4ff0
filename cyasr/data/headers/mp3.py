"""MPEG audio streams, layers I to III: how many frames there are, as mpg123 (in libsndfile) would decode them.

A Xing tag is believed where it names the stream's size; a stream of one bit rate where frames stand at the places which
that rate gives; any other stream is stepped through. libsndfile itself estimates the length of a stream without such a tag
and stops there, so that it loses speech of a variable bit rate: for those, Header.mend is the tag that is missing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from cyasr.data.headers.claims import HEAD, AudioError, Bytes, Header, Mend, Unknown, truncated
from cyasr.data.headers.mpeg_frames import (
    BIT_RATE,
    DECODER_DELAY,
    SAME,
    Kind,
    channels_of,
    kind_of,
    make_tag,
    read_tag,
    sizes_like,
)

RESYNC = 1024  # mpg123 gives up where it finds no frame in so many bytes
WINDOW = 1 << 16  # bytes read at once
LAYER_3 = 1


def read(data: Bytes, start: int) -> Header:
    """Raises Unknown where there is no frame to be found, or frames without a bit rate (free format)."""
    stream = _find(data, start)
    kind, channels = stream.kind, channels_of(stream.first)
    tag = read_tag(data.at(stream.start, 256).ljust(256, b"\0"))
    vbri = data.at(stream.start + 36, 4) == b"VBRI"  # counts frames too, but libsndfile does not heed it
    if not tag and not vbri and (frames := stream.constant()):
        return Header(kind.rate, frames * kind.samples, channels)
    if tag and tag.frames and tag.bytes == stream.end - stream.start:
        return Header(kind.rate, tag.frames * kind.samples - tag.trimmed, channels)
    body = stream.start + (kind.sizes[stream.first >> 9 & 127] if tag or vbri else 0)
    frames = stream.walk(body)
    if tag and frames < tag.frames:
        raise truncated(tag.frames * kind.samples, frames * kind.samples)
    if tag and frames == tag.frames:
        return Header(kind.rate, frames * kind.samples - tag.trimmed, channels)
    if stream.first >> 17 & 3 != LAYER_3:
        return Header(kind.rate, frames * kind.samples, channels)
    mend = Mend(make_tag(stream.first, frames, stream.end - body), body, stream.end)
    return Header(kind.rate, frames * kind.samples - DECODER_DELAY, channels, mend)


def after_id3(data: Bytes, at: int = 0) -> int:
    """Where the file goes on behind ID3v2 tags at `at`."""
    while (tag := data.at(at, 10))[:3] == b"ID3" and len(tag) == 10:
        size = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


@dataclass(frozen=True, slots=True)
class Stream:
    """The frames from `start` to `end` of a file; `first`: the header of the first one."""

    data: Bytes
    start: int
    end: int
    first: int
    kind: Kind

    def constant(self) -> int:
        """Frames, where all have one bit rate: looked at in the middle and at the end only; else 0."""
        kind, index = self.kind, self.first >> 9 & 126
        mean = kind.samples * kind.kbits[index] * 125 / kind.rate
        frames = round((self.end - self.start) / mean)
        if abs(self.end - self.start - frames * mean) > kind.slot:
            return 0
        middle = self.start + int(frames // 2 * mean)
        in_middle = any(self._alike(middle + shift * kind.slot) for shift in (0, 1, -1))
        at_end = any(self._alike(self.end - size) == size for size in kind.sizes[index : index + 2])
        return frames if in_middle and at_end else 0

    def walk(self, at: int) -> int:
        """Frames from `at` on, one after another. Raises AudioError: the last one is cut, or much else stands between."""
        known, samples, frames = sizes_like(self.first), self.kind.samples, 0
        while at + 4 <= self.end:
            window, place = self.data.at(at, WINDOW), 0
            while size := known.get(window[place : place + 3]):
                place += size
                frames += 1
            at += place
            if at > self.end:
                raise truncated(frames * samples, (frames - 1) * samples)
            if place + 3 <= len(window):
                following = self._resume(at)
                if following is None:
                    break
                at = following
        left = self.data.at(at, min(4, self.end - at))
        if left and self.first.to_bytes(4).startswith(left[:2]):  # the start of one more
            raise truncated((frames + 1) * samples, frames * samples)
        return frames

    def _alike(self, at: int) -> int:
        """Bytes of the frame at `at` if it has the bit rate of the first one, else 0."""
        header = int.from_bytes(self.data.at(at, 4))
        return self.kind.sizes[header >> 9 & 127] if (header ^ self.first) & (SAME | BIT_RATE) == 0 else 0

    def _resume(self, lost: int) -> int | None:
        """Where two frames follow behind what is none, or None. Raises AudioError where mpg123 would not get so far."""
        lost = after_id3(self.data, lost)
        at = _search(self.data, lost, self.end, lambda header: (header ^ self.first) & SAME == 0)
        if at is not None and at - lost > RESYNC:
            raise AudioError(f"unreadable audio: {at - lost} bytes at {lost} are no mp3, but there is more behind them")
        return at


def _find(data: Bytes, start: int) -> Stream:
    end = before_tags(data)
    at = _search(data, start, min(end, start + WINDOW), lambda header: True)
    if at is None:
        raise Unknown
    first = int.from_bytes(data.at(at, 4))
    kind = kind_of(first)
    assert kind
    return Stream(data, at, end, first, kind)


def _search(data: Bytes, at: int, end: int, wanted: Callable[[int], bool]) -> int | None:
    """The first place from `at` where a frame whose header is `wanted` is followed by another of its kind, or by `end`."""
    while at + 4 <= end:
        window = data.at(at, HEAD)
        place = window.find(b"\xff")
        while 0 <= place <= len(window) - 4:
            header = int.from_bytes(window[place : place + 4])
            kind = kind_of(header) if wanted(header) else None
            if kind and (size := kind.sizes[header >> 9 & 127]):
                behind = at + place + size
                if behind == end or (behind < end and (int.from_bytes(data.at(behind, 4)) ^ header) & SAME == 0):
                    return at + place
            place = window.find(b"\xff", place + 1)
        at += max(1, len(window) - 3)
    return None


def before_tags(data: Bytes) -> int:
    """Where the frames end: before ID3v1, APE and Lyrics3 tags."""
    end = data.size
    while True:
        tail = data.at(max(0, end - 160), min(160, end))
        if tail[-128:-125] == b"TAG":
            end -= 128
        elif tail[-32:-24] == b"APETAGEX":
            size, _, flags = struct.unpack("<III", tail[-20:-8])
            end -= size + (32 if flags >> 31 else 0)
        elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
            end -= int(tail[-15:-9]) + 15
        else:
            return end
