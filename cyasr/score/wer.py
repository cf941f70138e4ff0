"""Alignments and error counts of word sequences, and of characters.

Word error rate is (S + D + I) / N over all utterances together, N the reference words: an utterance without reference
words has no rate of its own, but what was recognised there counts as insertions. Characters are grapheme clusters of
the NFC text, a letter with all its combining marks being one (σ̆ is one), and spaces between words count as characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

CORRECT, SUBSTITUTION, DELETION, INSERTION = range(4)
_MARKED_FIRST = 0xF0000  # private use: stands for a letter with its marks while distances are taken

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Alignments:
    """counts: (N, 4) of correct, substituted, deleted, inserted words; ops: all pairs' operations, uint8, one after
    the other; pair i's are ops[starts[i]:starts[i + 1]]."""

    counts: Ints
    ops: NDArray[np.uint8]
    starts: Ints

    @property
    def errors(self) -> Ints:
        """(N,) S + D + I."""
        return self.counts[:, 1:].sum(axis=1)

    def of(self, pair: int) -> NDArray[np.uint8]:
        return self.ops[self.starts[pair] : self.starts[pair + 1]]


def align(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> Alignments:
    """Align each reference with its hypothesis (lists of words): fewest errors, and among those most correct words.

    Raises ValueError where the two are not equally many.
    """
    from cyasr.score import kernel

    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    vocabulary: dict[str, int] = {}
    ref, ref_starts = word_ids(references, vocabulary)
    hyp, hyp_starts = word_ids(hypotheses, vocabulary)
    return Alignments(*kernel.align_all(ref, ref_starts, hyp, hyp_starts, kernel.TABLE))


def align_texts(references: Sequence[str], hypotheses: Sequence[str]) -> Alignments:
    """As `align`, of texts that are cut into words at blanks as str.split does; several times faster.

    Raises ValueError where the two are not equally many.
    """
    from cyasr.score import kernel

    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    texts = [*references, *hypotheses]
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=bounds[1:])
    return Alignments(*kernel.align_all(*kernel.word_ids(points, bounds, len(references)), kernel.TABLE))


def distances(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]], owner: Ints) -> Ints:
    """Word errors (M,) of M hypotheses, hypothesis k being one of reference owner[k]: for n-best lists."""
    from cyasr.score import kernel

    vocabulary: dict[str, int] = {}
    ref, ref_starts = word_ids(references, vocabulary)
    hyp, hyp_starts = word_ids(hypotheses, vocabulary)
    errors: Ints = kernel.distance_all(ref, ref_starts, hyp, hyp_starts, owner)
    return errors


def aligned_words(reference: Sequence[str], hypothesis: Sequence[str], ops: Iterable[int]) -> list[tuple[str | None, str | None]]:
    """The alignment as pairs (reference word, hypothesis word); None where a word was inserted or deleted."""
    ref, hyp = iter(reference), iter(hypothesis)
    return [(None if op == INSERTION else next(ref), None if op == DELETION else next(hyp)) for op in ops]


def character_errors(references: Sequence[str], hypotheses: Sequence[str]) -> tuple[Ints, Ints]:
    """Errors (N,) and reference lengths (N,) in characters as defined above."""
    from rapidfuzz.distance import Levenshtein

    units = _as_units([*references, *hypotheses])
    ref, hyp = units[: len(references)], units[len(references) :]
    errors = [Levenshtein.distance(one, other) for one, other in zip(ref, hyp, strict=True)]
    return np.array(errors, np.int64), np.array([len(one) for one in ref], np.int64)


def graphemes(text: str) -> list[str]:
    """The NFC text cut into letters, each with its combining marks (Unicode category M)."""
    clusters: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if clusters and unicodedata.category(character).startswith("M"):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _as_units(texts: Sequence[str]) -> list[str]:
    """NFC texts in which each letter with its marks is one private code point: a length in code points is in graphemes."""
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    marks = [character for character in set().union(*composed) if unicodedata.category(character).startswith("M")]
    if not marks:
        return composed
    stand_ins: dict[str, str] = {}
    marked = re.compile(f"(?s:.)[{re.escape(''.join(sorted(marks)))}]+")

    def stand_in(found: re.Match[str]) -> str:
        return stand_ins.setdefault(found[0], chr(_MARKED_FIRST + len(stand_ins)))

    return [marked.sub(stand_in, text) for text in composed]


def word_ids(sequences: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> tuple[NDArray[np.int32], Ints]:
    """All words as ids, one after the other, and where each sequence starts (N + 1,); new words extend `vocabulary`.

    A word's id is the place at which it was first met, so one pass over the words is enough; ids have gaps.
    """
    starts = np.zeros(len(sequences) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, sequences), np.int64, len(sequences)), out=starts[1:])
    first = max(vocabulary.values(), default=-1) + 1
    words = chain.from_iterable(sequences)
    return np.fromiter(map(vocabulary.setdefault, words, count(first)), np.int32, int(starts[-1])), starts
