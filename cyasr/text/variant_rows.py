"""Rows of variants.tsv: what is true of single words and phrases, each with its rule and source.

fold     one    other  both words fold to the same key (τζε τζαι)
licence  one    other  the lenient rung takes either phrase for the other; holds for this pair only (εν να, εννα)
apart    one    other  words that differ in meaning: no rule folds them together (πότε, ποτέ), a licence may
never    one    other  neither a rule nor a licence, ever (εν, δεν)

Rows that users accepted from steps.mine_variants have the same shape and stand in conf/variants.tsv.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cyasr.cli import UsageError

SHIPPED = Path(__file__).with_name("variants.tsv")
ACCEPTED = Path(__file__).resolve().parents[2] / "conf" / "variants.tsv"
COLUMNS = ["kind", "one", "other", "rule", "source"]
KINDS = ("fold", "licence", "apart", "never")


@dataclass(frozen=True)
class Row:
    """A row as it stands in the file; `where` is file:line."""

    kind: str
    one: str
    other: str
    rule: str
    source: str
    where: str


@lru_cache(maxsize=8)
def read_rows(path: Path) -> tuple[Row, ...]:
    """All rows of `path`; none where it does not exist. Raises UsageError, naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        at = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{at}: not UTF-8; save the file as UTF-8") from None
    found: list[Row] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#") or line.split("\t") == COLUMNS:
            continue
        found.append(parse(line.rstrip("\r").split("\t"), f"{path}:{number}"))
    return tuple(found)


def digest(path: Path) -> str:
    """Number of rows and the first hex digits of their SHA-256, for signatures: `120:3fa29c01`."""
    lines = ["\t".join((row.kind, row.one, row.other, row.rule)) for row in read_rows(path)]
    return f"{len(lines)}:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:8]}"


def parse(cells: list[str], where: str) -> Row:
    """A row of these cells. Raises UsageError, naming `where`, for one that cannot be."""
    if len(cells) != len(COLUMNS):
        raise UsageError(f"{where}: {len(cells)} cells, but a row has {len(COLUMNS)}: {' '.join(COLUMNS)}, tabs between")
    kind, one, other, rule, source = (" ".join(cell.split()) for cell in cells)
    if kind not in KINDS:
        raise UsageError(f"{where}: kind {kind!r} is none of {', '.join(KINDS)}")
    if not one or not other or one == other:
        raise UsageError(f"{where}: two different words or phrases are needed, not {one!r} and {other!r}")
    if kind != "licence" and (" " in one or " " in other):
        raise UsageError(f"{where}: {kind} maps word to word; make it a licence")
    if not rule or not source:
        raise UsageError(f"{where}: a row needs a rule and a source")
    return Row(kind, one, other, rule, source, where)
