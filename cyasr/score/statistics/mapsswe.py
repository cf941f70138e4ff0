"""Matched-pairs sentence-segment word error test (Gillick & Cox, ICASSP 1989, doi:10.1109/ICASSP.1989.266481).

Two systems' errors on the same speech are compared segment by segment, so that segments are nearly independent where
errors within a sentence are not. As in NIST's tests (Pallett, Fisher & Fiscus, ICASSP 1990) and sclite's `sc_stats -t
mapsswe`, a segment ends where both systems have two neighbouring words right and nothing inserted between them;
stretches without an error in either system are no segments. The decision is two-sided, at |z| > 1.960.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CRITICAL = 1.960

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Mapsswe:
    """b against a. mean, deviation: of the errors of b minus those of a, by segment (deviation over n - 1).

    z is 0 and p 1 where no segment differs from another: there is no spread to measure the mean by.
    """

    segments: int
    mean: float
    deviation: float
    z: float
    p: float

    @property
    def shown(self) -> bool:
        return abs(self.z) > CRITICAL


def test(ops_a: Sequence[str], ops_b: Sequence[str]) -> Mapsswe:
    """Test the alignments (one string of C, S, D and I an utterance) of two systems with the same references.

    Raises ValueError, naming the position, where a pair is not of one reference length.
    """
    errors_a, errors_b = segments(ops_a, ops_b)
    difference = errors_b - errors_a
    count = len(difference)
    mean = float(difference.mean()) if count else 0.0
    deviation = float(difference.std(ddof=1)) if count > 1 else 0.0
    if deviation == 0:
        return Mapsswe(count, mean, 0.0, 0.0, 1.0)
    z = mean / (deviation / math.sqrt(count))
    return Mapsswe(count, mean, deviation, z, math.erfc(abs(z) / math.sqrt(2)))


def segments(ops_a: Sequence[str], ops_b: Sequence[str]) -> tuple[Ints, Ints]:
    """Errors of a and of b (M,) in the M segments in which at least one of them has an error."""
    words_a, words_b = _lengths(ops_a), _lengths(ops_b)
    if len(words_a) != len(words_b):
        raise ValueError(f"{len(words_a)} alignments against {len(words_b)}")
    if (words_a != words_b).any():
        at = int(np.argmax(words_a != words_b))
        raise ValueError(f"alignments {at}: {words_a[at]} reference words against {words_b[at]}")
    wrong_a, inserted_a = _errors(ops_a, words_a)
    wrong_b, inserted_b = _errors(ops_b, words_b)
    right = (wrong_a + wrong_b) == 0
    clean = (inserted_a + inserted_b) == 0
    # Word w follows slot w of its utterance; a cut lies before the second of two right words with a clean slot between.
    # An utterance has one slot more than words, so its first word is never a second one.
    first_slots = np.cumsum(words_a + 1) - (words_a + 1)
    slots = np.arange(len(right)) + np.repeat(np.arange(len(words_a)), words_a)
    cut = np.zeros(len(clean), bool)
    cut[slots[1:]] = right[1:] & right[:-1] & clean[slots[1:]]
    cut[first_slots] = True
    segment = np.cumsum(cut) - 1
    size = int(cut.sum())
    errors = [
        np.bincount(segment, weights=inserted, minlength=size) + np.bincount(segment[slots], weights=wrong, minlength=size)
        for wrong, inserted in ((wrong_a, inserted_a), (wrong_b, inserted_b))
    ]
    held = (errors[0] > 0) | (errors[1] > 0)
    return errors[0][held].astype(np.int64), errors[1][held].astype(np.int64)


def _lengths(ops: Sequence[str]) -> Ints:
    return np.fromiter((len(one) - one.count("I") for one in ops), np.int64, len(ops))


def _errors(ops: Sequence[str], words: Ints) -> tuple[Ints, Ints]:
    """Is each reference word wrong (W,), and how many words are inserted in each slot: W + N of them, one before each
    word and one at the end of each utterance."""
    codes = np.frombuffer("".join(ops).encode("ascii"), np.uint8)
    inserted = codes == ord("I")
    wrong = (codes[~inserted] != ord("C")).astype(np.int64)
    utterance = np.repeat(np.arange(len(ops)), np.fromiter(map(len, ops), np.int64, len(ops)))
    slots = (np.cumsum(~inserted) + utterance)[inserted]
    return wrong, np.bincount(slots, minlength=int(words.sum()) + len(ops))
