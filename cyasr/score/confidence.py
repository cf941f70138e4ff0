"""How well confidences tell right words from wrong ones.

nce: normalised cross entropy, as NIST's sclite has it: 1 where every word is known for what it is, 0 where confidences
say no more than the share of right words does, below where they mislead. ece: expected calibration error, the mean
distance of confidence and share of right words in BINS bins of equal width. auc: how often a right word has a higher
confidence than a wrong one, equal ones counting half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 10
SUREST = 1e-4  # no word is surer than that: one certain and wrong would cost all others' entropy

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def figures(confidences: Floats, right: Flags) -> dict[str, float | int | None]:
    """words, ece, nce and auc; None where it needs right words and wrong ones and there is only one kind."""
    return {
        "words": len(right),
        "ece": _rounded(ece(confidences, right)),
        "nce": _rounded(nce(confidences, right)),
        "auc": _rounded(auc(confidences, right)),
    }


def ece(confidences: Floats, right: Flags) -> float | None:
    if not len(right):
        return None
    bins = np.minimum((confidences * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(bins, confidences - right, BINS)
    return float(np.abs(gaps).sum() / len(right))


def nce(confidences: Floats, right: Flags) -> float | None:
    total, count = len(right), int(right.sum())
    if count in (0, total):
        return None
    share = count / total
    entropy = -count * np.log2(share) - (total - count) * np.log2(1 - share)
    p = np.clip(confidences, SUREST, 1 - SUREST)
    said = np.log2(p[right]).sum() + np.log2(1 - p[~right]).sum()
    return float((entropy + said) / entropy)


def auc(confidences: Floats, right: Flags) -> float | None:
    """By the rank sum of the right words (Mann & Whitney 1947)."""
    wrong = int((~right).sum())
    count = len(right) - wrong
    if not wrong or not count:
        return None
    _, places, times = np.unique(confidences, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(times) - (times - 1) / 2)[places]
    return float((ranks[right].sum() - count * (count + 1) / 2) / (count * wrong))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
