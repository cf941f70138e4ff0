"""Word transition networks, compiled: many hypotheses of one utterance aligned into slots, one after the other.

A slot holds what each hypothesis says at that place, a word or nothing. Hypotheses join in order: ROVER's networks
(Fiscus, ASRU 1997, doi:10.1109/ASRU.1997.659110) where what counts is whether a word stands in a slot, with the costs of
NIST's tool; confusion networks of n-best lists (Mangu, Brill & Stolcke, Computer Speech & Language 14(4), 2000; Stolcke et
al., NIST Speech Transcription Workshop 2000) where it is how probable it is there: then a path costs the errors that it
would make on the average against the hypotheses already in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.score.kernel import compiled

NOTHING = 0  # the id that stands for no word; words are numbered from 1
TAKE, SKIP, INSERT = range(3)
# Of NIST's rover: a word where another stands, where nothing may stand; no word where one stands, where nothing may; one more
ANOTHER, IN_GAP, MISSING, GAP = 4.0, 1.0, 3.0, 0.001


@compiled
def build(
    words: NDArray[Any], starts: NDArray[Any], weights: NDArray[Any], vocabulary: int, expected: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Align H hypotheses of one utterance.

    words: ids from 1 up to `vocabulary` - 1, hypothesis h at starts[h]:starts[h + 1]; weights: (H,), the first above zero.
    Returns what each says in each of S slots (H, S) and how much weight each word has there (S, vocabulary). expected:
    costs are expected errors; else NIST's.
    """
    hypotheses = len(starts) - 1
    room = 2 * (starts[1] - starts[0]) + 8
    said = np.zeros((hypotheses, room), np.int32)
    mass = np.zeros((room, vocabulary))
    slots, total = 0, 0.0
    for h in range(hypotheses):
        hyp = words[starts[h] : starts[h + 1]]
        n, weight = len(hyp), weights[h]
        cost = np.empty((slots + 1, n + 1))
        back = np.empty((slots + 1, n + 1), np.uint8)
        one_more = 1.0 if expected else MISSING
        for j in range(n + 1):
            cost[0, j], back[0, j] = j * one_more, INSERT
        for k in range(1, slots + 1):
            gap = mass[k - 1, NOTHING]
            if expected:
                skip, take = 1 - gap / total, 1.0
            else:
                skip, take = GAP if gap > 0 else MISSING, IN_GAP if gap > 0 else ANOTHER
            cost[k, 0], back[k, 0] = cost[k - 1, 0] + skip, SKIP
            for j in range(1, n + 1):
                there = mass[k - 1, hyp[j - 1]]
                if expected:
                    here = 1 - there / total
                else:
                    here = 0.0 if there > 0 else take
                best, step = cost[k - 1, j - 1] + here, TAKE
                if cost[k, j - 1] + one_more < best:
                    best, step = cost[k, j - 1] + one_more, INSERT
                if cost[k - 1, j] + skip < best:
                    best, step = cost[k - 1, j] + skip, SKIP
                cost[k, j], back[k, j] = best, step
        new = 0
        k, j = slots, n
        while k > 0 or j > 0:
            step = back[k, j]
            new += step == INSERT
            k -= step != INSERT
            j -= step != SKIP
        if slots + new > room:
            room = 2 * (slots + new)
            more_said, more_mass = np.zeros((hypotheses, room), np.int32), np.zeros((room, vocabulary))
            more_said[:, :slots], more_mass[:slots] = said[:, :slots], mass[:slots]
            said, mass = more_said, more_mass
        k, j, to = slots, n, slots + new  # from the end, so that a slot is moved before its place is needed
        while k > 0 or j > 0:
            step = back[k, j]
            to -= 1
            if step == INSERT:
                mass[to] = 0.0
                mass[to, NOTHING] = total
                said[:h, to] = NOTHING
            elif to != k - 1:
                mass[to] = mass[k - 1]
                said[:h, to] = said[:h, k - 1]
            word = NOTHING if step == SKIP else hyp[j - 1]
            mass[to, word] += weight
            said[h, to] = word
            k -= step != INSERT
            j -= step != SKIP
        slots += new
        total += weight
    return said[:, :slots].copy(), mass[:slots].copy()


@compiled
def pair_distances(words: NDArray[Any], starts: NDArray[Any]) -> NDArray[Any]:
    """(H, H) word errors of each hypothesis against each other. What two begin and end with alike is not compared."""
    hypotheses = len(starts) - 1
    longest = 0
    for h in range(hypotheses):
        longest = max(longest, starts[h + 1] - starts[h])
    found = np.zeros((hypotheses, hypotheses), np.int64)
    row = np.empty(longest + 1, np.int64)
    for a in range(hypotheses):
        for b in range(a):
            i0, i1, j0, j1 = starts[a], starts[a + 1], starts[b], starts[b + 1]
            while i0 < i1 and j0 < j1 and words[i0] == words[j0]:
                i0 += 1
                j0 += 1
            while i0 < i1 and j0 < j1 and words[i1 - 1] == words[j1 - 1]:
                i1 -= 1
                j1 -= 1
            n = j1 - j0
            for j in range(n + 1):
                row[j] = j
            for i in range(i0, i1):
                diagonal = row[0]
                row[0] += 1
                for j in range(1, n + 1):
                    best = diagonal + (words[i] != words[j0 + j - 1])
                    diagonal = row[j]
                    row[j] = min(best, diagonal + 1, row[j - 1] + 1)
            found[a, b] = found[b, a] = row[n]
    return found
