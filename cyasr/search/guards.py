"""Guards against the two ways attention decoding fails by itself: outputs that end at once, and outputs that loop.

CTC reads every frame once, so it neither stops early nor repeats without cause; its best path gives the bounds:

- an output has at least a quarter of the best path's tokens, and at least one where the best path has one, so an empty
  output is given only where CTC hears nothing either;
- it has at most twice the best path's tokens and ten more, and has to end by itself: what would go on is dropped;
- the same one to eight tokens may stand in a row four times, or twice oftener than the best path itself has them
  ("ναι ναι ναι ναι ναι" may be said); a hypothesis that goes further is dropped from the beam;
- where nothing is left, the best path itself is the output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SHORTEST_RATIO, LONGEST_RATIO, LONGEST_MORE = 0.25, 2.0, 10
PERIOD, REPEATS, REPEATS_MORE = 8, 4, 2


@dataclass(frozen=True)
class Limits:
    """What outputs of N utterances may look like.

    shortest, longest: (N,) tokens; repeats: (N, PERIOD) how often a unit of 1 … PERIOD tokens may stand in a row.
    """

    shortest: Ints
    longest: Ints
    repeats: Ints


def limits(best_paths: list[list[int]]) -> Limits | None:
    """From the greedy CTC tokens of each utterance; None without any."""
    if not best_paths:
        return None
    lengths = np.array([len(path) for path in best_paths], np.int64)
    shortest = np.ceil(SHORTEST_RATIO * lengths).astype(np.int64)
    longest = (LONGEST_RATIO * lengths + LONGEST_MORE).astype(np.int64)
    repeats = np.stack([_repeats(np.array(path, np.int64)) for path in best_paths])
    return Limits(shortest, longest, np.maximum(REPEATS, repeats + REPEATS_MORE))


@numba.njit(cache=True)
def _repeats(tokens: Ints) -> Ints:
    """(PERIOD,) the longest run of each period, in units: `a b a b a` holds b a b a, so 2 of period two, 1 of period one."""
    most = np.zeros(PERIOD, np.int64)
    for period in range(1, PERIOD + 1):
        equal = 0
        for i in range(len(tokens)):
            equal = equal + 1 if i >= period and tokens[i] == tokens[i - period] else 0
            most[period - 1] = max(most[period - 1], equal // period + 1)
    return most


def looping(tokens: Ints, repeats: Ints, end: int) -> NDArray[np.bool_]:
    """tokens: (N, beam, L) hypotheses; repeats: (N, PERIOD) -> (N, beam), True where the tail repeats more often than that.

    A final `end` is not looked at: what it ends was seen one step earlier.
    """
    return _looping(tokens, repeats, end)


@numba.njit(cache=True)
def _looping(tokens: Ints, repeats: Ints, end: int) -> NDArray[np.bool_]:
    count, beam, length = tokens.shape
    found = np.zeros((count, beam), np.bool_)
    for n in range(count):
        for k in range(beam):
            tail = tokens[n, k]
            if length == 0 or tail[length - 1] == end:
                continue
            for period in range(1, PERIOD + 1):
                needed = repeats[n, period - 1] * period  # equal tokens one period apart: one unit more than allowed
                if length < needed + period:
                    continue
                equal = 0
                while equal < needed and tail[length - 1 - equal] == tail[length - 1 - equal - period]:
                    equal += 1
                if equal == needed:
                    found[n, k] = True
                    break
    return found
