"""The tokens worth a full score: the best of each hypothesis by the attention decoder and the language model together."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from cyasr.search.ctc import Floats, Ints


@numba.njit(cache=True)
def best_tokens(
    table_att: NDArray[np.float32],
    row_att: Ints,
    table_lm: NDArray[np.float32],
    row_lm: Ints,
    att_weight: float,
    lm_weight: float,
    count: int,
    end: int,
) -> tuple[Ints, Floats, Floats]:
    """The `count` best tokens of each row by the weighted sum of the tables, and `end` as one more.

    Returns ids, attention scores, LM scores: (M, count + 1) each.
    """
    rows, vocabulary = len(row_att), table_att.shape[1]
    ids = np.empty((rows, count + 1), np.int64)
    att = np.empty((rows, count + 1))
    language = np.empty((rows, count + 1))
    best = np.empty(count, np.float32)
    w_att, w_lm = np.float32(att_weight), np.float32(lm_weight)
    for m in range(rows):
        a, b = table_att[row_att[m]], table_lm[row_lm[m]]
        filled = 0
        for v in range(vocabulary):
            value = w_att * a[v] + w_lm * b[v]
            if filled == count and not value > best[count - 1]:
                continue
            place = filled if filled < count else count - 1
            while count < vocabulary and place > 0 and best[place - 1] < value:
                best[place] = best[place - 1]
                ids[m, place] = ids[m, place - 1]
                place -= 1
            best[place] = value
            ids[m, place] = v
            filled = min(filled + 1, count)
        ids[m, count] = end
        for k in range(count + 1):
            att[m, k] = a[ids[m, k]]
            language[m, k] = b[ids[m, k]]
    return ids, att, language
