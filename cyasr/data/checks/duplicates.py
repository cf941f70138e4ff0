"""Which recordings sound like one that came before, among as many as there are.

In memory stay 24 bytes a recording, by which nearly all others are ruled out; what is compared with the rest lies in a
file without a name, which is gone with the process.
"""

from __future__ import annotations

import math
import os
import tempfile
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np

from cyasr.data.checks.fingerprint import NEAR, SUMMARY, Fingerprint, distance, same

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUGH = 12  # values of a summary, its mean and spread, that are kept in memory
FINENESS = 0.5  # of these, in SPREAD
ROUGHLY = round(ROUGH * (5.0 / FINENESS) ** 2)  # highest sum of squared differences; of re-encoded speech 4.0 at most
SLOTS = 5  # an octave of seconds of speech: duplicates lie in the same slot or the ones beside it


@dataclass(frozen=True)
class Heard:
    """number: of the recording among those that were compared, -1 where it could not be. alike: (number, id) before it."""

    number: int
    alike: tuple[tuple[int, str], ...] = ()


class NearDuplicates:
    """Recordings in the order they come; those of exactly the same samples are no near-duplicates but the same."""

    def __init__(self, folder: Path) -> None:
        """folder: where there is room for about a kilobyte a recording."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._ends = array("Q", [0])
        self._slots: dict[int, _Slot] = {}
        self._last: tuple[str, Heard] = ("", Heard(-1))
        self.compared = self.too_short = 0

    def hear(self, name: str, digest: str, fingerprint: Fingerprint | None) -> Heard:
        """Remember the recording `name`; asked again at once, the answer is the same. digest: of its samples."""
        if name != self._last[0]:
            self._last = name, self._hear(name, digest, fingerprint)
        return self._last[1]

    def close(self) -> None:
        self._file.close()

    def _hear(self, name: str, digest: str, own: Fingerprint | None) -> Heard:
        if own is None:
            self.too_short += 1
            return Heard(-1)
        rough = np.clip(np.rint(own.summary[:ROUGH] / FINENESS) + 128, 0, 255).astype(np.uint8)
        slot = int(SLOTS * math.log2(own.seconds))
        alike = []
        for place in (slot - 1, slot, slot + 1):
            for number in self._slots[place].near(rough) if place in self._slots else ():
                record = self._read(number)
                summary = np.frombuffer(record, np.float32, SUMMARY)
                if distance(summary, own.summary) <= NEAR:
                    other, other_digest, bits = _unpacked(record)
                    if other_digest != digest and same(summary, bits, own):
                        alike.append((number, other))
        number = self.compared
        self.compared += 1
        self._slots.setdefault(slot, _Slot()).add(rough, number)
        self._write(name, digest, own)
        return Heard(number, tuple(alike))

    def _write(self, name: str, digest: str, own: Fingerprint) -> None:
        bits = own.bits
        head = f"{digest}\n{name}".encode("utf-8", "surrogatepass")
        sizes = np.array([len(head), *bits.shape], dtype=np.uint32)
        planes = np.packbits(np.stack([bits > 0, bits < 0]).ravel())
        record = b"".join([own.summary.tobytes(), sizes.tobytes(), head, planes.tobytes()])
        self._file.seek(self._ends[-1])
        self._file.write(record)
        self._ends.append(self._ends[-1] + len(record))

    def _read(self, number: int) -> bytes:
        self._file.flush()
        start, end = self._ends[number], self._ends[number + 1]
        return os.pread(self._file.fileno(), end - start, start)


def _unpacked(record: bytes) -> tuple[str, str, NDArray[np.int8]]:
    """(id, digest, bits) of a recording, as written after its summary."""
    size, moments, width = np.frombuffer(record, np.uint32, 3, offset=4 * SUMMARY).tolist()
    rest = record[4 * SUMMARY + 12 :]
    digest, _, name = rest[:size].decode("utf-8", "surrogatepass").partition("\n")
    planes = np.unpackbits(np.frombuffer(rest[size:], np.uint8))[: 2 * moments * width].astype(np.int8)
    more, less = planes.reshape(2, moments, width)
    return name, digest, more - less


class _Slot:
    """Recordings of about the same length."""

    def __init__(self) -> None:
        self._rough = np.empty((4, ROUGH), dtype=np.uint8)
        self._numbers = np.empty(4, dtype=np.int32)
        self._count = 0

    def add(self, rough: NDArray[np.uint8], number: int) -> None:
        if self._count == len(self._numbers):
            self._rough = np.concatenate([self._rough, np.empty_like(self._rough)])
            self._numbers = np.concatenate([self._numbers, np.empty_like(self._numbers)])
        self._rough[self._count], self._numbers[self._count] = rough, number
        self._count += 1

    def near(self, rough: NDArray[np.uint8]) -> list[int]:
        """Numbers of those whose rough summary is near."""
        return _near(self._rough[: self._count], self._numbers, rough).tolist()


@numba.njit(cache=True, nogil=True)
def _near(rows: NDArray[np.uint8], numbers: NDArray[np.int32], rough: NDArray[np.uint8]) -> NDArray[np.int32]:
    found = np.empty(len(rows), dtype=np.int32)
    count = 0
    for row in range(len(rows)):
        total = 0
        for i in range(ROUGH):
            difference = int(rows[row, i]) - int(rough[i])
            total += difference * difference
        if total <= ROUGHLY:
            found[count] = numbers[row]
            count += 1
    return found[:count].copy()
