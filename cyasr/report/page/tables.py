"""Tables of the page: what a cell shows and what it is sorted by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cyasr.report import cells
from cyasr.report.collect import Result
from cyasr.report.page import svg

Json = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """value: what it is sorted by, where that is a number; bar: a drawing below the text; note: words behind it."""

    text: str
    value: float | None = None
    bar: Markup | None = None
    note: str = ""


@dataclass(frozen=True)
class Head:
    text: str
    numeric: bool = False
    help: str = ""
    wrap: bool = False  # long cells break into lines


@dataclass(frozen=True)
class Table:
    """splits: of each row, for choosing among them; [] where that makes no sense."""

    title: str
    heads: list[Head]
    rows: list[list[Cell]]
    splits: list[str]
    note: str = ""


RESULT_HEADS = [
    Head("Conf"),
    Head("Decode"),
    Head("Split"),
    Head("WER % [95 %]", True, "word error rate with its bootstrap interval"),
    Head("CER %", True, "NFC graphemes, spaces counted"),
    Head("SER %", True, "utterances with an error"),
    Head("Oracle %", True, "WER of the best hypothesis in each n-best list"),
    Head("RTF", True, "seconds of computing a second of speech"),
    Head("Status", wrap=True),
    Head("LM"),
    Head("Parameters", True),
    Head("Training", True, "wall-clock time"),
    Head("Memory", True, "highest of the training"),
]


def results_table(found: Iterable[Result], title: str, fold: bool = False) -> Table:
    listed = list(found)
    top = max((_high(one.score) for one in listed), default=0.0)
    rows = []
    for one in listed:
        first = [Cell(one.tested_on.partition("/")[2])] if fold else []
        rows.append([*first, *_result(one, top)])
    heads = [Head("Fold"), *RESULT_HEADS] if fold else RESULT_HEADS
    return Table(title, heads, rows, [one.split or "" for one in listed])


def variants_table(label: str, score: Json) -> Table | None:
    """What fold and lenient let pass, most often first; None where nothing was."""
    rows = []
    for used in (score.get("variants_used") or {}).get("top") or []:
        texts = [str(used.get(key, "")) for key in ("ref", "hyp", "rules")]
        rows.append([*map(Cell, texts), number(used.get("times"), str(used.get("times", cells.NONE)))])
    heads = [Head("Reference"), Head("Hypothesis"), Head("Rule"), Head("Count", True)]
    return Table(f"Variants accepted: {label}", heads, rows, []) if rows else None


def number(value: float | None, text: str | None = None) -> Cell:
    """A percentage unless `text` says it otherwise."""
    return Cell(cells.percent(value) if text is None else text, value)


def _result(one: Result, top: float) -> list[Cell]:
    score = one.score
    records = [run.record for run in one.runs]
    seconds = [record.get("seconds") for record in records]
    known = [value for value in seconds if value is not None]
    total = sum(known) if known and len(known) == len(seconds) else None
    peak = max((record["peak_memory_mb"] for record in records if record.get("peak_memory_mb") is not None), default=None)
    size = next((record["parameters"] for record in records if record.get("parameters") is not None), None)
    own = one.trained_on == one.tested_on or one.pooled
    status = f"{len(score['folds'])} folds pooled" if one.pooled and one.status == "finished" else one.status
    return [
        Cell(one.conf if own else f"{one.trained_on}: {one.conf}"),
        Cell(one.decode or cells.NONE),
        Cell(one.split or cells.NONE),
        Cell(cells.wer(score), score.get("wer"), _bar(score, top)),
        number(score.get("cer")),
        number(score.get("ser")),
        number(score.get("oracle_wer")),
        number(score.get("rtf"), cells.factor(score.get("rtf")) if score else cells.NONE),
        Cell(status),
        Cell(", ".join(one.lm) or cells.NONE),
        number(size, cells.parameters(size)),
        number(total, cells.duration(total)),
        number(peak, cells.memory(peak)),
    ]


def _bar(score: Json, top: float) -> Markup | None:
    if score.get("wer") is None:
        return None
    interval = score.get("interval") or {}
    return svg.interval_bar(score["wer"], interval.get("low"), interval.get("high"), top)


def _high(score: Json) -> float:
    return max(float((score.get("interval") or {}).get("high") or 0.0), float(score.get("wer") or 0.0))
