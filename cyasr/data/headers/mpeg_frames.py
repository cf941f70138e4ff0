"""The four bytes at the start of every MPEG audio frame (ISO/IEC 11172-3, 13818-3), and the tag that the first may hold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

V1, V2, V25 = 3, 2, 0  # the header's two bits for the version
SAMPLE_RATES = {V1: (44100, 48000, 32000), V2: (22050, 24000, 16000), V25: (11025, 12000, 8000)}
KBITS = {  # by (first version or not, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
SAME = 0xFFFE0C00  # bits that all frames of a stream have in common: sync, version, layer, sampling rate
BIT_RATE, PADDING, PRIVATE, NO_CRC, MONO = 0xF000, 0x200, 0x100, 0x10000, 0xC0
DECODER_DELAY = 529  # samples that a layer III decoder is late by
HAS_FRAMES, HAS_BYTES = 1, 2  # flags of a Xing tag; 4: a table of 100 bytes, 8: four bytes on quality


@dataclass(frozen=True, slots=True)
class Kind:
    """What the frames of a stream have in common. sizes, kbits: by bits 9 to 15 of a frame's header; 0 where impossible."""

    rate: int
    samples: int  # a frame
    slot: int  # bytes of padding, where a frame has some
    sizes: tuple[int, ...]
    kbits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """What a Xing tag says. frames: of the stream without the tag's own; bytes: with it; 0: not said. trimmed: samples."""

    frames: int
    bytes: int
    trimmed: int


def kind_of(header: int) -> Kind | None:
    """The kind of stream that a frame's header (32 bits) belongs to; None where it is none."""
    return _kind(header & SAME) if header >> 21 == 0x7FF else None


@lru_cache(maxsize=64)
def _kind(header: int) -> Kind | None:
    version, layer, rate_index = header >> 19 & 3, 4 - (header >> 17 & 3), header >> 10 & 3
    if version == 1 or layer == 4 or rate_index == 3:
        return None
    rate = SAMPLE_RATES[version][rate_index]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != V1 else 1152
    slot = 4 if layer == 1 else 1
    sizes, kbits = [0] * 128, [0] * 128
    for index, kbit in enumerate(KBITS[version == V1, layer], 1):
        size = samples // 8 * kbit * 1000 // rate // slot * slot
        for padding in (0, 1):
            place = index << 3 | rate_index << 1 | padding
            sizes[place], kbits[place] = size + padding * slot, kbit
    return Kind(rate, samples, slot, tuple(sizes), tuple(kbits))


def sizes_like(header: int) -> dict[bytes, int]:
    """The first three bytes of every header that may follow in the stream of this one -> bytes of its frame."""
    return _sizes_like(header & SAME)


@lru_cache(maxsize=64)
def _sizes_like(header: int) -> dict[bytes, int]:
    kind = _kind(header)
    free = range(0, NO_CRC | BIT_RATE | PADDING | PRIVATE + 1, PRIVATE)
    headers = {header | bits & (NO_CRC | BIT_RATE | PADDING | PRIVATE) for bits in free}
    sizes = {each.to_bytes(4)[:3]: kind.sizes[each >> 9 & 127] for each in headers} if kind else {}
    return {start: size for start, size in sizes.items() if size}


def channels_of(header: int) -> int:
    return 1 if header & MONO == MONO else 2


def read_tag(frame: bytes) -> Tag | None:
    """The Xing or Info tag that `frame` (its first 256 bytes) holds, if any (gabriel.mp3-tech.org/mp3infotag.html).

    trimmed is what mpg123 leaves out: the decoder's delay, and the delay and padding that LAME writes behind the tag.
    """
    at = _tag_place(int.from_bytes(frame[:4]))
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8])
    at += 8
    numbers = []
    for flag, size in ((HAS_FRAMES, 4), (HAS_BYTES, 4), (4, 100), (8, 4)):
        numbers.append(int.from_bytes(frame[at : at + 4]) if flags & flag else 0)
        at += size if flags & flag else 0
    delay, padding = divmod(int.from_bytes(frame[at + 21 : at + 24]), 1 << 12)
    return Tag(numbers[0], numbers[1], delay + DECODER_DELAY + max(0, padding - DECODER_DELAY))


def make_tag(header: int, frames: int, size: int) -> bytes:
    """A frame that says how many `frames` and bytes (`size`) the stream behind it has. header: one of that stream's."""
    kind = kind_of(header)
    assert kind
    place = _tag_place(header)
    for index in range(1, 15):
        own = header & ~(BIT_RATE | PADDING) | NO_CRC | index << 12
        length = kind.sizes[own >> 9 & 127]
        if length >= place + 16 + 24:  # the tag, and room for what LAME would say
            break
    tag = b"Xing" + b"".join(value.to_bytes(4) for value in (HAS_FRAMES | HAS_BYTES, frames, size + length))
    return (own.to_bytes(4).ljust(place, b"\0") + tag).ljust(length, b"\0")


def _tag_place(header: int) -> int:
    mono = header & MONO == MONO
    return 4 + ((17 if mono else 32) if header >> 19 & 3 == V1 else (9 if mono else 17))
