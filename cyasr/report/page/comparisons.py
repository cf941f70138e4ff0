"""Which differences between systems are more than chance, and how much the seed matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cyasr.cli import UsageError
from cyasr.report import compared
from cyasr.report.collect import Result
from cyasr.report.page import svg
from cyasr.report.page.tables import Cell, Head, Table

NUMERIC = ("WER %", "Difference", "p", "MAPSSWE")  # how the heads of numbers begin


def comparison_tables(name: str, found: Sequence[Result], exp: Path) -> list[Table]:
    """The test results on the set `name` against the best of them, and systems trained from several seeds."""
    systems = compared.comparable(found, name)
    tables = [_against(systems, exp / name / "comparisons.json")] if len(systems) > 1 else []
    for system, (base, others) in compared.against_no_lm(found, name).items():
        tables.append(_against({base[0]: base[1]} | others, compared.gains_file(exp, name, system), base[0]))
    if groups := compared.seeds(found, name):
        rows = [[Cell(text) for text in row] for row in compared.seed_rows(groups)]
        tables.append(Table("Several seeds", [Head(text) for text in compared.SEEDS_HEAD], rows, []))
    return tables


def _against(systems: Mapping[str, Path], kept: Path, base: str | None = None) -> Table:
    try:
        table = compared.against(systems, kept, base)
    except UsageError as error:
        return Table("Test results are not compared", [], [], [], str(error))
    reach = max((max(abs(pair.low), abs(pair.high)) for pair in table.pairs), default=0.0)
    drawn = {pair.b: svg.difference_bar(pair.difference, pair.low, pair.high, reach) for pair in table.pairs}
    values = {pair.b: (table.wer[pair.b], pair.difference, pair.p, pair.mapsswe_p) for pair in table.pairs}
    rows = []
    for texts in compared.rows(table):
        label, *figures, verdict = texts
        sorted_by = values.get(label, (table.wer.get(label), None, None, None))
        row = [Cell(text, value) for text, value in zip(figures, sorted_by, strict=True)]
        row[1] = Cell(row[1].text, row[1].value, drawn.get(label))
        rows.append([Cell(label), *row, Cell(verdict)])
    heads = [Head(text, text.startswith(NUMERIC)) for text in compared.HEAD]
    note = "; ".join(f"{one} ({reason})" for one, reason in table.left_out.items())
    what = "Test, " if base is None else "Test, gain over no language model, "
    return Table(f"{what}{compared.title(table)}".rstrip(":"), heads, rows, [], f"Not compared: {note}." if note else "")
