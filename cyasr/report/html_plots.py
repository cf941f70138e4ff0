"""Plots of a data set: the ladder by system, WER by dialect and by speaker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cyasr.report import cells, plots
from cyasr.report.collect import Result
from cyasr.report.html_tables import Table, variants_table
from cyasr.report.html_utterances import System
from cyasr.report.rows import Group

RUNGS = ("strict", "fold", "lenient")
VALUES = 40  # speakers or dialects in one plot


@dataclass(frozen=True)
class Plot:
    """legend: (key, name); note: what the plot leaves out, and what made it; details: tables to open below."""

    title: str
    svg: Markup
    legend: list[tuple[Markup, str]]
    note: str = ""
    details: list[Table] = field(default_factory=list)


def ladder_plot(systems: list[System], note: str) -> list[Plot]:
    """Strict, fold and lenient WER of those systems that have all three; [] where none has."""
    climbed = [(one, rungs) for one in systems if (rungs := _rungs(one.result))]
    if not climbed:
        return []
    rows = []
    for system, rungs in climbed:
        dots = [_dot(i, name, rungs[name]["wer"], rungs[name].get("interval") or {}) for i, name in enumerate(RUNGS)]
        rows.append(plots.Row(system.label, " ≥ ".join(cells.percent(rungs[name]["wer"]) for name in RUNGS), dots))
    signatures = [f"{name}: {text}" for name in RUNGS if (text := climbed[0][1][name].get("signature"))]
    return [
        Plot(
            title="The ladder",
            svg=plots.dot_plot(rows, "Strict, fold and lenient WER by system", "WER %"),
            legend=[(plots.marker(i), name) for i, name in enumerate(RUNGS)],
            note=" ".join(filter(None, [note, "; ".join(signatures)])),
            details=[table for one, _ in climbed if (table := variants_table(one.label, one.result.score))],
        )
    ]


def group_plot(group: str, systems: list[tuple[System, dict[str, Group]]], note: str) -> list[Plot]:
    """WER by the values of `group`, highest first under the first system; [] where there are not two values."""
    first = systems[0][1] if systems else {}
    values = sorted(first, key=lambda value: (-(first[value].wer or 0.0), value))
    if len(values) < 2:
        return []
    if len(values) > VALUES:
        note = f"{note} The {VALUES} of {len(values)} with the highest WER under {systems[0][0].label}.".strip()
        values = values[:VALUES]
    rows = []
    for value in values:
        dots = []
        for i, (system, groups) in enumerate(systems):
            one = groups.get(value)
            if one is not None and (wer := one.wer) is not None:
                dots.append(_dot(i, f"{value}, {system.label}", wer, vars(one.interval())))
        size = first[value]
        rows.append(plots.Row(value, f"{len(size.words)} utterances, {sum(size.words)} words", dots))
    svg = plots.dot_plot(rows, f"WER by {group}", "WER %")
    return [Plot(f"WER by {group}", svg, [(plots.marker(i), one.label) for i, (one, _) in enumerate(systems)], note)]


def _rungs(one: Result) -> dict[str, Any]:
    """The score's ladder; {} where a rung is missing or has no WER."""
    ladder = one.score.get("ladder") or {}
    return ladder if all((ladder.get(name) or {}).get("wer") is not None for name in RUNGS) else {}


def _dot(series: int, name: str, wer: float, interval: dict[str, Any]) -> plots.Dot:
    title = f"{name}: {cells.wer({'wer': wer, 'interval': interval})} %"
    return plots.Dot(series, wer, interval.get("low"), interval.get("high"), title)
