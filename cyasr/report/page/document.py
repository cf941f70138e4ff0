"""One self-contained HTML page from every run under exp/: tables, plots, alignments with audio. No network, no server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cyasr.files import replacing
from cyasr.report.page.sets import Options, data_sets
from cyasr.report.page.training import trainings
from cyasr.report.results import LEGEND, Report
from cyasr.stage import Stage

HERE = Path(__file__).parent
TEMPLATE = "page.html"


def write(report: Report, exp: Path, papers: Path, out: Path, options: Options) -> str | None:
    """Make the page at `out`. Returns what it holds in words, or None where the one there still stands."""
    stage = _stage(report, exp, papers, out, options)
    if stage.fresh(quiet=True):
        return None
    text, summary = page(report, exp, options)
    stage.stamp.unlink(missing_ok=True)
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    stage.done([out])
    return f"{summary}, {len(text.encode()) / 1e6:.1f} MB"


def page(report: Report, exp: Path, options: Options) -> tuple[str, str]:
    """The page, and what it holds in words."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FileSystemLoader(HERE),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sets = data_sets(report, exp, options)
    text = environment.get_template(TEMPLATE).render(
        sets=sets,
        trainings=trainings(report),
        papers=report.papers,
        ours=[line for one in sets for line in one.ours],
        legend=LEGEND,
        seed=options.seed,
    )
    shown = sum(len(cards) for one in sets for _, cards in one.cards)
    return text, f"{sum(one.results for one in sets)} results, {shown} utterances"


def _stage(report: Report, exp: Path, papers: Path, out: Path, options: Options) -> Stage:
    """What the page is made of; the files' own code too, and what is no file: is a run still going on?"""
    data = report.data_root
    patterns = ("run.json", "train.log", "*/conf.yaml", "*/[!.]*.score.json", "*/[!.]*.utterances.jsonl.gz")
    inputs = [path for depth in ("*", "*/*") for end in patterns for path in exp.glob(f"{depth}/train_*/{end}")]
    for name in {one.tested_on.split("/")[0] for one in report.results}:
        ends = ("report.json", "checks.json", "conf.yaml", "test.jsonl.gz")
        inputs += [path for depth in (name, f"{name}/*") for end in ends for path in data.glob(f"{depth}/{end}")]
    inputs += [papers] if papers.exists() else []
    made_by = hashlib.sha256(b"".join(path.read_bytes() for path in [*sorted(HERE.glob("*.py")), HERE / TEMPLATE]))
    params: dict[str, Any] = vars(options) | {
        "statuses": [[one.tested_on, one.split, one.conf, one.decode, one.status] for one in report.results],
        "page": made_by.hexdigest(),
    }
    return Stage(out.with_name(f".{out.name}.stamp.json"), inputs, params)
