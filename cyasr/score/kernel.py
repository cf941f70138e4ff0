"""Levenshtein's table over word ids, compiled. Imported only where something is scored: numba takes most of a second.

An alignment minimises (errors, substitutions) in that order: among the alignments with fewest errors those with most
correct words are taken, so S, D, I and C are properties of the two sentences and do not depend on how ties are walked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

CORRECT, SUBSTITUTION, DELETION, INSERTION = range(4)
# One error costs STEP, a substitution one more: no sentence has STEP substitutions, so errors always count first.
STEP = 1 << 24
# Cells of back-pointers (bytes) held at once; longer pairs are halved first (Hirschberg 1975, doi:10.1145/360825.360861).
TABLE = 1 << 24


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled by numba, kept on disk where a place for it can be written to."""
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # no writable place beside the source nor in the user's cache
        return numba.njit(function)


@compiled
def _last_row(ref: NDArray[Any], hyp: NDArray[Any], backwards: bool) -> NDArray[Any]:
    """Costs (len(hyp) + 1,) of aligning all of `ref` with each prefix of `hyp`, or each suffix, counted from the end."""
    n, m = len(ref), len(hyp)
    row = np.arange(m + 1) * STEP
    for i in range(1, n + 1):
        word = ref[n - i] if backwards else ref[i - 1]
        diagonal = row[0]
        row[0] = i * STEP
        for j in range(1, m + 1):
            other = hyp[m - j] if backwards else hyp[j - 1]
            best = diagonal if word == other else diagonal + STEP + 1
            best = min(best, row[j] + STEP, row[j - 1] + STEP)
            diagonal = row[j]
            row[j] = best
    return row


@compiled
def _align_block(ref: NDArray[Any], hyp: NDArray[Any], table: NDArray[Any], ops: NDArray[Any], at: int) -> int:
    """Write the operations of one pair to `ops` from `at` on; return where they end."""
    n, m = len(ref), len(hyp)
    row = np.arange(m + 1) * STEP
    for i in range(1, n + 1):
        word = ref[i - 1]
        diagonal = row[0]
        row[0] = i * STEP
        start = (i - 1) * m - 1
        for j in range(1, m + 1):
            if word == hyp[j - 1]:
                best, op = diagonal, CORRECT
            else:
                best, op = diagonal + STEP + 1, SUBSTITUTION
            if row[j] + STEP < best:
                best, op = row[j] + STEP, DELETION
            if row[j - 1] + STEP < best:
                best, op = row[j - 1] + STEP, INSERTION
            diagonal = row[j]
            row[j] = best
            table[start + j] = op
    i, j, end = n, m, at
    while i > 0 or j > 0:
        if i == 0:
            op = INSERTION
        elif j == 0:
            op = DELETION
        else:
            op = table[(i - 1) * m + j - 1]
        ops[end] = op
        end += 1
        i -= op != INSERTION
        j -= op != DELETION
    ops[at:end] = ops[at:end][::-1]
    return end


@compiled
def _align_pair(ref: NDArray[Any], hyp: NDArray[Any], table: NDArray[Any], ops: NDArray[Any], at: int) -> int:
    """As _align_block, for pairs of any length: equal ends are taken off, what is too large is halved."""
    n, m = len(ref), len(hyp)
    first = 0
    while first < n and first < m and ref[first] == hyp[first]:
        first += 1
    last = 0
    while last < n - first and last < m - first and ref[n - 1 - last] == hyp[m - 1 - last]:
        last += 1
    ops[at : at + first] = CORRECT
    end = at + first
    todo = [(first, n - last, first, m - last)]
    while todo:
        r0, r1, h0, h1 = todo.pop()
        if (r1 - r0) * (h1 - h0) <= len(table) or r1 - r0 < 2:
            if (r1 - r0) * (h1 - h0) > len(table):
                end = _align_block(ref[r0:r1], hyp[h0:h1], np.empty((r1 - r0) * (h1 - h0), np.uint8), ops, end)
            else:
                end = _align_block(ref[r0:r1], hyp[h0:h1], table, ops, end)
            continue
        middle = (r0 + r1) // 2
        left = _last_row(ref[r0:middle], hyp[h0:h1], False)
        right = _last_row(ref[middle:r1], hyp[h0:h1], True)
        cut = h0 + int(np.argmin(left + right[::-1]))
        todo.append((middle, r1, cut, h1))
        todo.append((r0, middle, h0, cut))
    ops[end : end + last] = CORRECT
    return end + last


