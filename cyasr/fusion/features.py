"""N-best lists as arrays: what weights are tuned on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cyasr.fusion.checked import LOWEST, components
from cyasr.nbest import Nbest
from cyasr.score.wer import distances

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """U lists padded to H hypotheses of K components.

    totals: (U, H) what the first pass ranked by, -inf where padded; parts: (U, H, K); names: K components;
    errors: (U, H) word errors, where padded the most there are; words: reference words in all. distinct: (U,) different
    texts in each list.
    """

    totals: Floats
    parts: Floats
    names: list[str]
    errors: NDArray[np.int64]
    words: int
    distinct: NDArray[np.int64]

    def density(self) -> dict[str, float]:
        """Different hypotheses: mean and median of a list, and how many for each reference word."""
        return {
            "mean": round(float(self.distinct.mean()), 2),
            "median": float(np.median(self.distinct)),
            "per_word": round(float(self.distinct.sum() / self.words), 2),
        }

    def errors_with(self, changes: Floats) -> NDArray[np.int64]:
        """Errors (G,) over all lists when each is led by the best of totals + parts @ change, for changes (G, K)."""
        ranked = self.totals[..., None] + self.parts @ changes.T
        best = ranked.argmax(axis=1)  # (U, G); the first pass's order decides between equals
        found: NDArray[np.int64] = np.take_along_axis(self.errors, best, axis=1).sum(axis=0)
        return found


def collect(lists: list[Nbest], references: list[list[str]], hypotheses: list[str]) -> Features:
    """Features of `lists`, already scored by every model.

    references: words of each list's utterance; hypotheses: texts of every hypothesis, list after list. Both normalised.
    """
    owner = np.repeat(np.arange(len(lists)), [len(nbest.hyps) for nbest in lists])
    errors = distances(references, [text.split() for text in hypotheses], owner)
    names = list(components(lists[0].hyps[0]))
    longest = max(len(nbest.hyps) for nbest in lists)
    totals = np.full((len(lists), longest), -np.inf)
    parts = np.zeros((len(lists), longest, len(names)))
    padded = np.full((len(lists), longest), errors.max())
    distinct = np.zeros(len(lists), np.int64)
    at = 0
    for u, nbest in enumerate(lists):
        count = len(nbest.hyps)
        totals[u, :count] = [max(hyp.total, LOWEST) for hyp in nbest.hyps]
        parts[u, :count] = [[scores[name] for name in names] for scores in map(components, nbest.hyps)]
        padded[u, :count] = errors[at : at + count]
        distinct[u] = len(set(hypotheses[at : at + count]))
        at += count
    return Features(totals, parts, names, padded, sum(len(words) for words in references), distinct)
