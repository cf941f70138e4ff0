"""Edit distance over a lattice, compiled: beside words, licensed phrases of either side match each other.

Where phrase p ends at word i of the reference and its partner q at word j of the hypothesis, an arc leads from
(i - len(p), j - len(q)) to (i, j) at no cost: the confusion network of all spellings that Ali et al. (ASRU 2015,
doi:10.1109/ASRU.2015.7404847) make of several references, spelled out on both sides. Every path without arcs stays,
so errors never exceed those of the words alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.score.kernel import CORRECT, DELETION, INSERTION, SUBSTITUTION, compiled

# An alignment minimises errors, then substitutions and arcs, then matches of words that are not spelled the same.
ERROR, SECOND, THIRD = 1 << 42, 1 << 21, 1
ARC = 4  # back-pointers from here on are arcs
# Cells held at once (12 bytes each); a longer pair is cut where the alignment of its words has matches.
CELLS = 1 << 22


@compiled
def _occurrences(
    words: NDArray[Any], phrases: NDArray[Any], phrase_starts: NDArray[Any], by_first: NDArray[Any], first_starts: NDArray[Any]
) -> list[tuple[int, int]]:
    """(end, phrase) of every phrase in `words`; by_first: phrases by their first word, CSR over word ids."""
    found = [(0, 0) for _ in range(0)]
    for i in range(len(words)):
        for k in range(first_starts[words[i]], first_starts[words[i] + 1]):
            phrase = by_first[k]
            start, size = phrase_starts[phrase], phrase_starts[phrase + 1] - phrase_starts[phrase]
            if i + size > len(words):
                continue
            same = True
            for offset in range(1, size):
                if words[i + offset] != phrases[start + offset]:
                    same = False
                    break
            if same:
                found.append((i + size, phrase))
    return found


@compiled
def _align_lattice(
    ref: NDArray[Any], hyp: NDArray[Any], exact: tuple[NDArray[Any], NDArray[Any]], arcs: list[tuple[int, int, int, int]]
) -> tuple[int, list[tuple[int, int, int, int]]]:
    """Errors of one pair, and its matches of unequal spelling as (ref start, ref end, hyp start, hyp end)."""
    n, m = len(ref), len(hyp)
    cost = np.empty((n + 1, m + 1), np.int64)
    back = np.empty((n + 1, m + 1), np.int32)
    in_row = np.full(n + 1, -1, np.int32)  # linked lists of arcs by the reference word at which they end
    following = np.empty(len(arcs), np.int32)
    for a in range(len(arcs)):
        following[a] = in_row[arcs[a][1]]
        in_row[arcs[a][1]] = a
    for i in range(n + 1):
        for j in range(m + 1):
            if i == 0 and j == 0:
                cost[0, 0] = 0
                continue
            best, op = np.int64(1) << 62, 0
            if i > 0 and j > 0:
                if ref[i - 1] == hyp[j - 1]:
                    best, op = cost[i - 1, j - 1] + (THIRD if exact[0][i - 1] != exact[1][j - 1] else 0), CORRECT
                else:
                    best, op = cost[i - 1, j - 1] + ERROR + SECOND, SUBSTITUTION
            if i > 0 and cost[i - 1, j] + ERROR < best:
                best, op = cost[i - 1, j] + ERROR, DELETION
            if j > 0 and cost[i, j - 1] + ERROR < best:
                best, op = cost[i, j - 1] + ERROR, INSERTION
            a = in_row[i]
            while a >= 0:
                if arcs[a][3] == j and cost[arcs[a][0], arcs[a][2]] + SECOND < best:
                    best, op = cost[arcs[a][0], arcs[a][2]] + SECOND, ARC + a
                a = following[a]
            cost[i, j] = best
            back[i, j] = op
    used = [(0, 0, 0, 0) for _ in range(0)]
    i, j = n, m
    while i > 0 or j > 0:
        op = back[i, j]
        if op >= ARC:
            used.append(arcs[op - ARC])
            i, j = arcs[op - ARC][0], arcs[op - ARC][2]
            continue
        if op == CORRECT and exact[0][i - 1] != exact[1][j - 1]:
            used.append((i - 1, i, j - 1, j))
        i -= op != INSERTION
        j -= op != DELETION
    return cost[n, m] // ERROR, used[::-1]


@compiled
def _blocks(ops: NDArray[Any], n: int, m: int, cells: int) -> list[tuple[int, int, int, int]]:
    """A pair in parts of `cells` cells at most, cut in its alignment; after a match, wherever there is one in time."""
    blocks = [(0, 0, 0, 0) for _ in range(0)]
    if (n + 1) * (m + 1) <= cells:
        blocks.append((0, n, 0, m))
        return blocks
    r0 = h0 = r1 = h1 = 0
    for op in ops:
        r1 += op != INSERTION
        h1 += op != DELETION
        size = (r1 - r0 + 2) * (h1 - h0 + 2)
        if size > cells or (op == CORRECT and 2 * size > cells):
            blocks.append((r0, r1, h0, h1))
            r0, h0 = r1, h1
    blocks.append((r0, n, h0, m))
    return blocks


@compiled
def lenient_all(
    ref: NDArray[Any],
    ref_starts: NDArray[Any],
    hyp: NDArray[Any],
    hyp_starts: NDArray[Any],
    exact: tuple[NDArray[Any], NDArray[Any]],
    fold: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    phrases: NDArray[Any],
    phrase_starts: NDArray[Any],
    by_first: NDArray[Any],
    first_starts: NDArray[Any],
    partners: NDArray[Any],
    partner_starts: NDArray[Any],
    cells: int,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Align N pairs of key ids over their lattices; only those with errors and with licensed phrases on both sides.

    exact: ids of the words as spelled, shaped as ref and hyp; fold: (errors (N,), ops, starts) of the keys' alignment;
    partners: phrases licensed for each phrase, CSR. Returns errors (N,), whether a pair was aligned anew (N,), and its
    matches of unequal spelling (M, 5): pair, ref start, ref end, hyp start, hyp end, words counted within the pair.
    """
    pairs = len(ref_starts) - 1
    errors = fold[0].copy()
    anew = np.zeros(pairs, np.bool_)
    matches = [(0, 0, 0, 0, 0) for _ in range(0)]
    for pair in range(pairs):
        if errors[pair] == 0:
            continue
        r, h = ref_starts[pair], hyp_starts[pair]
        n, m = ref_starts[pair + 1] - r, hyp_starts[pair + 1] - h
        ours = _occurrences(ref[r : r + n], phrases, phrase_starts, by_first, first_starts)
        if len(ours) == 0:
            continue
        theirs = _occurrences(hyp[h : h + m], phrases, phrase_starts, by_first, first_starts)
        found = [(0, 0, 0, 0) for _ in range(0)]
        for end, phrase in ours:
            for other_end, other in theirs:
                for k in range(partner_starts[phrase], partner_starts[phrase + 1]):
                    if partners[k] == other:
                        size = phrase_starts[phrase + 1] - phrase_starts[phrase]
                        found.append((end - size, end, other_end - (phrase_starts[other + 1] - phrase_starts[other]), other_end))
        if len(found) == 0:
            continue
        anew[pair] = True
        errors[pair] = 0
        for r0, r1, h0, h1 in _blocks(fold[1][fold[2][pair] : fold[2][pair + 1]], n, m, cells):
            inside = [(0, 0, 0, 0) for _ in range(0)]
            for i0, i1, j0, j1 in found:
                if i0 >= r0 and i1 <= r1 and j0 >= h0 and j1 <= h1:
                    inside.append((i0 - r0, i1 - r0, j0 - h0, j1 - h0))
            spelled = (exact[0][r + r0 : r + r1], exact[1][h + h0 : h + h1])
            wrong, used = _align_lattice(ref[r + r0 : r + r1], hyp[h + h0 : h + h1], spelled, inside)
            errors[pair] += wrong
            for i0, i1, j0, j1 in used:
                matches.append((pair, i0 + r0, i1 + r0, j0 + h0, j1 + h0))
    out = np.empty((len(matches), 5), np.int64)
    for k in range(len(matches)):
        for column in range(5):
            out[k, column] = matches[k][column]
    return errors, anew, out
