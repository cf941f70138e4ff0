"""Sets of strings too many to hold: nine or ten bytes a string, by hash."""

from __future__ import annotations

import hashlib

import numpy as np

RECENT = 1 << 17  # hashes kept in a Python set before they are merged into the sorted array
SPARE = 8  # bits a hash in the sieve
MASK = (1 << 64) - 1


def hash64(text: str) -> int:
    """The same 64 bits for the same string, in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Seen:
    """Which strings came before. Two of 10⁷ strings are taken for one another with a chance of 3·10⁻⁶.

    Hashes are Python's own, which differ from one run to the next. A sieve (one bit of each hash) says of most strings
    that they are new, without a search.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._sorted = np.empty(0, dtype=np.uint64)
        self._sieve = bytes(1)
        self._last = 0  # byte of the sieve

    def add(self, text: str) -> bool:
        """Remember `text`; False where it was there before."""
        value = hash(text) & MASK
        if self._has(value):
            return False
        self._recent.add(value)
        if len(self._recent) >= RECENT:
            self._merge()
        return True

    def __contains__(self, text: str) -> bool:
        return self._has(hash(text) & MASK)

    def __len__(self) -> int:
        return len(self._recent) + len(self._sorted)

    def hashes(self) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        """(len(self),) sorted hashes."""
        recent = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
        return np.sort(np.concatenate([self._sorted, recent]))

    def _has(self, value: int) -> bool:
        if value in self._recent:
            return True
        if not self._sieve[value >> 3 & self._last] >> (value & 7) & 1:
            return False
        place = np.searchsorted(self._sorted, np.uint64(value))
        return bool(place < len(self._sorted) and self._sorted[place] == value)

    def _merge(self) -> None:
        self._sorted, self._recent = self.hashes(), set()
        bits = 1 << (SPARE * len(self._sorted)).bit_length()
        sieve = np.zeros(bits, np.uint8)
        sieve[self._sorted & np.uint64(bits - 1)] = 1
        self._sieve, self._last = np.packbits(sieve, bitorder="little").tobytes(), bits // 8 - 1
