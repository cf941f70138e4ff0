"""FLAC (RFC 9639): STREAMINFO says how many samples there are, the last frame whether they are there."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cyasr.data.headers.claims import AudioError, Bytes, Header, Mend, truncated
from cyasr.data.headers.mp3 import before_tags

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STREAMINFO = 34  # bytes
LONGEST_HEADER = 16  # of a frame, bytes
FRAME_LIMIT = 1 << 20  # bytes looked at for the last frame, where STREAMINFO does not say how long the longest is
BLOCKS = (0, 192, *(576 << power for power in range(4)), 0, 0, *(256 << power for power in range(8)))  # 6, 7: told apart
CHUNK = 4096  # bytes of a checksum at once


def read(data: Bytes, start: int) -> Header:
    """Raises AudioError where the last frame is missing or cut."""
    head = data.at(start, 8 + STREAMINFO)
    if len(head) < 8 + STREAMINFO or head[4] & 0x7F:
        raise AudioError("unreadable audio: FLAC without STREAMINFO")
    info = head[8:]
    block, longest = int.from_bytes(info[2:4]), int.from_bytes(info[7:10])
    packed = int.from_bytes(info[10:18])
    rate, channels, total = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    if not rate:
        raise AudioError("unreadable audio: FLAC without a sampling rate")
    end = before_tags(data)
    last = None
    for size in (longest + LONGEST_HEADER,) if longest else (1 << 16, FRAME_LIMIT):
        last = _last_frame(data.at(max(start, end - size), min(size, end - start)), block) or last
        if last and last[2]:
            break
    first, samples, whole = last or (0, 0, False)
    found = first + (samples if whole else 0)
    if not whole or found < total:
        raise truncated(total or first + samples, min(found, total or found))
    if total:
        return Header(rate, total, channels)
    said = head[:18] + (packed | found).to_bytes(8) + head[26:]
    return Header(rate, found, channels, Mend(said, start + len(head), end))


def _last_frame(tail: bytes, block: int) -> tuple[int, int, bool] | None:
    """(first sample, samples, whether all of it is there) of the last frame. block: samples, where all frames have as many.

    Bytes within a frame may look like the head of one; the checksum of a whole frame up to the end tells.
    """
    at, found = len(tail), None
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        if tail[at + 1 : at + 2] in (b"\xf8", b"\xf9") and (frame := _frame(tail[at : at + LONGEST_HEADER], block)):
            if crc16(tail[at:-2]) == int.from_bytes(tail[-2:]):
                return *frame, True
            found = max(found or (0, 0, False), (*frame, False))
    return found


def _frame(head: bytes, block: int) -> tuple[int, int] | None:
    """(first sample, samples) of the frame that `head` starts; None unless its checksum says that it is one."""
    try:
        ones = 8 - (head[4] ^ 0xFF).bit_length()  # leading ones: bytes of a number written like a UTF-8 character
        more = max(0, ones - 1)
        number = head[4] & (0x7F >> ones if ones else 0x7F)
        for byte in head[5 : 5 + more]:
            number = number << 6 | byte & 0x3F
        at = 5 + more
        code = head[2] >> 4
        samples = BLOCKS[code]
        if code in (6, 7):
            samples = int.from_bytes(head[at : at + code - 5]) + 1
            at += code - 5
        at += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
        if ones == 1 or ones == 8 or not samples or crc8(head[:at]) != head[at]:
            return None
    except IndexError:
        return None
    return (number if head[1] & 1 else number * block), samples


def crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return value


def crc16(data: bytes) -> int:
    """Of polynomial 0x8005, most significant bit first, from 0: the sum of what each byte gives at its place."""
    import numpy as np

    table, rows = _places()
    value = 0
    for start in range(0, len(data), CHUNK):
        places = np.frombuffer(data[start : start + CHUNK], np.uint8).astype(np.int64)
        places[0] ^= value >> 8
        if len(places) > 1:
            places[1] ^= value & 0xFF
        rest = value << 8 & 0xFFFF if len(places) == 1 else 0  # of a value that a single byte cannot take up
        places += rows[-len(places) :]
        value = int(np.bitwise_xor.reduce(table.take(places))) ^ rest
    return value


@cache
def _places() -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """(CHUNK * 256,) the checksum of a byte with n zeros behind it, at 256 n + byte; (CHUNK,) 256 n, falling to 0."""
    import numpy as np

    table = np.zeros((CHUNK, 256), np.uint16)
    step = np.arange(256, dtype=np.uint32) << 8
    for _ in range(8):
        step = step << 1 ^ np.where(step & 0x8000, 0x18005, 0).astype(np.uint32)
    table[0] = step
    for place in range(1, CHUNK):
        table[place] = (table[place - 1] << 8) ^ table[0][table[place - 1] >> 8]
    return table.ravel(), np.arange(CHUNK)[::-1] * 256