@compiled
def align_all(
    ref: NDArray[Any], ref_starts: NDArray[Any], hyp: NDArray[Any], hyp_starts: NDArray[Any], limit: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Align N pairs of word-id sequences, each side concatenated, utterance i at starts[i]:starts[i + 1].

    limit: cells of back-pointers to hold at once. Returns counts (N, 4) of C, S, D, I; the operations of all pairs,
    uint8; and their starts (N + 1,).
    """
    pairs = len(ref_starts) - 1
    counts = np.zeros((pairs, 4), np.int64)
    starts = np.zeros(pairs + 1, np.int64)
    ops = np.empty(len(ref) + len(hyp), np.uint8)
    cells = 1
    for i in range(pairs):
        cells = max(cells, (ref_starts[i + 1] - ref_starts[i]) * (hyp_starts[i + 1] - hyp_starts[i]))
    table = np.empty(min(cells, limit), np.uint8)
    for i in range(pairs):
        one, other = ref[ref_starts[i] : ref_starts[i + 1]], hyp[hyp_starts[i] : hyp_starts[i + 1]]
        starts[i + 1] = _align_pair(one, other, table, ops, starts[i])
        for k in range(starts[i], starts[i + 1]):
            counts[i, ops[k]] += 1
    return counts, ops[: starts[-1]].copy(), starts


@compiled
def _is_space(c: int) -> bool:
    """What str.split takes for a blank."""
    if c < 0x80:
        return c == 0x20 or 0x09 <= c <= 0x0D or 0x1C <= c <= 0x1F
    if c < 0x1680:
        return c == 0x85 or c == 0xA0
    return 0x2000 <= c <= 0x200A or c in (0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)


@compiled
def word_ids(
    points: NDArray[Any], bounds: NDArray[Any], first: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Cut texts into words as str.split does and number the words: equal words get equal ids.

    points: the code points of all texts, one after the other; bounds (T + 1,): where each text starts; the first
    `first` texts are references. Returns ids and starts of the references' words, then of the hypotheses'. Words are
    found again by FNV-1a (Fowler, Noll & Vo) in a table with open addressing and compared letter by letter.
    """
    texts = len(bounds) - 1
    words = 1
    inside = False
    for k in range(len(points)):
        blank = _is_space(points[k])
        words += not blank and not inside
        inside = not blank
    words += texts  # a text may end in a word and the next begin with one
    size = 1
    while size < 2 * words:
        size *= 2
    table = np.full(size, -1, np.int32)
    hashes, begin, length = np.empty(words, np.uint64), np.empty(words, np.int64), np.empty(words, np.int32)
    ids = np.empty(words, np.int32)
    starts = np.empty(texts + 1, np.int64)
    known = count = 0
    for t in range(texts):
        starts[t] = count
        k, stop = bounds[t], bounds[t + 1]
        while k < stop:
            if _is_space(points[k]):
                k += 1
                continue
            here = k
            value = np.uint64(0xCBF29CE484222325)
            while k < stop and not _is_space(points[k]):
                value = (value ^ np.uint64(points[k])) * np.uint64(0x100000001B3)
                k += 1
            slot = np.int64((value ^ (value >> np.uint64(32))) & np.uint64(size - 1))
            while True:
                word = table[slot]
                if word < 0:
                    table[slot] = word = known
                    hashes[word], begin[word], length[word] = value, here, k - here
                    known += 1
                    break
                if hashes[word] == value and length[word] == k - here:
                    same = True
                    for offset in range(k - here):
                        if points[begin[word] + offset] != points[here + offset]:
                            same = False
                            break
                    if same:
                        break
                slot = (slot + 1) & (size - 1)
            ids[count] = word
            count += 1
    starts[texts] = count
    cut = starts[first]
    return ids[:cut].copy(), starts[: first + 1].copy(), ids[cut:count].copy(), starts[first:] - cut


@compiled
def distance_all(
    ref: NDArray[Any], ref_starts: NDArray[Any], hyp: NDArray[Any], hyp_starts: NDArray[Any], owner: NDArray[Any]
) -> NDArray[Any]:
    """Errors (M,) of M hypotheses; hypothesis k belongs to reference owner[k]."""
    errors = np.empty(len(owner), np.int64)
    for k in range(len(owner)):
        one = ref[ref_starts[owner[k]] : ref_starts[owner[k] + 1]]
        errors[k] = _last_row(one, hyp[hyp_starts[k] : hyp_starts[k + 1]], False)[-1] // STEP
    return errors


@compiled
def resampled_sums(values: NDArray[Any], resamples: int, seed: int) -> NDArray[Any]:
    """Sums (resamples, 2) of len(values) rows of `values` (K, 2), float64, drawn with replacement.

    The generator is SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195); each half of its output is
    scaled to an index by multiplication (Lemire 2019, doi:10.1145/3230636), biased by less than K / 2^32.
    """
    size = len(values)
    sums = np.zeros((resamples, 2))
    state = np.uint64(seed)
    gamma, low = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFFFFFFFF)
    k, half = np.uint64(size), np.uint64(32)
    for r in range(resamples):
        a = b = 0.0
        for draw in range(0, size, 2):
            state += gamma
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            first = ((z & low) * k) >> half
            a += values[first, 0]
            b += values[first, 1]
            if draw + 1 < size:
                second = ((z >> half) * k) >> half
                a += values[second, 0]
                b += values[second, 1]
        sums[r, 0] = a
        sums[r, 1] = b
    return sums
