"""Interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998, section 3 and equation 26).

Below the highest order an n-gram counts the different tokens before it, except that those beginning with <s>, which
nothing precedes, keep their counts. Single tokens are interpolated with the uniform distribution over the vocabulary
without <s>; a token never seen, <unk> as a rule, has that share alone. Pruned n-grams give their mass to the back-off.
These are the conventions of Heafield et al. 2013 (lmplz), so that models can be compared number by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import BOS, Counts, NgramCounts, find_sorted, pack, unpack
from cyasr.lm.ngram import NO_LOG_PROB, NgramLM

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

FALLBACK = (0.5, 1.0, 1.5)  # lmplz --discount_fallback's


@dataclass
class Discounts:
    """What is taken off counts of 1, 2 and 3 or more. fallback: the counts of counts allow no estimate (tiny text)."""

    amounts: tuple[float, float, float]
    fallback: bool

    def of(self, counts: Counts) -> Floats:
        return np.array([0.0, *self.amounts])[np.minimum(counts, 3)]


def discounts(counts: Counts) -> Discounts:
    """Equation 26: D_j = j - (j + 1) Y n_{j+1} / n_j with Y = n_1 / (n_1 + 2 n_2), n_j n-grams having count j.

    Where n_1, n_2 or n_3 is none, or a D_j would be 0, below or above j, FALLBACK is taken for all three.
    """
    n = [int(np.count_nonzero(counts == j)) for j in range(5)]
    if all(n[1:4]):
        y = n[1] / (n[1] + 2 * n[2])
        one, two, three = (j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3))
        if 0 < one <= 1 and 0 < two <= 2 and 0 < three <= 3:
            return Discounts((one, two, three), False)
    return Discounts(FALLBACK, True)


def estimate(counted: NgramCounts, prune: Sequence[int] = ()) -> tuple[NgramLM, list[Discounts]]:
    """The model, and the discounts of each order. Empties `counted` of its keys and counts.

    prune: n-grams of order n seen at most prune[n - 1] times are left out; thresholds never fall and begin with 0.
    """
    order = len(counted.keys)
    thresholds = [*prune, *[prune[-1] if prune else 0] * (order - len(prune))]
    numbered = 1 + np.concatenate([[0], np.cumsum([len(keys) for keys in counted.keys])])  # each order's first number
    shorter = np.zeros(len(counted.vocab), np.int64)  # number of each n-gram without its first token
    after_bos = np.arange(len(counted.vocab)) == BOS  # n-grams that begin with <s>
    before_probs = np.array([1 / (len(counted.vocab) - 1)])  # of the order below, from its first number on
    before_first = 0
    kept: list[NDArray[np.bool_]] = []
    log_probs: list[NDArray[np.float32]] = []
    backoffs: list[NDArray[np.float32]] = []
    used: list[Discounts] = []
    for n in range(1, order + 1):
        keys, seen = counted.keys[n - 1], counted.counts[n - 1]
        adjusted = seen
        if n < order:
            longer_shorter = _without_first(counted.keys[n], keys, shorter, numbered[n - 1])
            adjusted = np.bincount(longer_shorter - numbered[n - 1], minlength=len(keys))
            adjusted[after_bos] = seen[after_bos]
        if n == 1:
            adjusted = adjusted.copy()
            adjusted[BOS] = 0
        kept.append(seen > thresholds[n - 1] if n > 1 else np.ones(len(keys), bool))
        used.append(discounts(adjusted))
        previous = unpack(keys)[0]
        contexts = previous - before_first
        share, gamma = _discounted(adjusted, contexts, len(before_probs), used[-1], kept[-1])
        probs = share + gamma[contexts] * before_probs[shorter - before_first]
        if n > 1:
            backoffs.append(np.log(gamma).astype(np.float32))
        log_probs.append(np.minimum(np.log(probs), 0.0).astype(np.float32))
        if n == 1:
            log_probs[0][BOS] = NO_LOG_PROB
        before_probs, before_first = probs, int(numbered[n - 1])
        if n < order:
            after_bos = after_bos[unpack(counted.keys[n])[0] - numbered[n - 1]]
            shorter = longer_shorter
    model = _assemble(counted, kept, log_probs, backoffs)
    return model, used


def _without_first(longer: NDArray[np.uint64], keys: NDArray[np.uint64], shorter: Numbers, first: int) -> Numbers:
    """Numbers of the n-grams that the `longer` ones, of order n + 1, are without their first token."""
    previous, token = unpack(longer)
    return find_sorted(keys, pack(shorter[previous - first], token)) + first


def _discounted(
    counts: Counts, contexts: Numbers, number: int, taken: Discounts, kept: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """(each n-gram's discounted share of its context, what each of the `number` contexts leaves to the order below)."""
    whole = np.bincount(contexts, counts, number)
    off = taken.of(counts)
    left = np.bincount(contexts, np.where(kept, off, counts), number)
    seen = whole > 0
    gamma = np.divide(left, whole, out=np.ones(number), where=seen)
    share = np.divide(counts - off, whole[contexts], out=np.zeros(len(counts)), where=counts > 0)
    return share, gamma


def _assemble(
    counted: NgramCounts,
    kept: list[NDArray[np.bool_]],
    log_probs: list[NDArray[np.float32]],
    backoffs: list[NDArray[np.float32]],
) -> NgramLM:
    """One model of all orders, the pruned n-grams left out and the others numbered anew."""
    all_kept = np.concatenate(kept)
    keys = np.concatenate(counted.keys)
    counted.keys.clear()
    counted.counts.clear()
    backoff = np.concatenate([np.zeros(1, np.float32), *backoffs])
    if not all_kept.all():
        numbers = np.concatenate([[0], np.cumsum(all_kept)])
        previous, token = unpack(keys[all_kept])
        keys = pack(numbers[previous], token)
        backoff = backoff[np.concatenate([[True], *kept[:-1]])]
    return NgramLM(counted.vocab, len(kept), keys, np.concatenate(log_probs)[all_kept], backoff)
