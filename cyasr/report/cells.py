"""Figures as readers want them. What a run does not have is "–"; what it should have and has not, "not measured"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

NONE = "–"
UNMEASURED = "not measured"
NOTES = {"within these speakers": "†", "speakers unknown": "‡"}


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def wer(score: dict[str, Any]) -> str:
    """`12.34 [11.02, 13.50]†`: the mark says what the interval does not."""
    if score.get("wer") is None:
        return NONE
    interval = score.get("interval") or {}
    if interval.get("low") is None:
        return percent(score["wer"])
    mark = NOTES.get(interval.get("note") or "", "")
    return f"{score['wer']:.2f} [{interval['low']:.2f}, {interval['high']:.2f}]{mark}"


def translation(score: dict[str, Any]) -> str:
    """` (BLEU 31.20, chrF 55.04)` of a translation; nothing of a transcription."""
    metrics = score.get("metrics") or {}
    found = [f"{name} {metrics[key]['score']:.2f}" for name, key in (("BLEU", "bleu"), ("chrF", "chrf")) if key in metrics]
    return f" ({', '.join(found)})" if found else ""


def rung(score: dict[str, Any], name: str) -> str:
    """A rung of the ladder: `strict`, `fold` or `lenient`, as `wer`. Scores without a ladder have a strict one only."""
    one = (score.get("ladder") or {}).get(name)
    return wer(one) if one else wer(score) if name == "strict" else NONE


def number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def density(nbest: dict[str, float] | None) -> str:
    """`9.7 (1.6)`: different hypotheses a list, and for each reference word."""
    return f"{nbest['mean']:.1f} ({nbest['per_word']:.2f})" if nbest else NONE


def p_values(p: float | None, corrected: float | None) -> str:
    """`0.012 (0.036)`: as tested, and corrected over the table."""
    return NONE if p is None or corrected is None else f"{_p(p)} ({_p(corrected)})"


def parameters(count: float | None) -> str:
    if count is None:
        return UNMEASURED
    return f"{count / 1e6:.2f} M" if count < 1e8 else f"{count / 1e6:.0f} M"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return UNMEASURED
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def memory(mebibytes: float | None) -> str:
    return UNMEASURED if mebibytes is None else f"{mebibytes:.0f} MiB"


def factor(value: float | None) -> str:
    return UNMEASURED if value is None else f"{value:.3f}" if value < 1 else f"{value:.1f}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars inside cells are escaped and line breaks are blanks."""
    rule = ["---"] * len(head)
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in [head, rule, *rows])


def plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of aligned columns for the terminal."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in [head, *rows]
    )


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
