"""What becomes of the dialect, and what is taken for what: tables from the features and confusions of score.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cyasr.report import cells
from cyasr.report.page.tables import Cell, Head, Table, number
from cyasr.report.page.utterances import System

LISTED = 25  # rows of a confusion list
NOTE = (
    "Percent of the reference words in question, by system. With a feature: words that are wrong; in brackets, those in whose "
    "place the feature is lost, if any. Standardised: a dialect word whose Standard twin was written. Fronted: ξέρω το as το "
    "ξέρω. PIER counts errors at code-switched words, arXiv 2501.09512."
)


def dialect_tables(systems: Sequence[System]) -> list[Table]:
    """One line a question, one column a system; then the first system's Standard forms and confusions, to open."""
    asked = [(one, dict(_answers(one.result.score.get("features") or {}))) for one in systems]
    asked = [(one, answers) for one, answers in asked if answers]
    if not asked:
        return []
    from cyasr.score.dialect.words import FEATURES

    says = {feature.name.replace("_", " "): feature.says for feature in FEATURES}
    heads = [Head("Words", wrap=True), Head("Count", True), *(Head(one.label, True) for one, _ in asked)]
    rows = []
    for question, (count, *_) in asked[0][1].items():
        given = [answers.get(question, (0, None, "")) for _, answers in asked]
        values = [Cell(f"{cells.percent(rate)}{f' ({also})' if also else ''}", rate) for _, rate, also in given]
        rows.append([Cell(question, note=says.get(question, "")), number(count, str(count)), *values])
    first = asked[0][0]
    pairs = (first.result.score["features"].get("standardisation") or {}).get("pairs") or []
    lists = [_pairs(f"Standard forms written for dialect words: {first.label}", pairs)]
    return [Table("Dialect", heads, rows, [], NOTE), *(one for one in lists if one.rows)]


def confusion_tables(system: System) -> list[Table]:
    """Its most frequent substitutions, deletions and insertions of words, and substitutions of letters."""
    found = system.result.score.get("confusions") or {}
    tables = [_pairs("Words substituted", _list(found, "words", "substitutions"))]
    tables.append(_counts("Words deleted", _list(found, "words", "deletions")))
    tables.append(_counts("Words inserted", _list(found, "words", "insertions")))
    tables.append(_pairs("Letters substituted", _list(found, "graphemes", "substitutions")))
    return [one for one in tables if one.rows]


def _answers(features: dict[str, Any]) -> Iterator[tuple[str, tuple[int, float | None, str]]]:
    """(question, (of how many words, percent, what else there is to say)), where there are any."""
    lines: list[tuple[str, dict[str, Any], str, str]] = [
        (name.replace("_", " "), row, "error_rate", "loss_rate") for name, row in (features.get("features") or {}).items()
    ]
    lines.append(("with a Standard twin: standardised", features.get("standardisation") or {}, "rate", ""))
    uses = {name: row for name, row in (features.get("en") or {}).items() if isinstance(row, dict)}
    lines += [(f"εν, {name}", row, "error_rate", "") for name, row in uses.items()]
    lines.append(("pronoun behind its verb", features.get("enclisis") or {}, "error_rate", "fronted_rate"))
    pier = features.get("pier") or {}
    lines.append(("code-switched: PIER", pier, "pier", ""))
    lines.append(("the other words of those sentences", pier.get("rest") or {}, "pier", ""))
    for question, row, rate, also in lines:
        count = row.get("tokens", row.get("points")) or 0
        if count:
            name = {"loss_rate": "lost", "fronted_rate": "fronted"}.get(also)
            yield question, (count, row.get(rate), f"{cells.percent(row[also])} {name}" if name and row.get(also) else "")


def _list(found: dict[str, Any], level: str, kind: str) -> list[list[Any]]:
    return ((found.get(level) or {}).get(kind) or [])[:LISTED]


def _pairs(title: str, rows: Sequence[Sequence[Any]]) -> Table:
    heads = [Head("Reference"), Head("Hypothesis"), Head("Count", True)]
    lines = [[Cell(str(ref)), Cell(str(hyp)), number(times, str(times))] for ref, hyp, times in rows[:LISTED]]
    return Table(title, heads, lines, [])


def _counts(title: str, rows: Sequence[Sequence[Any]]) -> Table:
    lines = [[Cell(str(word)), number(times, str(times))] for word, times in rows]
    return Table(title, [Head("Word"), Head("Count", True)], lines, [])
