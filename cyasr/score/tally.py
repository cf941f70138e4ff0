"""Counts by utterance of one set of hypotheses against its references, taken chunk by chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.score import confusions, ladder, markup, wer
from cyasr.score.dialect import features
from cyasr.score.metrics import Translation
from cyasr.score.references import Normaliser
from cyasr.score.utterances import Utterance

CHUNK = 4096  # utterances held at once
MERGED = 16  # chunks whose confusions are added up at once
GROUPS = ("dialect", "domain", "speaker", "corpus", "label", "duration")
BINS = (2.0, 5.0, 10.0, 20.0)  # seconds
LETTERS = np.frombuffer(b"CSDI", np.uint8)
OPERATIONS = np.zeros(256, np.uint8)  # of a letter
OPERATIONS[LETTERS] = np.arange(4)
COSTS = {"levenshtein": markup.UNIT, "sclite": markup.SCLITE}
PER_UTTERANCE = (
    "oracle_errors",
    "hypotheses",
    "distinct",
    "character_errors",
    "characters",
    "fold_errors",
    "lenient_errors",
    "left_out",
)

Ints = NDArray[np.int64]
Pair = tuple[Utterance, Utterance]


@dataclass
class Grouping:
    """The value of one field for each of N utterances: values[codes[i]]; None where it is not known."""

    values: list[str | None]
    codes: NDArray[np.int32]

    def names(self) -> list[str | None]:
        return [self.values[code] for code in self.codes.tolist()]


@dataclass
class Tally:
    """All arrays are (N,), counts (N, 4); seconds are totals over all utterances.

    counts: correct, substituted, deleted, inserted words of the best hypothesis; an optional word that was left out is
    correct. oracle_errors: fewest word errors of any hypothesis; hypotheses: how many there were,
    distinct: different ones. confidences, right: (W,) of those hypothesis words whose confidence is known.
    used: (reference phrase, hypothesis phrase, rules) by how often the ladder took them for one.
    """

    counts: Ints
    oracle_errors: Ints
    hypotheses: Ints
    distinct: Ints
    character_errors: Ints
    characters: Ints
    fold_errors: Ints
    lenient_errors: Ints
    left_out: Ints
    groups: dict[str, Grouping]
    used: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    features: dict[str, Any] = field(default_factory=dict)
    confusions: dict[str, Any] = field(default_factory=dict)
    confidences: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    right: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    translation: Translation | None = None
    system: str = ""
    decode_seconds: float = 0.0
    audio_seconds: float = 0.0

    @property
    def words(self) -> Ints:
        return self.counts[:, : wer.INSERTION].sum(axis=1)

    @property
    def errors(self) -> Ints:
        return self.counts[:, wer.SUBSTITUTION :].sum(axis=1)


class Counting:
    """Counts pairs of reference and hypothesis; `rows` has to be read to its end before `tally`.

    costs: what the alignment minimises, a key of COSTS; translation: BLEU and chrF too.
    """

    def __init__(self, normaliser: Normaliser, costs: str = "levenshtein", translation: bool = False) -> None:
        self._normaliser, self._costs = normaliser, costs
        self._translation = Translation() if translation else None
        self._counts: list[Ints] = []
        self._arrays: dict[str, list[Ints]] = {name: [] for name in PER_UTTERANCE}
        self._codes: dict[str, dict[str | None, int]] = {name: {} for name in GROUPS}
        self._coded: dict[str, list[NDArray[np.int32]]] = {name: [] for name in GROUPS}
        self._used: Counter[tuple[str, str, str]] = Counter()
        self._features: list[dict[str, Any]] = []
        self._confusions: list[dict[str, Any]] = []
        self._confidences: list[float] = []
        self._right: list[bool] = []
        self._seconds = np.zeros(2)

    def rows(self, pairs: Iterable[Pair]) -> Iterator[dict[str, Any]]:
        """A JSON row for each pair: what comparisons between systems, and reports, read."""
        waiting = iter(pairs)
        while chunk := list(islice(waiting, CHUNK)):
            yield from self._count(chunk)

    def tally(self, system: str = "", more_seconds: float = 0.0) -> Tally:
        """more_seconds: what a second pass took beyond the utterances' own times."""
        arrays: dict[str, Any] = {name: _joined(parts, (0,)) for name, parts in self._arrays.items()}
        groups = {name: Grouping(list(self._codes[name]), _joined(self._coded[name], (0,))) for name in GROUPS}
        return Tally(
            counts=_joined(self._counts, (0, 4)),
            **arrays,
            groups=groups,
            used=self._used,
            features=features.merge(self._features or [features.count([], [], wer.align([], []))]),
            confusions=confusions.merge(self._confusions or [confusions.count([], [], wer.align([], []))]),
            confidences=np.array(self._confidences, np.float64),
            right=np.array(self._right, np.bool_),
            translation=self._translation,
            system=system,
            decode_seconds=float(self._seconds[0]) + more_seconds,
            audio_seconds=float(self._seconds[1]),
        )

    def _count(self, chunk: list[Pair]) -> Iterator[dict[str, Any]]:
        settled = [self._texts(reference, hypothesis) for reference, hypothesis in chunk]
        references, hypotheses = [one[0] for one in settled], [one[1] for one in settled]
        alignments = self._align(references, hypotheses)
        left_out = np.array([one[2] for one in settled], np.int64)
        counts = alignments.counts.copy()
        counts[:, wer.CORRECT] += left_out
        character_errors, characters = wer.character_errors(references, hypotheses)
        words, heard = [text.split() for text in references], [text.split() for text in hypotheses]
        lists = [
            {text} if one.hyps is None else set(map(self._normaliser.apply, one.hyps))
            for text, (_, one) in zip(hypotheses, chunk, strict=True)
        ]
        arrays = {
            "oracle_errors": self._oracle_errors(lists, words, alignments.errors),
            "distinct": np.array([len(texts) for texts in lists], np.int64),
            "hypotheses": np.array([1 if one.hyps is None else len(one.hyps) for _, one in chunk], np.int64),
            "character_errors": character_errors,
            "characters": characters,
            "left_out": left_out,
        } | self._ladder(words, heard, alignments)
        self._counts.append(counts)
        for name, values in arrays.items():
            self._arrays[name].append(values)
        self._group(chunk)
        self._dialect(words, heard, alignments)
        if self._translation:
            self._translation.add([one.text for one, _ in chunk], [one.text for _, one in chunk])
        self._seconds += np.sum([(one.decode_seconds, one.audio_seconds) for _, one in chunk], axis=0)
        ops = LETTERS[alignments.ops].tobytes().decode("ascii")
        starts, columns = alignments.starts.tolist(), {name: values.tolist() for name, values in arrays.items()}
        for i, (reference, count) in enumerate(zip((one for one, _ in chunk), counts.tolist(), strict=True)):
            correct, substitutions, deletions, insertions = count
            sure = self._sure(chunk[i][1], heard[i], alignments.of(i))
            yield {
                "id": reference.id,
                "speaker": reference.speaker,
                "dialect": reference.dialect,
                "domain": reference.domain,
                "corpus": reference.corpus,
                "label": reference.label,
                "duration": reference.duration,
                "ref": references[i],
                "hyp": hypotheses[i],
                "ops": ops[starts[i] : starts[i + 1]],
                "words": correct + substitutions + deletions,
                "correct": correct,
                "substitutions": substitutions,
                "deletions": deletions,
                "insertions": insertions,
                "fold_errors": columns["fold_errors"][i],
                "lenient_errors": columns["lenient_errors"][i],
                "characters": columns["characters"][i],
                "character_errors": columns["character_errors"][i],
            } | ({"conf": sure} if sure else {})

    def _sure(self, hypothesis: Utterance, heard: list[str], ops: NDArray[np.uint8]) -> list[float]:
        """Confidences of the hypothesis's words; [] where they are not known, or not of the words that are compared."""
        sure = [word.confidence for word in hypothesis.words or () if word.confidence is not None]
        if len(sure) != len(heard) or len(sure) != len(hypothesis.words or ()):
            return []
        self._confidences += sure
        self._right += (ops[ops != wer.DELETION] == wer.CORRECT).tolist()
        return sure

    def _texts(self, reference: Utterance, hypothesis: Utterance) -> tuple[str, str, int]:
        """Both texts as they are compared, and how many optional words were left out."""
        apply = self._normaliser.apply
        if reference.pieces is None and hypothesis.pieces is None:
            return apply(reference.text), apply(hypothesis.text), 0
        said = markup.applied(reference.pieces or (reference.text,), apply)
        heard = markup.applied(hypothesis.pieces or (hypothesis.text,), apply)
        best = markup.settle(said, heard, COSTS[self._costs])
        return " ".join(best.reference), " ".join(best.hypothesis), best.left_out

    def _align(self, references: list[str], hypotheses: list[str]) -> wer.Alignments:
        if self._costs == "levenshtein":
            return wer.align_texts(references, hypotheses)
        from cyasr.score import sclite_alignment

        letters = sclite_alignment.align(references, hypotheses)
        starts = np.zeros(len(letters) + 1, np.int64)
        np.cumsum([len(ops) for ops in letters], out=starts[1:])
        ops = OPERATIONS[np.frombuffer("".join(letters).encode(), np.uint8)]
        counts = np.array([[one.count(letter) for letter in "CSDI"] for one in letters], np.int64).reshape(-1, 4)
        return wer.Alignments(counts, ops, starts)

    @staticmethod
    def _oracle_errors(lists: list[set[str]], words: list[list[str]], errors: Ints) -> Ints:
        """(N,) errors of the best hypothesis in each list of different texts; `errors` are those of the first."""
        owner = np.repeat(np.arange(len(lists)), [len(texts) for texts in lists])
        best = errors.copy()
        if len(owner):
            others = [text.split() for texts in lists for text in texts]
            np.minimum.at(best, owner, wer.distances(words, others, owner))
        return best

    def _ladder(self, words: list[list[str]], heard: list[list[str]], alignments: wer.Alignments) -> dict[str, Ints]:
        rungs = ladder.climb(words, heard, alignments)
        self._used.update(rungs.used)
        return {"fold_errors": rungs.fold_errors, "lenient_errors": rungs.lenient_errors}

    def _dialect(self, words: list[list[str]], heard: list[list[str]], alignments: wer.Alignments) -> None:
        for counted, module in ((self._features, features), (self._confusions, confusions)):
            counted.append(module.count(words, heard, alignments))
            if len(counted) == MERGED:
                counted[:] = [module.merge(counted)]

    def _group(self, chunk: list[Pair]) -> None:
        for name, codes in self._codes.items():
            values = [_bin(one.duration) if name == "duration" else getattr(one, name) for one, _ in chunk]
            coded = [codes.setdefault(value, len(codes)) for value in values]
            self._coded[name].append(np.array(coded, np.int32))


