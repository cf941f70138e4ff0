"""What an n-gram's states say of every token, weighted and exponentiated, kept while a search goes on."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from cyasr.lm.lookup import Tables

MOST = 1 << 22  # factors


class Rows(NamedTuple):
    """Filled by whoever asks for them; when none is left, all are given up."""

    row_of: NDArray[np.int64]  # (S,) -1: none
    factors: NDArray[np.float64]  # (R, V)
    filled: NDArray[np.int64]  # (1,) rows


def rows_for(lm: Tables, tokens: int) -> Rows:
    """None filled yet."""
    states = len(lm.backoff)
    return Rows(np.full(states, -1, np.int64), np.empty((min(states, 1 + MOST // tokens), tokens)), np.zeros(1, np.int64))


@numba.njit(cache=True, nogil=True)
def new_row(rows: Rows, state: int) -> int:
    """A row to fill for `state`."""
    if rows.filled[0] == len(rows.factors):
        rows.row_of[:] = -1
        rows.filled[0] = 0
    row = rows.filled[0]
    rows.filled[0] += 1
    rows.row_of[state] = row
    return row
