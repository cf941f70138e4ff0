"""Counts by utterance for one n-best list against its references, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.files import read_json
from cyasr.nbest import Nbest, read_nbest
from cyasr.score import bootstrap, wer
from cyasr.score.lists import DecodedList
from cyasr.score.references import GROUPS, Normaliser, Reference, read_references

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """All arrays are (N,) or (N, …), in the order of `references`; seconds are totals over all utterances."""

    system: str
    references: list[Reference]
    counts: Ints  # (N, 4): correct, substituted, deleted, inserted words of the best hypothesis
    oracle_errors: Ints  # fewest word errors of any hypothesis
    character_errors: Ints
    characters: Ints
    hypotheses: Ints  # how many there were
    decode_seconds: float
    audio_seconds: float

    @property
    def words(self) -> Ints:
        return self.counts[:, : wer.INSERTION].sum(axis=1)

    @property
    def errors(self) -> Ints:
        return self.counts[:, wer.SUBSTITUTION :].sum(axis=1)


def tally(one: DecodedList, normaliser: Normaliser) -> Tally:
    """Raises RunError where references and hypotheses are not of the same utterances."""
    references = read_references(one.references)
    lists = _matched(one, references)
    ref_texts = [normaliser.apply(reference.text) for reference in references.values()]
    hyp_texts = [[normaliser.apply(hyp.text) for hyp in nbest.hyps] or [""] for nbest in lists]
    words = [text.split() for text in ref_texts]
    best = [texts[0] for texts in hyp_texts]
    alignments = wer.align(words, [text.split() for text in best])
    character_errors, characters = wer.character_errors(ref_texts, best)
    seconds = sum(nbest.decode_seconds for nbest in lists) + _rescoring_seconds(one)
    return Tally(
        system=lists[0].system if lists else "",
        references=list(references.values()),
        counts=alignments.counts,
        oracle_errors=_oracle_errors(words, hyp_texts, alignments.errors),
        character_errors=character_errors,
        characters=characters,
        hypotheses=np.array([len(nbest.hyps) for nbest in lists], np.int64),
        decode_seconds=seconds,
        audio_seconds=sum(nbest.audio_seconds for nbest in lists),
    )


def pooled(tallies: Sequence[Tally]) -> Tally:
    """All utterances of `tallies` together: one error rate over all of them, no mean of means."""
    return Tally(
        system=tallies[0].system,
        references=[reference for one in tallies for reference in one.references],
        counts=np.concatenate([one.counts for one in tallies]),
        oracle_errors=np.concatenate([one.oracle_errors for one in tallies]),
        character_errors=np.concatenate([one.character_errors for one in tallies]),
        characters=np.concatenate([one.characters for one in tallies]),
        hypotheses=np.concatenate([one.hypotheses for one in tallies]),
        decode_seconds=sum(one.decode_seconds for one in tallies),
        audio_seconds=sum(one.audio_seconds for one in tallies),
    )


def summary(one: Tally) -> dict[str, Any]:
    """The figures of score.json; rates in percent, None where there is nothing to divide by."""
    everything = np.ones(len(one.references), bool)
    speakers = [reference.speaker for reference in one.references]
    return _figures(one, everything) | {
        "interval": asdict(bootstrap.interval(one.errors, one.words, speakers)),
        "oracle_wer": _percent(int(one.oracle_errors.sum()), int(one.words.sum())),
        "nbest_mean": round(float(one.hypotheses.mean()), 2) if len(one.hypotheses) else None,
        "speakers": len({name for name in speakers if name is not None}),
        "empty_references": int((one.words == 0).sum()),
        "without_hypothesis": int((one.hypotheses == 0).sum()),
        "decode_seconds": round(one.decode_seconds, 3),
        "audio_seconds": round(one.audio_seconds, 3),
        "rtf": round(one.decode_seconds / one.audio_seconds, 5) if one.audio_seconds and one.decode_seconds else None,
        "by": {group: _breakdown(one, group) for group in GROUPS},
    }


def rows(one: Tally) -> Iterator[dict[str, Any]]:
    """Counts by utterance as JSON rows: what comparisons between systems pair up."""
    counts, errors, characters = one.counts.tolist(), one.character_errors.tolist(), one.characters.tolist()
    for i, reference in enumerate(one.references):
        correct, substitutions, deletions, insertions = counts[i]
        yield {
            "id": reference.id,
            "speaker": reference.speaker,
            "words": correct + substitutions + deletions,
            "correct": correct,
            "substitutions": substitutions,
            "deletions": deletions,
            "insertions": insertions,
            "characters": characters[i],
            "character_errors": errors[i],
        }


def _matched(one: DecodedList, references: dict[str, Reference]) -> list[Nbest]:
    """The n-best lists in the order of `references`; ids have to be the same on both sides, once each."""
    lists: dict[str, Nbest] = {}
    unknown: list[str] = []
    for nbest in read_nbest(one.path):
        if nbest.id in lists:
            raise RunError(f"{one.path}: utterance {nbest.id} stands twice; decode again")
        if nbest.id not in references:
            unknown.append(nbest.id)
        lists[nbest.id] = nbest
    missing = [name for name in references if name not in lists]
    faults = []
    if missing:
        faults.append(f"{len(missing)} of its {len(references)} utterances have no hypothesis (first: {missing[0]})")
    if unknown:
        faults.append(f"{len(unknown)} hypotheses are of utterances it does not have (first: {unknown[0]})")
    if faults:
        raise RunError(f"{one.path} does not answer to {one.references}: {'; '.join(faults)}. Decode again")
    return [lists[name] for name in references]


def _oracle_errors(words: list[list[str]], hypotheses: list[list[str]], errors: Ints) -> Ints:
    """(N,) errors of the best hypothesis in each list; `errors` are those of the first."""
    others = [(i, text.split()) for i, texts in enumerate(hypotheses) for text in sorted(set(texts[1:]))]
    owner = np.array([i for i, _ in others], np.int64)
    best = errors.copy()
    np.minimum.at(best, owner, wer.distances(words, [text for _, text in others], owner))
    return best


def _rescoring_seconds(one: DecodedList) -> float:
    """What a second pass took beyond the decoding it started from."""
    record: Path = one.path.with_name("run.json")
    seconds = read_json(record).get("rescoring_seconds", {}) if record.exists() else {}
    return float(seconds.get(one.label, 0.0))


def _breakdown(one: Tally, group: str) -> dict[str, Any]:
    """Figures by the values of a reference field, sorted; utterances without one under "unknown". {} where all lack it."""
    names = np.array([getattr(reference, group) or "unknown" for reference in one.references], dtype=str)
    values = sorted(set(names.tolist()))
    return {} if values in (["unknown"], []) else {value: _figures(one, names == value) for value in values}


def _figures(one: Tally, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    correct, substitutions, deletions, insertions = (int(count) for count in one.counts[chosen].sum(axis=0))
    words, errors = correct + substitutions + deletions, substitutions + deletions + insertions
    utterances, wrong = int(chosen.sum()), int((one.errors[chosen] > 0).sum())
    characters, character_errors = int(one.characters[chosen].sum()), int(one.character_errors[chosen].sum())
    return {
        "utterances": utterances,
        "words": words,
        "correct": correct,
        "substitutions": substitutions,
        "deletions": deletions,
        "insertions": insertions,
        "errors": errors,
        "wer": _percent(errors, words),
        "characters": characters,
        "character_errors": character_errors,
        "cer": _percent(character_errors, characters),
        "wrong_utterances": wrong,
        "ser": _percent(wrong, utterances),
    }


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None
