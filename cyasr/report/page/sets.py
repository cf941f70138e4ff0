"""What the page says of one data set: results, the ladder, who is misheard how often, utterances to listen to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

from cyasr.cli import UsageError
from cyasr.report import cells
from cyasr.report.collect import Result
from cyasr.report.datasets import describe
from cyasr.report.page import svg
from cyasr.report.page.clips import Clips
from cyasr.report.page.comparisons import comparison_tables
from cyasr.report.page.datasets import check_tables
from cyasr.report.page.dialect import confusion_tables, dialect_tables
from cyasr.report.page.figures import Plot, group_plots, ladder_plot
from cyasr.report.page.rows import Rows, read_rows
from cyasr.report.page.tables import Table, results_table
from cyasr.report.page.utterances import BETWEEN, Card, System, cards
from cyasr.report.results import Report


@dataclass(frozen=True)
class Options:
    """utterances: so many of the worst and as many drawn at random, a data set; audio_mb: of embedded audio, all over."""

    utterances: int = 10
    audio_mb: float = 6.0
    seed: int = 0


@dataclass(frozen=True)
class Ours:
    """A line beside the published numbers."""

    system: str
    test: str
    metric: str
    value: float
    shown: str
    source: str


@dataclass
class DataSet:
    name: str
    facts: list[Markup]
    results: int
    tables: list[Table] = field(default_factory=list)
    checks: list[Table] = field(default_factory=list)  # of the data itself
    plots: list[Plot] = field(default_factory=list)
    comparisons: list[Table] = field(default_factory=list)
    dialect: list[Table] = field(default_factory=list)  # the first in full, the others to open
    confusions: tuple[str, list[Table]] = ("", [])  # of which system
    cards: list[tuple[str, list[Card]]] = field(default_factory=list)
    ours: list[Ours] = field(default_factory=list)


def data_sets(report: Report, exp: Path, options: Options) -> list[DataSet]:
    """Sets by name, each with its folds."""
    found: dict[str, list[Result]] = {}
    for one in report.results:
        found.setdefault(one.tested_on.split("/")[0], []).append(one)
    budget = int(1e6 * options.audio_mb / max(1, len(found)))
    made = []
    for name in sorted(found):
        facts = [_strong(sentence) for sentence in describe(report.data_root / name)]
        made.append(DataSet(name, facts, len(found[name]), _tables(name, found[name]), check_tables(report.data_root / name)))
        _fill(made[-1], found[name], report.data_root, exp, options, Clips(budget))
    return made


def _tables(name: str, found: list[Result]) -> list[Table]:
    whole = [one for one in found if "/" not in one.tested_on]
    folds = [one for one in found if "/" in one.tested_on]
    tables = [results_table(whole, f"Results on {name}")] if whole else []
    return [*tables, *([results_table(folds, f"{name}, fold by fold", fold=True)] if folds else [])]


def _fill(made: DataSet, found: list[Result], data_root: Path, exp: Path, options: Options, clips: Clips) -> None:
    """Plots and utterances of the systems with the lowest WER on the test split."""
    scored = [one for one in found if "/" not in one.tested_on and one.split == "test" and one.score.get("wer") is not None]
    scored.sort(key=lambda one: float(one.score["wer"]))
    names = labels([(one.conf, str(one.decode)) for one in scored])
    systems = [System(label, one) for one, label in zip(scored, names, strict=True)][: svg.SERIES]
    if not systems:
        return
    left_out = f"The {len(systems)} systems of the lowest WER, of {len(scored)}." if len(scored) > len(systems) else ""
    made.ours = [line for one in systems for line in _ours(made.name, one)]
    made.plots += [*ladder_plot(systems, left_out), *group_plots(systems, left_out)]
    made.comparisons = comparison_tables(made.name, scored, exp)
    made.dialect = dialect_tables(systems)
    made.confusions = (systems[0].label, confusion_tables(systems[0]))
    read = [(one, rows) for one in systems if (rows := _read(one, options))]
    if read:
        manifests = [data_root / part / "test.jsonl.gz" for part in _parts(read[0][0].result)]
        made.cards = cards([one for one, _ in read], read[0][1], manifests, clips)


def labels(names: Sequence[tuple[str, str]]) -> list[str]:
    """(conf, decode) pairs as short as tells them apart: the decode alone where there is one conf."""
    several = len({conf for conf, _ in names}) > 1
    return [f"{conf.removeprefix('train_')}{BETWEEN}{decode}" if several else decode for conf, decode in names]


def _ours(name: str, one: System) -> list[Ours]:
    """The system's WER and CER on the set's test split."""
    score, where = one.result.score, f"exp/{one.result.trained_on}/{one.result.conf}/{one.result.decode}"
    made = [Ours(one.label, f"{name}, test", "WER %", score["wer"], cells.wer(score), where)]
    if score.get("cer") is not None:
        made.append(Ours(one.label, f"{name}, test", "CER %", score["cer"], cells.percent(score["cer"]), where))
    return made


def _parts(one: Result) -> list[str]:
    """The sets whose test cuts the score is of."""
    return [f"{one.tested_on}/{fold}" for fold in one.score["folds"]] if one.pooled else [one.tested_on]


def _read(one: System, options: Options) -> Rows | None:
    """None where the rows are gone or damaged: the score stands, what they would show does not."""
    try:
        return read_rows(one.rows, options.utterances, options.utterances, options.seed)
    except (UsageError, KeyError):
        return None


def _strong(sentence: str) -> Markup:
    """`**so**` in bold, as RESULTS.md has it."""
    tags = ("{}", "<strong>{}</strong>")
    return Markup("").join(Markup(tags[i % 2]).format(part) for i, part in enumerate(sentence.split("**")))