def pooled(tallies: Sequence[Tally]) -> Tally:
    """All utterances of `tallies` together: one error rate over all of them, no mean of means."""
    groups = {}
    for name in GROUPS:
        codes: dict[str | None, int] = {}
        parts = []
        for one in tallies:
            here = [codes.setdefault(value, len(codes)) for value in one.groups[name].values]
            parts.append(np.array(here, np.int32)[one.groups[name].codes])
        groups[name] = Grouping(list(codes), _joined(parts, (0,)))
    arrays: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in tallies]) for name in PER_UTTERANCE}
    used: Counter[tuple[str, str, str]] = Counter()
    for one in tallies:
        used.update(one.used)
    translations = [one.translation for one in tallies if one.translation]
    return Tally(
        counts=np.concatenate([one.counts for one in tallies]),
        **arrays,
        groups=groups,
        used=used,
        features=features.merge([one.features for one in tallies]),
        confusions=confusions.merge([one.confusions for one in tallies]),
        confidences=np.concatenate([one.confidences for one in tallies]),
        right=np.concatenate([one.right for one in tallies]),
        translation=Translation.together(translations) if translations else None,
        system=tallies[0].system,
        decode_seconds=sum(one.decode_seconds for one in tallies),
        audio_seconds=sum(one.audio_seconds for one in tallies),
    )


def _bin(duration: float | None) -> str | None:
    """`2-5 s` and the like, the lower bound included."""
    if duration is None:
        return None
    edges = (0.0, *BINS)
    for low, high in zip(edges, BINS, strict=False):
        if duration < high:
            return f"{low:g}-{high:g} s"
    return f"{BINS[-1]:g}+ s"


def _joined(parts: list[NDArray[Any]], empty: tuple[int, ...]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(empty, np.int64)
