"""Hypotheses as words: which of them are one word under the normaliser, how each is spelled, how likely each list's are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cyasr.fusion.checked import LOWEST
from cyasr.nbest import Nbest
from cyasr.score.references import Normaliser

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spelled:
    """W words of a text. keys: what they are compared by; spellings: how the text spells each."""

    keys: list[str]
    spellings: list[str]


class Speller:
    """Texts as words of one normaliser; fold: spelling variants of a word have one key."""

    def __init__(self, normaliser: Normaliser, fold: bool = False) -> None:
        self._normaliser = normaliser
        self._fold = fold

    def words(self, text: str) -> list[str]:
        return self._normaliser.apply(text).split()

    def keys(self, words: Sequence[str]) -> list[str]:
        if not self._fold:
            return list(words)
        from cyasr.text.variants import fold

        return [fold(word) for word in words]

    def spelled(self, text: str) -> Spelled:
        """A word keeps the text's spelling where the normaliser takes the text's words one for one."""
        words, written = self.words(text), text.split()
        kept = len(words) == len(written) and all(map(self._same, words, written))
        return Spelled(self.keys(words), written if kept else words)

    def _same(self, word: str, written: str) -> bool:
        return word == written or self._normaliser.apply(written) == word


def word_times(nbest: Nbest, best: Spelled, place: int) -> tuple[float | None, float | None]:
    """(start, end) in seconds of a word of the best hypothesis; (None, None) where it has no times or others words."""
    words = nbest.hyps[0].words
    if not words or len(words) != len(best.keys):
        return None, None
    return words[place].start, words[place].end


def numbered(texts: Iterable[Sequence[str]]) -> tuple[NDArray[np.int32], NDArray[np.int64], list[str]]:
    """Words of all texts as ids from 1 in a row, where each text starts (N + 1,), and the word of each id; id 0 is none."""
    ids: dict[str, int] = {}
    flat: list[int] = []
    starts = [0]
    for words in texts:
        flat += [ids.setdefault(word, len(ids) + 1) for word in words]
        starts.append(len(flat))
    return np.array(flat, np.int32), np.array(starts, np.int64), ["", *ids]


def posteriors(nbest: Nbest, scale: float) -> Floats:
    """(H,) shares of the hypotheses: exp(scale * total), summing to one over the list."""
    totals = scale * np.maximum(np.array([hyp.total for hyp in nbest.hyps]), LOWEST)
    shares = np.exp(totals - totals.max())
    found: Floats = shares / shares.sum()
    return found


def word_posteriors(nbest: Nbest, speller: Speller, scale: float) -> Floats:
    """(W,) how likely each word of the best hypothesis is: the share of the list's weight that says it in its place."""
    from cyasr.fusion.network import build

    words, starts, ids = numbered([speller.keys(speller.words(hyp.text)) for hyp in nbest.hyps])
    shares = posteriors(nbest, scale)
    order = np.argsort(-shares, kind="stable")
    order = np.concatenate([[0], order[order != 0]])  # its words make the slots
    shares[0] = max(shares[0], 1e-9)
    said, mass = build(words, starts, order, shares, len(ids), True)
    slots = np.flatnonzero(said[0])
    found: Floats = mass[slots, said[0, slots]] / mass[slots].sum(axis=1)
    return found
