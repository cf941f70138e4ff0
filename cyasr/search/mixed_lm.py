"""Several models of the next token as one: their weighted sum while a search runs, each one's own score in its lists.

Shallow fusion adds a language model. A negative weight takes one away: that of the text the system was trained on, for the
density ratio (McDermott et al. 2019, "A Density Ratio Approach to Language Model Fusion in End-to-End Automatic Speech
Recognition"); its bigram only, for LODR (Zheng et al. 2022, "An Empirical Study of Language Model Integration for Transducer
based Speech Recognition"); what the decoder itself knows of the language, for ILME (cyasr.search.internal_lm).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cyasr.search.interfaces import SearchHypothesis, TokenLm

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST = -20.0  # what a model to be taken away calls less likely counts as so much, lest the impossible win


@dataclass(frozen=True)
class Term:
    """name: of its score in n-best lists; lm: rows of log probabilities, or of gains."""

    name: str
    lm: TokenLm
    weight: float


class MixedLm:
    """A TokenLm whose states are those of its last call only. most: what a token can add to a total."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = list(terms)
        self._states: list[Ints] = []

    @property
    def most(self) -> float:
        highest = [max(term.weight * LEAST, term.weight * float(getattr(term.lm, "most", 0.0))) for term in self.terms]
        return sum(max(0.0, value) for value in highest)

    def start(self, count: int) -> Ints:
        self._states = [term.lm.start(count) for term in self.terms]
        return np.arange(count)

    def rows(self, states: Ints) -> tuple[NDArray[np.float32], Ints]:
        total: Any = 0.0
        for term, own in zip(self.terms, self._states, strict=True):
            table, rows = term.lm.rows(own[states])
            scores = table[rows] if term.weight > 0 else np.maximum(table[rows], LEAST)
            total = total + np.float32(term.weight) * scores
        return np.asarray(total, np.float32), np.arange(len(states))

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        self._states = [term.lm.advance(own[states], tokens) for term, own in zip(self.terms, self._states, strict=True)]
        return np.arange(len(tokens))

    def tell_apart(self, lists: list[list[SearchHypothesis]], end: int) -> None:
        """Put each term's own score in the place of hypotheses' score `lm`, which is this model's."""
        hyps = [hyp for hyps in lists for hyp in hyps]
        sequences = [[*hyp.tokens, end] if hyp.scores["length"] > len(hyp.tokens) else hyp.tokens for hyp in hyps]
        parts = {term.name: scores_of(term.lm, sequences, end, LEAST if term.weight < 0 else -np.inf) for term in self.terms}
        for n, hyp in enumerate(hyps):
            del hyp.scores["lm"]
            hyp.scores.update({name: float(scores[n]) for name, scores in parts.items()})


def scores_of(lm: TokenLm, sequences: Sequence[Sequence[int]], end: int, least: float = -np.inf) -> Floats:
    """(N,) sums of what `lm` says of each token of each sequence, `least` at least."""
    totals = np.zeros(len(sequences))
    if not sequences:
        return totals
    lengths = np.array([len(one) for one in sequences])
    padded = np.full((len(sequences), int(lengths.max())), end, np.int64)
    for row, one in zip(padded, sequences, strict=True):
        row[: len(one)] = one
    states = lm.start(len(sequences))
    for i in range(padded.shape[1]):
        table, rows = lm.rows(states)
        said = np.maximum(table[rows, padded[:, i]], least)
        totals[i < lengths] += said[i < lengths]
        states = lm.advance(states, padded[:, i])
    return totals
