"""Plots of a data set: the ladder by system, WER by dialect, speaker and so on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from cyasr.report import cells
from cyasr.report.collect import Result
from cyasr.report.page import svg
from cyasr.report.page.tables import Cell, Head, Table, variants_table
from cyasr.report.page.utterances import BETWEEN, System

RUNGS = ("strict", "fold", "lenient")
GROUPS = ("dialect", "speaker", "duration", "domain", "corpus", "label")
IN_ORDER = "duration"  # its values are shown as they are listed, others by WER
VALUES = 40  # speakers or dialects in one plot
CROWDED = 12  # more of them than this: two systems only


@dataclass(frozen=True)
class Plot:
    """legend: (key, name); note: what the plot leaves out; details: tables to open below."""

    title: str
    svg: Markup
    legend: list[tuple[Markup, str]]
    note: str = ""
    details: list[Table] = field(default_factory=list)


def ladder_plot(systems: Sequence[System], note: str) -> list[Plot]:
    """Strict, fold and lenient WER of those systems that have all three; [] where none has."""
    climbed = [(one, rungs) for one in systems if (rungs := _rungs(one.result))]
    if not climbed:
        return []
    rows = []
    for system, rungs in climbed:
        dots = [_dot(i, name, rungs[name]["wer"], rungs[name].get("interval") or {}) for i, name in enumerate(RUNGS)]
        label, *decode = system.label.split(BETWEEN)
        rows.append(svg.Row(label, [*decode, " ≥ ".join(cells.percent(rungs[name]["wer"]) for name in RUNGS)], dots))
    used = [table for one, _ in climbed if (table := variants_table(one.label, one.result.score))]
    signatures = dict.fromkeys((name, str(rungs[name].get("signature") or cells.NONE)) for _, rungs in climbed for name in RUNGS)
    lines = [[Cell(name), Cell(text)] for name, text in signatures]
    signed = Table("Signatures", [Head("Rung"), Head("Signature", wrap=True)], lines, [])
    drawing = svg.dot_plot(rows, "Strict, fold and lenient WER by system", "WER %")
    return [Plot("The ladder", drawing, [(svg.marker(i), name) for i, name in enumerate(RUNGS)], note, [*used, signed])]


def group_plots(systems: Sequence[System], note: str) -> list[Plot]:
    """WER by the values of each group of which there are two or more."""
    return [plot for group in GROUPS for plot in _group_plot(group, systems, note)]


def _group_plot(group: str, systems: Sequence[System], note: str) -> list[Plot]:
    """The first system orders the values, highest first."""
    by = [(one.result.score.get("by") or {}).get(group) or {} for one in systems]
    first = by[0] if by else {}
    values = list(first) if group == IN_ORDER else sorted(first, key=lambda value: (-(first[value].get("wer") or 0.0), value))
    if len(values) < 2:
        return []
    if len(values) > VALUES:
        note = f"{note} The {VALUES} of {len(values)} with the highest WER under {systems[0].label}.".strip()
        values = values[:VALUES]
    if len(values) > CROWDED:
        systems = systems[:2]
        note = f"{note} Two systems, for there are {len(first)}.".strip()
    rows = []
    for value in values:
        dots = []
        for i, (system, groups) in enumerate(zip(systems, by, strict=False)):
            one = groups.get(value) or {}
            if one.get("wer") is not None:
                dots.append(_dot(i, f"{value}, {system.label}", one["wer"], one.get("interval") or {}))
        rows.append(svg.Row(value, [_size(first[value])], dots))
    drawing = svg.dot_plot(rows, f"WER by {group}", "WER %")
    return [Plot(f"WER by {group}", drawing, [(svg.marker(i), one.label) for i, one in enumerate(systems)], note)]


def _size(one: dict[str, Any]) -> str:
    count = one.get("utterances", 0)
    return f"{count} {'utterance' if count == 1 else 'utterances'}, {one.get('words', 0)} words"


def _rungs(one: Result) -> dict[str, Any]:
    """The score's ladder; {} where a rung is missing or has no WER."""
    ladder = one.score.get("ladder") or {}
    return ladder if all((ladder.get(name) or {}).get("wer") is not None for name in RUNGS) else {}


def _dot(series: int, name: str, wer: float, interval: dict[str, Any]) -> svg.Dot:
    title = f"{name}: {cells.wer({'wer': wer, 'interval': interval})} %"
    return svg.Dot(series, wer, interval.get("low"), interval.get("high"), title)
