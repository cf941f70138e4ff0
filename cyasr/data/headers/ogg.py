"""Vorbis and Opus in Ogg (RFC 3533, RFC 7845): the last page says where the stream ends."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cyasr.data.headers.claims import HEAD, AudioError, Bytes, Header, Unknown

LARGEST_PAGE = 27 + 255 + 255 * 255
LARGEST_PACKET = 8192  # samples that a packet can give
FIRST, LAST = 2, 4  # flags of a page
OPUS_RATE = 48_000  # that granules count in
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)  # that libsndfile decodes at: the next one up
NO_PACKET_ENDS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Page:
    """granule: samples up to its end. body: offset of its packets in the file. sizes: bytes of them. packets: that end here."""

    flags: int
    granule: int
    serial: int
    body: int
    sizes: int
    packets: int


def read(data: Bytes) -> Header:
    """Raises AudioError where the last page is cut or no last page, Unknown for other codecs and chained streams."""
    first = _page(data, 0)
    if not first or not first.flags & FIRST:
        raise AudioError("unreadable audio: Ogg without a first page")
    packet = data.at(first.body, 30)
    if packet.startswith(b"\x01vorbis") and len(packet) == 30:
        channels, rate = struct.unpack("<BI", packet[11:16])
        scale, skip = 1.0, 0
    elif packet.startswith(b"OpusHead") and len(packet) >= 19:
        channels, skip, rate = struct.unpack("<BHI", packet[9:16])
        rate = next((own for own in OPUS_RATES if own >= rate), OPUS_RATE)
        scale = rate / OPUS_RATE
    else:
        raise Unknown
    if not (rate and channels):
        raise AudioError("unreadable audio: Ogg without a sampling rate")
    last = _last_page(data)
    if last.serial != first.serial or _starts_late(data, first):
        raise Unknown
    frames = int((last.granule - skip) * scale)
    if not last.flags & LAST:
        raise AudioError(f"truncated: Ogg without its last page, has {frames} samples")
    return Header(rate, frames, channels)


def _starts_late(data: Bytes, page: Page | None) -> bool:
    """Whether the first page with sound counts samples that its packets cannot hold: cut out of a longer stream."""
    while page and page.granule in (0, NO_PACKET_ENDS):
        page = _page(data, page.body + page.sizes)
    return bool(page and page.granule > page.packets * LARGEST_PACKET)


def _last_page(data: Bytes) -> Page:
    """Raises AudioError where it is cut, or where no packet ends in it."""
    for size in (HEAD, 2 * LARGEST_PAGE):
        start = max(0, data.size - size)
        tail = data.at(start, size)
        at = tail.rfind(b"OggS")
        while at >= 0:
            page = _page(data, start + at)
            if not page or page.body + page.sizes > data.size:
                raise AudioError("truncated: its last Ogg page is cut")
            if page.granule != NO_PACKET_ENDS:
                return page
            at = tail.rfind(b"OggS", 0, at)
    raise AudioError("unreadable audio: Ogg without a last page")


def _page(data: Bytes, at: int) -> Page | None:
    """The page at `at`; None where its header is none or cut."""
    head = data.at(at, 27)
    if len(head) < 27 or head[:5] != b"OggS\0":
        return None
    flags, granule, serial, segments = struct.unpack("<xxxxxBQI4x4xB", head)
    sizes = data.at(at + 27, segments)
    if len(sizes) < segments:
        return None
    packets = sum(size < 255 for size in sizes)
    return Page(flags, granule, serial, at + 27 + segments, sum(sizes), packets)
