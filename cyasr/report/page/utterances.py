"""Utterances to read and listen to: each system's hypothesis under the reference, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cyasr.report.collect import Result
from cyasr.report.page.clips import Clip, Clips
from cyasr.report.page.rows import Column, Json, Rows, columns, errors, pick

BETWEEN = " · "  # conf and decode in a label


@dataclass(frozen=True)
class System:
    """A test result of the set. label: its decode, or conf and decode."""

    label: str
    result: Result

    @property
    def rows(self) -> Path:
        """Its <split>.utterances.jsonl.gz, which may not be there."""
        assert self.result.utterances is not None, "a score has rows by utterance"
        return self.result.utterances


@dataclass(frozen=True)
class Side:
    """What one system made of the utterance."""

    label: str
    summary: str
    columns: list[Column] | None  # None: no alignment was kept


@dataclass(frozen=True)
class Card:
    id: str
    facts: str
    clip: Clip
    best: Side
    others: list[Side]


def cards(systems: Sequence[System], first: Rows, manifests: Sequence[Path], clips: Clips) -> list[tuple[str, list[Card]]]:
    """(title, cards) of the utterances that `first`, the rows of the first system, holds."""
    chosen = {row["id"]: row for row in [*first.worst, *first.drawn] if columns(row) is not None}
    others = [(one.label, pick(one.rows, chosen)) for one in systems[1:]]
    audio = clips.of(manifests, chosen)

    def card(row: Json) -> Card:
        name = row["id"]
        seconds = f"{row['duration']:.1f} s" if row.get("duration") else None
        facts = [row.get("speaker"), row.get("dialect"), row.get("domain"), seconds]
        return Card(
            name,
            " · ".join(str(fact) for fact in facts if fact),
            audio.get(name, Clip(None, "audio is not here")),
            _side(systems[0].label, row),
            [_side(label, rows[name]) for label, rows in others if name in rows],
        )

    kinds = [(f"Most word errors under {systems[0].label}", first.worst), ("Drawn at random", first.drawn)]
    made = [(title, [card(row) for row in rows if row["id"] in chosen]) for title, rows in kinds]
    return [(title, listed) for title, listed in made if listed]


def _side(label: str, row: Json) -> Side:
    count, words = errors(row), int(row["words"])
    summary = f"{count} {'error' if count == 1 else 'errors'} in {words} words"
    rungs = [f"{name} {row[key]}" for key, name in (("fold_errors", "fold"), ("lenient_errors", "lenient")) if key in row]
    return Side(label, ", ".join([summary, *rungs]), columns(row))
