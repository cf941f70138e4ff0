"""Sets of strings too many to hold: eight bytes a string, by hash."""

from __future__ import annotations

import hashlib

import numpy as np

RECENT = 1 << 17  # hashes kept in a Python set before they are merged into the sorted array


def hash64(text: str) -> int:
    """The same 64 bits for the same string, in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Seen:
    """Which strings came before. Two of 10⁷ strings are taken for one another with a chance of 3·10⁻⁶."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._sorted = np.empty(0, dtype=np.uint64)

    def add(self, text: str) -> bool:
        """Remember `text`; False where it was there before."""
        if text in self:
            return False
        self._recent.add(hash64(text))
        if len(self._recent) >= RECENT:
            self._sorted = self.hashes()
            self._recent = set()
        return True

    def __contains__(self, text: str) -> bool:
        value = hash64(text)
        if value in self._recent:
            return True
        place = np.searchsorted(self._sorted, np.uint64(value))
        return bool(place < len(self._sorted) and self._sorted[place] == value)

    def __len__(self) -> int:
        return len(self._recent) + len(self._sorted)

    def hashes(self) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        """(len(self),) sorted hashes."""
        recent = np.fromiter(self._recent, dtype=np.uint64, count=len(self._recent))
        return np.sort(np.concatenate([self._sorted, recent]))
