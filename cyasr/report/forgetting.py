"""What a system gained and what it forgot: its scores beside those of the one it started from, dialect by dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyasr.files import read_json, write_json
from cyasr.lineage import ancestors
from cyasr.report import cells, compared
from cyasr.report.collect import Result
from cyasr.stage import Stage

if TYPE_CHECKING:
    from cyasr.score.statistics.comparisons import Pair, System

HEAD = ["System", "Started from", "Decode", "Tested on", "Dialect", "Words"]
HEAD += ["Before", "After", "Difference [95 %]", "p (Holm)", "Verdict"]
VERSION = 1  # of what is kept in forgetting.json


@dataclass(frozen=True)
class Change:
    """One system after and before, on the utterances of one dialect. before, after: WER in percent."""

    system: str
    older: str
    decode: str
    tested_on: str
    dialect: str
    words: int
    before: float
    after: float
    pair: Pair


def changes(found: Sequence[Result], exp: Path) -> list[Change]:
    """Of every finished system with an ancestor (`init_from`) that was decoded in the same way on the same test set.

    Read from exp/forgetting.json where no score changed since; p is corrected over all of a system's rows.
    """
    from cyasr.score.statistics.comparisons import Pair

    couples = list(_couples(found))
    if not couples:
        return []
    paths = [(str(new.utterances), str(old.utterances)) for new, old in couples]
    kept = exp / "forgetting.json"
    files = {Path(path) for both in paths for path in both}
    stage = Stage(kept.with_name(".forgetting.stamp.json"), files, {"version": VERSION, "pairs": paths})
    if stage.fresh(quiet=True):
        return [Change(**{**row, "pair": Pair(**row["pair"])}) for row in read_json(kept)["changes"]]
    made = [change for system in dict.fromkeys(new.runs[0].directory for new, _ in couples) for change in _of(system, couples)]
    write_json(kept, {"changes": [asdict(change) for change in made]})
    stage.done([kept])
    return made


def rows(made: Sequence[Change]) -> list[list[str]]:
    """Cells under HEAD."""
    return [
        [
            one.system, one.older, one.decode, one.tested_on, one.dialect, str(one.words),
            cells.percent(one.before), cells.percent(one.after),
            f"{one.pair.difference:+.2f} [{one.pair.low:+.2f}, {one.pair.high:+.2f}]",
            cells.p_values(one.pair.p, one.pair.p_holm), one.pair.verdict,
        ]
        for one in made
    ]  # fmt: skip


def _couples(found: Sequence[Result]) -> Iterator[tuple[Result, Result]]:
    """(a result, its nearest ancestor's on the same test)."""
    scored = {
        (one.runs[0].directory, one.decode, one.tested_on): one
        for one in found
        if (one.split, one.status) == ("test", "finished") and one.utterances and one.utterances.exists() and not one.pooled
    }
    for (directory, decode, tested_on), one in scored.items():
        older = (scored.get((ancestor, decode, tested_on)) for ancestor in ancestors(directory))
        if nearest := next((result for result in older if result is not None), None):
            yield one, nearest


def _of(system: Path, couples: Sequence[tuple[Result, Result]]) -> Iterator[Change]:
    from cyasr.score.statistics.comparisons import compare_pairs

    mine = [(new, old) for new, old in couples if new.runs[0].directory == system]
    parts = [(new, old, dialect) for new, old in mine for dialect in sorted(new.score.get("by", {}).get("dialect", {}))]
    systems = [(_read(old, dialect), _read(new, dialect)) for new, old, dialect in parts]
    for (new, old, dialect), (before, after), pair in zip(parts, systems, compare_pairs(systems), strict=True):
        words = int(after.words.sum())
        yield Change(_name(new), _name(old), str(new.decode), new.tested_on, dialect, words, before.wer, after.wer, pair)


def _name(one: Result) -> str:
    return f"{one.trained_on}/{one.conf}"


def _read(one: Result, dialect: str) -> System:
    from cyasr.score.statistics.comparisons import read_system

    assert one.utterances is not None
    return read_system(one.utterances, compared.label(one), dialect=dialect)
