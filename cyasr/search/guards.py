"""Guards against the two ways attention decoding fails by itself: outputs that end at once, and outputs that loop.

CTC reads every frame once, so it neither stops early nor repeats without cause; its best path gives the bounds:

- an output has at least a quarter of the best path's tokens, and at least one where the best path has one, so an empty
  output is given only where CTC hears nothing either;
- it has at most one and a half times the best path's tokens and ten more, and has to end by itself within them;
- a unit of one to eight tokens said again at once is a repeat. An output may hold, for each length of the unit, three
  repeats more than the best path, and one more for every ten tokens of it (CTC merges some double letters): "ναι ναι ναι
  ναι" may be said, and more of it where CTC hears more. A hypothesis that goes further is dropped from the beam;
- where nothing is left, the best path itself is the output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SHORTEST_RATIO, LONGEST_RATIO, LONGEST_MORE = 0.25, 1.5, 10
UNIT, REPEATS_MORE, REPEATS_RATIO = 8, 3, 0.1


@dataclass(frozen=True)
class Limits:
    """What outputs of N utterances may look like.

    shortest, longest: (N,) tokens; repeats: (N, UNIT) of units of 1 … UNIT tokens.
    """

    shortest: Ints
    longest: Ints
    repeats: Ints


def limits(best_paths: list[list[int]]) -> Limits | None:
    """From the greedy CTC tokens of each utterance; None without any."""
    if not best_paths:
        return None
    lengths = np.array([len(path) for path in best_paths], np.int64)
    repeats = np.stack([repeated(np.array(path, np.int64)) for path in best_paths])
    return Limits(
        shortest=np.ceil(SHORTEST_RATIO * lengths).astype(np.int64),
        longest=(LONGEST_RATIO * lengths).astype(np.int64) + LONGEST_MORE,
        repeats=repeats + REPEATS_MORE + (REPEATS_RATIO * lengths[:, None]).astype(np.int64),
    )


@numba.njit(cache=True)
def repeated(tokens: Ints) -> Ints:
    """tokens: (L,) -> (UNIT,) how often a unit of 1 … UNIT tokens follows itself: `a b a b a b c c` has 1 and 2."""
    counts = np.zeros(UNIT, np.int64)
    for size in range(1, UNIT + 1):
        equal = 0
        for i in range(size, len(tokens)):
            equal = equal + 1 if tokens[i] == tokens[i - size] else 0
            if equal == size:
                counts[size - 1] += 1
                equal = 0
    return counts


@numba.njit(cache=True)
def looping(tokens: Ints, repeats: Ints) -> NDArray[np.bool_]:
    """tokens: (N, beam, L) hypotheses; repeats: (N, UNIT) allowed -> (N, beam), True where there are more."""
    count, beam, _ = tokens.shape
    found = np.zeros((count, beam), np.bool_)
    for n in range(count):
        for k in range(beam):
            found[n, k] = (repeated(tokens[n, k]) > repeats[n]).any()
    return found
