"""An n-gram over tokens as the search wants it: scores in the system's own token order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.search.ctc import LOG_ZERO, Ints


class NgramFusion:
    """`lm`: a cyasr.lm.ngram.NgramLm over the tokens of `tokens`, of which the last is the end.

    A token the n-gram does not know gets its `<unk>`'s score, or LOG_ZERO where it has none. Scores are kept by state, since
    hypotheses and utterances share most of their histories; at `rows` states the table starts anew.
    """

    def __init__(self, lm: Any, tokens: list[str], rows: int = 20_000) -> None:
        self._lm = lm
        places = {token: i for i, token in enumerate(lm.vocab)}
        unknown = places.get("<unk>", -1)
        ends = places["</s>"]
        self._columns = np.array([places.get(token, unknown) for token in tokens[:-1]] + [ends], np.int64)
        self._table = np.zeros((rows, len(tokens)), np.float32)
        self._filled = 0
        self._row = np.full(1, -1, np.int64)  # of a state; -1: not in the table

    def start(self, count: int) -> Ints:
        return np.full(count, int(self._lm.start()), np.int64)

    def rows(self, states: Ints) -> tuple[NDArray[np.float32], Ints]:
        """states: (M,) -> table (S, V) natural log, rows (M,)."""
        if states.max() >= len(self._row):
            self._row = np.append(self._row, np.full(int(states.max()) + 1, -1, np.int64))
        missing = np.unique(states[self._row[states] < 0])
        if self._filled + len(missing) > len(self._table):
            self._row[:] = -1
            self._filled, missing = 0, np.unique(states)
        if len(missing):
            scores = np.asarray(self._lm.scores(torch.from_numpy(missing)))
            rows = np.arange(self._filled, self._filled + len(missing))
            self._table[rows] = np.where(self._columns >= 0, scores[:, self._columns], LOG_ZERO)
            self._row[missing] = rows
            self._filled += len(missing)
        return self._table, self._row[states]

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        columns = self._columns[tokens]
        return np.asarray(self._lm.advance(torch.from_numpy(states), torch.from_numpy(np.maximum(columns, 0))), np.int64)
