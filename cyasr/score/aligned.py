"""Aligned words of many utterances as arrays: what features, PIER and confusions count over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from cyasr.score.wer import DELETION, INSERTION, Alignments

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NONE = -1


@dataclass(frozen=True)
class AlignedWords:
    """K operations of N utterances, one after the other. ref, hyp: (K,) indices into `words`, -1 where an operation
    has no word on that side; utterance: (K,) 0 … N-1."""

    words: list[str]
    ref: Ints
    hyp: Ints
    utterance: Ints

    @cached_property
    def pairs(self) -> list[tuple[int, int, int]]:
        """(reference word, hypothesis word, times) of each distinct pair, as indices into `words`, -1 for none."""
        size = len(self.words) + 1
        keys, times = np.unique((self.ref + 1) * size + self.hyp + 1, return_counts=True)
        return list(zip((keys // size - 1).tolist(), (keys % size - 1).tolist(), times.tolist(), strict=True))

    def errors(self) -> Iterator[tuple[str | None, str | None, int]]:
        """(reference word, hypothesis word, times) of each distinct error, None for no word."""
        for ref, hyp, times in self.pairs:
            if ref != hyp:
                yield None if ref < 0 else self.words[ref], None if hyp < 0 else self.words[hyp], times


def flatten(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]], alignments: Alignments) -> AlignedWords:
    """The arrays of `alignments` = wer.align(references, hypotheses). Raises ValueError where they do not belong together."""
    ops = alignments.ops
    ref_words, hyp_words = list(chain.from_iterable(references)), list(chain.from_iterable(hypotheses))
    has_ref, has_hyp = ops != INSERTION, ops != DELETION
    sizes = (len(references), len(hypotheses), int(has_ref.sum()), int(has_hyp.sum()))
    if sizes != (len(alignments.counts), len(alignments.counts), len(ref_words), len(hyp_words)):
        raise ValueError("these alignments are of other references or hypotheses")
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(chain(ref_words, hyp_words)))}
    ref, hyp = np.full(len(ops), NONE, np.int64), np.full(len(ops), NONE, np.int64)
    ref[has_ref] = np.fromiter(map(vocabulary.__getitem__, ref_words), np.int64, len(ref_words))
    hyp[has_hyp] = np.fromiter(map(vocabulary.__getitem__, hyp_words), np.int64, len(hyp_words))
    utterance = np.repeat(np.arange(len(alignments.counts)), np.diff(alignments.starts))
    return AlignedWords(list(vocabulary), ref, hyp, utterance)
