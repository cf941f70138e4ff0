"""Sentences of train that are nearly ones of dev or test, found once all have passed by.

Near is what the language models' gate calls near: nine tenths of the longer one's words in common, in order; from ten
words on, then. Such a pair shares five words in a row, but for rare cases, and is looked up by these.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cyasr.data.conf import SPLITS
from cyasr.lm.leaks import near

PIECE = 5  # words
SHORTEST = 9  # words: one fewer than the shortest sentence that has neighbours
COMMON = 20  # sentences that begin alike, or hold the same piece: of more it says nothing
MOST = 200_000  # sentences of dev and test that are held in memory


class _Held:
    """Distinct sentences to be found again."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.words: list[list[str]] = []
        self._sets: list[frozenset[str]] = []
        self._pieces: dict[tuple[str, ...], list[int]] = defaultdict(list)

    def add(self, name: str, words: list[str]) -> None:
        if len(words) <= SHORTEST or len(self.words) >= MOST:
            return
        pieces = [self._pieces[tuple(words[start : start + PIECE])] for start in range(0, len(words) - PIECE + 1, PIECE)]
        if any(self.words[i] == words for i in pieces[0]):
            return
        for piece in pieces:
            if len(piece) < COMMON:
                piece.append(len(self.words))
        self.names.append(name)
        self.words.append(words)
        self._sets.append(frozenset(words))

    def near(self, words: list[str], found: set[int]) -> Iterator[int]:
        """Those near to `words` and not `found`, which they then are."""
        tried: set[int] = set()
        for piece in zip(*(words[i:] for i in range(PIECE)), strict=False):
            for i in self._pieces.get(piece, ()):
                if i in tried or i in found:
                    continue
                tried.add(i)
                other = self.words[i]
                few = len(self._sets[i].intersection(words)) < 0.8 * len(self._sets[i])
                if not few and abs(len(words) - len(other)) <= len(other) // SHORTEST and words != other and near(words, other):
                    found.add(i)
                    yield i


class NearSentences:
    """`add` each utterance; texts wait in a file without a name, so that memory does not grow with them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files = {split: tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder) for split in SPLITS}  # noqa: SIM115

    def add(self, split: str, name: str, text: str) -> None:
        if text.count(" ") >= SHORTEST - 1 and "\n" not in name and "\t" not in name:
            self._files[split].write(f"{name}\t{text}\n")

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def pairs(self) -> Iterator[tuple[str, str, str, str]]:
        """(split, id, later split, id): each sentence of dev, and of test, with the first near one of a split before."""
        for later in ("dev", "test"):
            held = _Held()
            for name, text in self._read(later):
                held.add(name, text.split())
            for split in SPLITS[: SPLITS.index(later)] if held.words else ():
                found: set[int] = set()
                for name, text in self._read(split):
                    for i in held.near(text.split(), found):
                        yield split, name, later, held.names[i]

    def _read(self, split: str) -> Iterator[tuple[str, str]]:
        file = self._files[split]
        file.seek(0)
        for line in file:
            name, _, text = line.rstrip("\n").partition("\t")
            yield name, text
