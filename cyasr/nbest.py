"""N-best lists: one JSON line an utterance, where systems, language models and scoring meet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from cyasr.cli import RunError
from cyasr.files import from_json, read_lines_gz, writing_gz


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


def less_internal(hyps: Sequence[Hypothesis], log_probs: Sequence[float], weight: float) -> list[Hypothesis]:
    """The hypotheses in the order that they have once the decoder's internal language model is taken off: `ilm`, natural
    logs, times `weight`."""
    for hyp, log_prob in zip(hyps, log_probs, strict=True):
        hyp.scores["ilm"] = log_prob
        hyp.total -= weight * log_prob
    return sorted(hyps, key=lambda hyp: -hyp.total)


def write_nbest(path: Path, lists: Iterable[Nbest]) -> int:
    """Returns how many there were."""
    count = 0
    with writing_gz(path) as out:
        for one in lists:
            out.write(line_of(one).decode())
            count += 1
    return count


def line_of(one: Nbest) -> bytes:
    line = orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE)
    if line.count(b":null") == sum(1 if hyp.words is None else _untimed(hyp.words) for hyp in one.hyps):
        return line
    # NaN and infinities, which orjson writes as null
    return json.dumps(asdict(one), ensure_ascii=False).encode() + b"\n"


def read_nbest(path: Path) -> Iterator[Nbest]:
    """Raises RunError, naming the file and line, where a row is no n-best list."""
    for number, line in enumerate(read_lines_gz(path), 1):
        yield parsed(line, path, number)


def parsed(line: bytes, path: Path, number: int) -> Nbest:
    """The list of one line. path, number: of the line, for the message of the RunError that is raised where it holds none."""
    try:
        row = from_json(line, path, number)
        return Nbest(hyps=[_hypothesis(hyp) for hyp in row.pop("hyps")], **row)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path}:{number}: not an n-best list: {error}") from None


def _untimed(words: list[Word]) -> int:
    return sum((word.start is None) + (word.end is None) for word in words)


def _hypothesis(row: dict[str, Any]) -> Hypothesis:
    words = row.pop("words")
    return Hypothesis(words=words and [Word(**word) for word in words], **row)
