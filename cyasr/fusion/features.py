"""N-best lists as arrays: what weights are tuned on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.nbest import Hypothesis, Nbest, read_nbest

LOWEST = -1e9  # stands for a log-probability of minus infinity, which a weight of zero could not silence
WORDS = "words"  # the component that counts a hypothesis's words: its weight is a reward for each

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """U lists padded to H hypotheses of K components.

    totals: (U, H) what the first pass ranked by, -inf where padded; parts: (U, H, K); names: K components;
    errors: (U, H) word errors; words: reference words in all.
    """

    totals: Floats
    parts: Floats
    names: list[str]
    errors: NDArray[np.int64]
    words: int

    def errors_with(self, changes: Floats) -> NDArray[np.int64]:
        """Errors (G,) over all lists when each is led by the best of totals + parts @ change, for changes (G, K)."""
        ranked = self.totals[..., None] + self.parts @ changes.T
        best = ranked.argmax(axis=1)  # (U, G); the first pass's order decides between equals
        found: NDArray[np.int64] = np.take_along_axis(self.errors, best, axis=1).sum(axis=0)
        return found


def read_checked(path: Path, known: list[str] | None = None) -> Iterator[Nbest]:
    """N-best lists fit for rescoring: none empty, all scored by the same components (`known`, where given), no NaN.

    Raises RunError naming file, utterance and what is wrong.
    """
    for nbest in read_nbest(path):
        if not nbest.hyps:
            raise RunError(f"{path}: utterance {nbest.id} has an empty n-best list; decode again")
        for hyp in nbest.hyps:
            names = sorted(hyp.scores)
            known = names if known is None else known
            if names != known:
                raise RunError(
                    f"{path}: utterance {nbest.id} is scored by {_listed(names)}, others by {_listed(known)}; "
                    "these lists are not of one decoding"
                )
            for name, value in [("total", hyp.total), *hyp.scores.items()]:
                if math.isnan(value):
                    raise RunError(f"{path}: utterance {nbest.id}: score {name!r} is no number (NaN); decode again")
        yield nbest


def components(hyp: Hypothesis) -> dict[str, float]:
    """A hypothesis's scores, bounded below, and the number of its words."""
    return {name: max(value, LOWEST) for name, value in hyp.scores.items()} | {WORDS: float(len(hyp.text.split()))}


def collect(lists: list[Nbest], names: list[str], errors: NDArray[np.int64], words: int) -> Features:
    """Features of `lists`, their hypotheses already scored by every model; errors: (all hypotheses,) in their order."""
    longest = max(len(nbest.hyps) for nbest in lists)
    totals = np.full((len(lists), longest), -np.inf)
    parts = np.zeros((len(lists), longest, len(names)))
    padded = np.zeros((len(lists), longest), np.int64)
    at = 0
    for u, nbest in enumerate(lists):
        count = len(nbest.hyps)
        totals[u, :count] = [max(hyp.total, LOWEST) for hyp in nbest.hyps]
        parts[u, :count] = [[scores[name] for name in names] for scores in map(components, nbest.hyps)]
        padded[u, :count] = errors[at : at + count]
        at += count
    return Features(totals, parts, names, padded, words)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
