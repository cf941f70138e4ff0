"""The look-ups of cyasr.lm.ngram one at a time, compiled: for searches that meet their contexts one by one."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Tables(NamedTuple):
    """An NgramLM's arrays, as its own docstrings describe them."""

    last: Ints  # (G,)
    children: Ints  # (S + 1,)
    suffix: Ints  # (S,)
    shortest: Ints  # (S,)
    log_prob: NDArray[np.float32]  # (G,) natural log
    backoff: NDArray[np.float32]  # (S,)


@numba.njit(cache=True, nogil=True)
def score(lm: Tables, state: int, token: int) -> float:
    """Natural log of `token`, a place in the vocabulary, after `state`."""
    weight = 0.0
    while state > 0:
        found = _find(lm, state, token)
        if found > 0:
            return weight + lm.log_prob[found - 1]
        weight += lm.backoff[state]
        state = lm.suffix[state]
    return weight + lm.log_prob[token]


@numba.njit(cache=True, nogil=True)
def advance(lm: Tables, state: int, token: int) -> int:
    """The state after one more token."""
    if len(lm.backoff) == 1:  # a unigram has but one
        return 0
    while state > 0:
        found = _find(lm, state, token)
        if 0 < found < len(lm.backoff):
            return lm.shortest[found]
        state = lm.suffix[state]
    return lm.shortest[1 + token]


@numba.njit(cache=True, nogil=True)
def sentence_scores(lm: Tables, start: int, ids: Ints, bos: int) -> NDArray[np.float64]:
    """ids: sentences in a row, each beginning with `bos` -> (N,) natural log of each, one that begins in `start`."""
    totals = np.zeros((ids == bos).sum())
    n, state = -1, 0
    for token in ids:
        if token == bos:
            n += 1
            state = start
        else:
            totals[n] += score(lm, state, token)
            state = advance(lm, state, token)
    return totals


@numba.njit(cache=True, nogil=True)
def _find(lm: Tables, state: int, token: int) -> int:
    """The number of the n-gram `state` + `token`; 0 where there is none."""
    low, end = lm.children[state] - 1, lm.children[state + 1] - 1
    high = end
    while low < high:
        middle = (low + high) >> 1
        if lm.last[middle] < token:
            low = middle + 1
        else:
            high = middle
    return low + 1 if low < end and lm.last[low] == token else 0
