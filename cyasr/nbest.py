"""N-best lists: one JSON line an utterance, where systems, language models and scoring meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyasr.cli import RunError
from cyasr.files import read_jsonl_gz, write_jsonl_gz


@dataclass
class Word:
    w: str
    start: float | None  # seconds; None where nobody knows
    end: float | None  # seconds
    conf: float  # 0..1: how likely it is right


@dataclass
class Hypothesis:
    """text: as the system spells it; tokens: its own units; scores: natural logs by component, unweighted."""

    text: str
    tokens: list[str]
    scores: dict[str, float]
    total: float  # the weighted sum that ranked it
    words: list[Word] | None = None


@dataclass
class Nbest:
    """One utterance's hypotheses, best first, and what they cost to find."""

    id: str
    hyps: list[Hypothesis]
    system: str
    weights: dict[str, float] = field(default_factory=dict)
    decode_seconds: float = 0.0
    audio_seconds: float = 0.0


def distinct(hyps: Iterable[Hypothesis]) -> list[Hypothesis]:
    """The first of those that read alike."""
    best: dict[str, Hypothesis] = {}
    for hyp in hyps:
        best.setdefault(hyp.text, hyp)
    return list(best.values())


def write_nbest(path: Path, lists: Iterable[Nbest]) -> int:
    return write_jsonl_gz(path, (vars(one) | {"hyps": [_row(hyp) for hyp in one.hyps]} for one in lists))


def read_nbest(path: Path) -> Iterator[Nbest]:
    """Raises RunError, naming the file and line, where a row is no n-best list."""
    for number, row in enumerate(read_jsonl_gz(path), 1):
        try:
            yield Nbest(hyps=[_hypothesis(hyp) for hyp in row.pop("hyps")], **row)
        except (KeyError, TypeError) as error:
            raise RunError(f"{path}:{number}: not an n-best list: {error}") from None


def _row(hyp: Hypothesis) -> dict[str, Any]:
    words = None if hyp.words is None else [vars(word) for word in hyp.words]
    return vars(hyp) | {"words": words}


def _hypothesis(row: dict[str, Any]) -> Hypothesis:
    words = row.pop("words")
    return Hypothesis(words=words and [Word(**word) for word in words], **row)
