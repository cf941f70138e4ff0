"""Alignments as NIST's sclite makes them: for MAPSSWE, whose segments depend on where among ties an error is put.

A substitution costs 4, a deletion or an insertion 3 (sclite's manual). So five substitutions may give way to three
deletions and three insertions, and the errors are not always the fewest; of paths of equal cost, sclite's prefers, from
the end of the sentence, a pair of words, then an insertion, then a deletion (seen by comparing).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.score import kernel, wer

SUBSTITUTED, UNPAIRED = 4, 3
TABLE = 1 << 28  # cells (bytes); a pair of texts that needs more, 16,000 words each, is aligned for fewest errors
LETTERS = np.frombuffer(b"CSDI", np.uint8)


def align(references: Iterable[str], hypotheses: Iterable[str]) -> list[str]:
    """One string of C, S, D and I for each pair of texts, words being what blanks part."""
    ids: dict[str, int] = {}
    return [_pair(reference, hypothesis, ids) for reference, hypothesis in zip(references, hypotheses, strict=True)]


def _pair(reference: str, hypothesis: str, ids: dict[str, int]) -> str:
    if reference == hypothesis:
        return "C" * len(reference.split())
    ref, hyp = reference.split(), hypothesis.split()
    if len(ref) * len(hyp) > TABLE:
        ops = wer.align([ref], [hyp]).of(0)
    else:
        ops = _path(_numbers(ref, ids), _numbers(hyp, ids), SUBSTITUTED, UNPAIRED)
    return LETTERS[ops].tobytes().decode("ascii")


def _numbers(words: Sequence[str], ids: dict[str, int]) -> NDArray[np.int32]:
    return np.fromiter((ids.setdefault(word, len(ids)) for word in words), np.int32, len(words))


@kernel.compiled
def _path(ref: NDArray[Any], hyp: NDArray[Any], substituted: int, unpaired: int) -> NDArray[Any]:
    """The operations of one pair, uint8."""
    n, m = len(ref), len(hyp)
    came = np.empty((n + 1, m + 1), np.uint8)
    came[:, 0] = kernel.DELETION
    came[0, :] = kernel.INSERTION
    row = np.arange(m + 1) * unpaired
    for i in range(1, n + 1):
        diagonal = row[0]
        row[0] = i * unpaired
        for j in range(1, m + 1):
            if ref[i - 1] == hyp[j - 1]:
                best, op = diagonal, kernel.CORRECT
            else:
                best, op = diagonal + substituted, kernel.SUBSTITUTION
            if row[j - 1] + unpaired < best:
                best, op = row[j - 1] + unpaired, kernel.INSERTION
            if row[j] + unpaired < best:
                best, op = row[j] + unpaired, kernel.DELETION
            diagonal = row[j]
            row[j] = best
            came[i, j] = op
    ops = np.empty(n + m, np.uint8)
    at, i, j = n + m, n, m
    while i > 0 or j > 0:
        op = came[i, j]
        at -= 1
        ops[at] = op
        i -= op != kernel.INSERTION
        j -= op != kernel.DELETION
    return ops[at:].copy()
