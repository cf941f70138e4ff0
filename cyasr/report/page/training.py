"""How each training went: dev figures from run.json, the loss on training speech from train.log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cyasr.report import cells
from cyasr.report.collect import Run
from cyasr.report.page import svg
from cyasr.report.results import Report

TRAIN_LINE = re.compile(r"epoch ([0-9.]+)/\S+ step (\d+) .*?loss (\S+)")  # as cyasr.training_log writes it

DOTTED = 40  # curves of more points have no markers


@dataclass(frozen=True)
class Training:
    name: str
    facts: str
    loss: Markup
    error_rate: Markup
    rows: list[list[str]]  # epoch, step, loss, error rate: what the plots show


def trainings(report: Report) -> list[Training]:
    """Of every run that was evaluated, in the results' order."""
    runs = {run.directory: run for result in report.results for run in result.runs}
    return [_training(run) for run in runs.values() if run.record.get("evaluations")]


def training_loss(log: Path) -> list[tuple[float, float]]:
    """(epoch, loss) off a train.log. A resumed run repeats steps after its checkpoint: the later line counts."""
    points: list[tuple[int, float, float]] = []
    try:
        with open(log, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if found := TRAIN_LINE.search(line):
                    epoch, step, loss = float(found[1]), int(found[2]), _number(found[3])
                    while points and points[-1][0] >= step:
                        points.pop()
                    if loss is not None:
                        points.append((step, epoch, loss))
    except OSError:
        return []
    return [(epoch, loss) for _, epoch, loss in points]


def _training(run: Run) -> Training:
    evaluations: list[dict[str, Any]] = run.record["evaluations"]
    name = f"{run.data_set}/{run.conf}"
    dev_loss = _points(evaluations, "loss", 1.0)
    rates = _points(evaluations, "error_rate", 100.0)
    loss = [
        svg.Curve("training", svg.thinned(training_loss(run.directory / "train.log")), 1, dotted=False),
        svg.Curve("dev", dev_loss, 0, dotted=len(dev_loss) <= DOTTED),
    ]
    best = min(rates, key=lambda point: point[1], default=None)
    facts = [
        run.status,
        cells.duration(run.record.get("seconds")),
        f"{cells.parameters(run.record.get('parameters'))} parameters",
    ]
    if best:
        facts.append(f"lowest dev error rate {best[1]:.2f} % at epoch {best[0]:g}")
    return Training(
        name,
        "; ".join(facts),
        svg.line_plot(loss, f"{name}: loss by epoch", "epoch"),
        svg.line_plot([svg.Curve("dev", rates, 0, dotted=len(rates) <= DOTTED)], f"{name}: dev error rate by epoch", "epoch"),
        [[_shown(one.get(key)) for key in ("epoch", "step", "loss", "error_rate")] for one in evaluations],
    )


def _points(evaluations: list[dict[str, Any]], key: str, factor: float) -> list[tuple[float, float]]:
    pairs = [(_number(one.get("epoch")), _number(one.get(key))) for one in evaluations]
    return [(epoch, factor * value) for epoch, value in pairs if epoch is not None and value is not None]


def _number(value: Any) -> float | None:
    """None for what is no finite number: a diverged loss has no place in a plot."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e300 else None


def _shown(value: Any) -> str:
    number = _number(value)
    return cells.NONE if number is None else f"{number:.5g}"
