"""The ladder of word errors: strict >= fold >= lenient, each over the number of strict reference words.

strict   words are right as T1 spells them
fold     words are right where their keys are equal (cyasr.text.variants.fold): spelling variants, word to word
lenient  besides, licensed phrases are right for one another, one by one: εν να for εννα, but neither for what the other
         may stand for elsewhere; after the multi-reference WER of Ali et al. (ASRU 2015, doi:10.1109/ASRU.2015.7404847)
         and WERd (Ali, Nakov, Bell & Renals 2017, arXiv:1709.07484), with rules and rows in place of mined variants

Each rung has all alignments of the one before and more, so the order holds for every utterance. Every match of unequal
spelling is counted in `used`, so that leniency cannot hide errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cyasr.score import wer
from cyasr.score.wer import Alignments
from cyasr.text import variants

Ints = NDArray[np.int64]
Words = Sequence[Sequence[str]]
Used = Counter[tuple[str, str, str]]

LICENCE = "licence:"


@dataclass(frozen=True)
class Rungs:
    """fold: the alignment of the words' keys. lenient_errors: (N,). matches, fold_matches: (M, 5), every match of unequal
    spelling on the lenient and on the fold rung: utterance, ref start, ref end, hyp start, hyp end (words of it)."""

    references: Words
    hypotheses: Words
    fold: Alignments
    lenient_errors: Ints
    fold_matches: Ints
    matches: Ints

    @property
    def fold_errors(self) -> Ints:
        """(N,)."""
        return self.fold.errors

    @cached_property
    def used(self) -> Used:
        """(reference phrase, hypothesis phrase, rules joined by +) and how often the lenient rung took them for equal."""
        return self._count(self.matches)

    @cached_property
    def fold_used(self) -> Used:
        """The same on the fold rung, where both phrases are single words."""
        return self._count(self.fold_matches)

    def match(self, row: Ints) -> tuple[str, str, str]:
        """One row of `matches` in words: reference phrase, hypothesis phrase, rules."""
        utterance, i0, i1, j0, j1 = (int(value) for value in row)
        one, other = " ".join(self.references[utterance][i0:i1]), " ".join(self.hypotheses[utterance][j0:j1])
        return one, other, rules(one, other)

    def _count(self, matches: Ints) -> Used:
        pairs: Counter[tuple[str, str]] = Counter()
        for utterance, i0, i1, j0, j1 in matches.tolist():
            reference, hypothesis = self.references[utterance], self.hypotheses[utterance]
            if i1 - i0 == j1 - j0 == 1:
                pairs[reference[i0], hypothesis[j0]] += 1
            else:
                pairs[" ".join(reference[i0:i1]), " ".join(hypothesis[j0:j1])] += 1
        return Counter({(one, other, rules(one, other)): count for (one, other), count in pairs.items()})


def climb(references: Words, hypotheses: Words, strict: Alignments | None = None) -> Rungs:
    """The upper rungs of N pairs of word lists in T1. strict: their alignment, whose order against ours is checked.

    Raises ValueError where there are not equally many of both, or `strict` is of other words.
    """
    from cyasr.score import kernel, lattice

    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    vocabulary: dict[str, int] = {}
    ref, ref_starts = wer.word_ids(references, vocabulary)
    hyp, hyp_starts = wer.word_ids(hypotheses, vocabulary)
    keys: dict[str, int] = {}
    key_of = np.zeros(len(ref) + len(hyp) + 1, np.int32)
    for word, number in vocabulary.items():
        key_of[number] = keys.setdefault(variants.fold(word), len(keys))
    ref_keys, hyp_keys = key_of[ref], key_of[hyp]
    fold = Alignments(*kernel.align_all(ref_keys, ref_starts, hyp_keys, hyp_starts, kernel.TABLE))
    fold_matches = _unequal(fold, ref, ref_starts, hyp, hyp_starts)
    errors, anew, matches = lattice.lenient_all(
        *(ref_keys, ref_starts, hyp_keys, hyp_starts, (ref, hyp), (fold.errors, fold.ops, fold.starts)),
        *_licensed(keys),
        lattice.CELLS,
    )
    kept = fold_matches[~anew[fold_matches[:, 0]]]
    together = np.concatenate([kept, matches])
    if strict is not None and ((strict.errors < fold.errors) | (fold.errors < errors)).any():
        raise ValueError("strict >= fold >= lenient does not hold: these are alignments of other words")
    return Rungs(references, hypotheses, fold, errors, fold_matches, together[np.argsort(together[:, 0], kind="stable")])


def rules(one: str, other: str) -> str:
    """What makes two phrases equal: `marks+final_n` for two words of one key, `licence:future` for a licensed pair."""
    if " " not in one + other and (names := variants.rules_between(one, other)):
        return "+".join(names)
    pair = variants.phrase_key(one), variants.phrase_key(other)
    return LICENCE + "+".join(sorted({rule for *keys, rule in variants.licences() if pair in (tuple(keys), tuple(keys[::-1]))}))


def signature(rung: str = "lenient") -> str:
    """What a rung's score depends on, beside the text profile: rules, version, rows, licences."""
    if rung == "strict":
        return "strict.v1"
    if rung == "fold":
        return variants.signature()
    return f"lenient.v1:{len(variants.licences())} licences|{variants.signature()}"


def _unequal(fold: Alignments, ref: NDArray[np.int32], ref_starts: Ints, hyp: NDArray[np.int32], hyp_starts: Ints) -> Ints:
    """Matches (M, 5) of words that are not spelled the same."""
    takes_ref, takes_hyp = fold.ops != wer.INSERTION, fold.ops != wer.DELETION
    i, j = np.cumsum(takes_ref) - 1, np.cumsum(takes_hyp) - 1
    at = np.flatnonzero(fold.ops == wer.CORRECT)
    at = at[ref[i[at]] != hyp[j[at]]]
    pair = np.searchsorted(fold.starts, at, side="right") - 1
    first, second = i[at] - ref_starts[pair], j[at] - hyp_starts[pair]
    return np.stack([pair, first, first + 1, second, second + 1], axis=1).astype(np.int64)


def _licensed(keys: dict[str, int]) -> tuple[NDArray[np.int32], ...]:
    """The licensed phrases of words that occur, as the kernel wants them: see lattice.lenient_all."""
    numbers: dict[tuple[int, ...], int] = {}
    links: set[tuple[int, int]] = set()
    for one, other, _ in variants.licences():
        if all(word in keys for word in f"{one} {other}".split()):
            pair = [numbers.setdefault(tuple(keys[word] for word in side.split()), len(numbers)) for side in (one, other)]
            links |= {(pair[0], pair[1]), (pair[1], pair[0])}
    phrases = list(numbers)
    by_first = sorted(range(len(phrases)), key=lambda phrase: phrases[phrase][0])
    ordered = sorted(links)
    return (
        np.array([word for phrase in phrases for word in phrase], np.int32),
        _bounds([len(phrase) for phrase in phrases]),
        np.array(by_first, np.int32),
        _bounds(np.bincount([phrase[0] for phrase in phrases], minlength=len(keys)) if phrases else [0] * len(keys)),
        np.array([other for _, other in ordered], np.int32),
        _bounds(np.bincount([one for one, _ in ordered], minlength=len(phrases)) if ordered else [0] * len(phrases)),
    )


def _bounds(sizes: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int32]:
    """Where groups of `sizes` start, one after the other, and where the last one ends."""
    bounds = np.zeros(len(sizes) + 1, np.int32)
    np.cumsum(sizes, out=bounds[1:])
    return bounds
