"""An n-gram over tokens as the search wants it: scores in the system's own token order, kept by state."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cyasr.search.ctc import LOG_ZERO, Ints

Scores = NDArray[np.float32]


class Ngram(Protocol):
    """What is used of cyasr.lm.ngram.NgramLM."""

    vocab: list[str]

    def start(self) -> int: ...

    def scores(self, states: ArrayLike) -> Scores: ...

    def advance(self, states: ArrayLike, tokens: ArrayLike) -> Ints: ...


class NgramFusion:
    """`lm` over the tokens of `tokens`, of which the last is the end; the LM writes it `</s>`.

    A token the n-gram does not know gets its `<unk>`'s score, or LOG_ZERO where it has none. Hypotheses and utterances
    share most of their histories, so what the n-gram says of a state is kept, for `size` states; then the tables start anew.
    """

    def __init__(self, lm: Ngram, tokens: list[str], size: int = 10_000) -> None:
        self._lm = lm
        places = {token: i for i, token in enumerate(lm.vocab)}
        unknown = places.get("<unk>", -1)
        self._columns = np.array([places.get(token, unknown) for token in tokens[:-1]] + [places["</s>"]], np.int64)
        self._states = np.zeros(size, np.int64)  # the n-gram's state of each row
        self._scores = np.zeros((size, len(tokens)), np.float32)
        self._next = np.full((size, len(tokens)), -1, np.int64)  # the n-gram's state after each token; -1: not asked yet
        self._row = np.full(1, -1, np.int64)  # of a state of the n-gram; -1: none
        self._filled = 0

    def start(self, count: int) -> Ints:
        return np.full(count, self._lm.start(), np.int64)

    def rows(self, states: Ints) -> tuple[Scores, Ints]:
        """states: (M,) -> table (S, V) natural log, rows (M,)."""
        if states.max() >= len(self._row):
            self._row = np.append(self._row, np.full(int(states.max()) + 1, -1, np.int64))
        rows = self._row[states]
        if rows.min() < 0:
            self._add(np.unique(states[rows < 0]), states)
            rows = self._row[states]
        return self._scores, rows

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        """states: (M,) of the last call of `rows`, tokens: (M,) -> (M,)."""
        rows = self._row[states]
        after = self._next[rows, tokens]
        missing = after < 0
        if missing.any():
            columns = np.maximum(self._columns[tokens[missing]], 0)
            after[missing] = self._lm.advance(states[missing], columns)
            self._next[rows, tokens] = after
        return after

    def _add(self, missing: Ints, states: Ints) -> None:
        if self._filled + len(missing) > len(self._scores):
            self._row[self._states[: self._filled]] = -1
            self._next[:] = -1
            self._filled, missing = 0, np.unique(states)
        rows = np.arange(self._filled, self._filled + len(missing))
        self._states[rows] = missing
        self._scores[rows] = np.where(self._columns >= 0, self._lm.scores(missing)[:, self._columns], LOG_ZERO)
        self._row[missing] = rows
        self._filled += len(missing)
