"""RIFF and RF64 (EBU Tech 3306): chunks of a name, a size and what they hold."""

from __future__ import annotations

import struct

from cyasr.data.headers.claims import AudioError, Bytes, Header, Unknown, truncated

BY_SAMPLE = {1, 3, 6, 7}  # PCM, float, A-law, µ-law: block_align bytes are one sample of every channel
EXTENSIBLE = 0xFFFE  # the true tag is the first two bytes of a GUID
UNKNOWN_SIZE = 0x7FFF0000  # writers into pipes put such sizes: the true one was not known yet


def read(data: Bytes) -> Header:
    """Raises Unknown for codecs other than BY_SAMPLE."""
    long_size = None  # of the data chunk, by ds64
    rate = channels = block = 0
    at = 12
    while len(head := data.at(at, 8)) == 8:
        name, size = struct.unpack("<4sI", head)
        at += 8
        if name == b"ds64":
            long_size = struct.unpack("<8xQ", data.at(at, 16).ljust(16, b"\0"))[0]
        elif name == b"fmt " and size >= 16:
            form = data.at(at, 26).ljust(26, b"\0")
            tag, channels, rate, _, block = struct.unpack("<HHIIH", form[:14])
            if tag == EXTENSIBLE:
                tag = struct.unpack("<H", form[24:26])[0]
            if tag not in BY_SAMPLE:
                raise Unknown
        elif name == b"data":
            if not (rate and channels and block):
                raise AudioError("unreadable audio: WAV without a format")
            return Header(rate, _frames(data.size - at, size, long_size, block), channels)
        at += size + size % 2
    raise AudioError("unreadable audio: WAV without a data chunk")


def _frames(there: int, claimed: int, long_claimed: int | None, block: int) -> int:
    if claimed == 0xFFFFFFFF and long_claimed:
        claimed = long_claimed
    elif claimed >= UNKNOWN_SIZE:
        return there // block
    if there // block < claimed // block:
        raise truncated(claimed // block, there // block)
    return claimed // block
