"""What stage 2 found in a data set, as tables: findings with examples, and how its audio is."""

from __future__ import annotations

from pathlib import Path

from cyasr.report import cells
from cyasr.report.collect import Json
from cyasr.report.datasets import checks
from cyasr.report.page.tables import Cell, Head, Table

HEADS = [
    Head("Found"),
    Head("Count", True),
    Head("Share %", True, "of the utterances that were taken"),
    Head("Done"),
    Head("Splits"),
    Head("Examples", wrap=True),
]
MEASURES = {"snr": "SNR, dB", "level": "Level, dBFS", "bandwidth": "Bandwidth, Hz"}


def check_tables(data: Path) -> list[Table]:
    """Of data/<name>; none where it has no checks.json."""
    found = checks(data)
    if not found:
        return []
    clean = ", ".join(found.get("clean", []))
    measured = f"Audio of {found['measured']} of {found['utterances']} utterances was measured."
    note = f"{measured}{f' Looked for and not found: {clean}.' if clean else ''}"
    findings = Table("What was found in the data", HEADS, [_finding(one) for one in found["findings"]], [], note)
    spreads = [_spread(MEASURES.get(name, name.capitalize()), values) for name, values in found.get("measures", {}).items()]
    heads = [Head(""), *(Head(share, True, f"{share} of the utterances lie below") for share in ("5%", "50%", "95%"))]
    return [findings, *([Table("How its audio is", heads, spreads, [])] if spreads else [])]


def _finding(one: Json) -> list[Cell]:
    share = one.get("share")
    splits = ", ".join(f"{split} {count}" for split, count in one.get("splits", {}).items())
    done = one["done"] + (f" in stage {one['stage']}" if "stage" in one else "")
    examples = "; ".join(f"{each['id']}: {each['detail']}" for each in one["examples"])
    return [
        Cell(one["kind"], note=one.get("what", "")),
        Cell(str(one["count"]), one["count"]),
        Cell(cells.NONE if share is None else f"{100 * share:.2f}", share),
        Cell(done),
        Cell(splits or cells.NONE),
        Cell(examples),
    ]


def _spread(name: str, values: dict[str, float]) -> list[Cell]:
    return [Cell(name), *(Cell(f"{values[share]:g}", values[share]) for share in ("5%", "50%", "95%"))]
