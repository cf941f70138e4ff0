"""Voice of Cyprus: Cypriot media with captions by machine. Silver: to train on, never to test on.

CSV tables (chunk_<n>.csv, updated_chunk_<n>.csv) or one JSON list, with columns audio_filepath, start, end, text and, some,
pronunciation (made by machine too, not used); the paths are those of another computer, only the file's name counts. A row is a
line of rolling captions: it stays on screen while the next one is spoken, so that nearly every row overlaps the one before.
Its words are spoken until the next row starts. So each row ends there at the latest, and rows that follow each other without
a pause are joined to utterances of up to `join` seconds, since their borders fall into words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.folders import AUDIO
from cyasr.data.tables import read_table
from cyasr.data.timed import Timed, by_recording, encodable, seconds, train_only
from cyasr.data.walk import files

GET = (
    "Voice of Cyprus: its tables are in the GitHub project abasis-ltd/cyprus-asr-fine-tuning (below week-2/), "
    "its audio its authors have; give a folder with both"
)
COLUMNS = ["audio_filepath", "start", "end", "text"]
TABLES = (".csv", ".json")
SHORTEST = 0.1  # seconds; a row that has less before the next one starts says nothing of where its words are


@dataclass
class Options:
    """conf.options. join: longest utterance, in seconds, that rows are joined to; 0: each row for itself."""

    join: float = 15.0

    def __post_init__(self) -> None:
        if self.join < 0:
            raise ValueError("join: seconds, 0 or more")


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """Utterances by recording; `sources` names the rows of each, so that rows in = rows out + rejects."""
    options = confs.build(conf.options, Options, Path("options"))
    train_only(conf, "Voice of Cyprus")
    audio = {path.name: path for path in files(corpus_dir) if path.suffix not in TABLES}
    named = set()
    for group in by_recording(read_rows(corpus_dir)):
        if isinstance(group, Reject):
            yield group
            continue
        name, rows = group
        named.add(name)
        if name not in audio:
            yield from (Reject(row.id, row.where, f"audio is missing: {name}") for row in rows)
            continue
        for item in joined(resolved(rows), options.join):
            yield item if isinstance(item, Reject) else replace(item, audio=audio[name])
    for name, path in audio.items():
        if name not in named and path.suffix.lower() in AUDIO:
            yield Reject(path.stem, str(path), "audio without transcript")


def read_rows(corpus_dir: Path) -> Iterator[Timed | Reject]:
    """The rows of all tables, or why one cannot be used. Raises UsageError where there is no table."""
    tables = sorted((path for path in files(corpus_dir) if path.suffix in TABLES), key=order)
    found = False
    for table in tables:
        for row in read_json_rows(table) if table.suffix == ".json" else read_csv_rows(table):
            found = True
            if isinstance(row, Reject):
                yield row
                continue
            where, cells = row
            name = re.split(r"[\\/]", cells["audio_filepath"].strip())[-1]
            start, end = seconds(cells["start"]), seconds(cells["end"])
            if not name or start is None or end is None or start >= end:
                yield Reject(name, where, f"no valid times: {cells['start']} to {cells['end']}")
            elif not cells["text"].strip():
                yield Reject(row_id(name, start), where, "empty transcript")
            else:
                yield Timed(name, start, end, " ".join(cells["text"].split()), where, row_id(name, start))
    if not found:
        raise UsageError(f"{corpus_dir} holds no .csv or .json with columns {', '.join(COLUMNS)}. {GET}")


def order(path: Path) -> tuple[bool, list[int], str]:
    """Reworked tables before those they were made from; of rows that stand in both the first counts."""
    return not path.stem.startswith("updated"), [int(number) for number in re.findall(r"\d+", path.stem)], str(path)


def read_csv_rows(table: Path) -> Iterator[tuple[str, dict[str, str]] | Reject]:
    with open(table, "rb") as f:
        if b"audio_filepath" not in f.readline():
            return  # another table
    for row in read_table(table, COLUMNS, delimiter=",", quoted=True):
        yield row if isinstance(row, Reject) else (row.where, row.cells)


def read_json_rows(table: Path) -> Iterator[tuple[str, dict[str, str]] | Reject]:
    """A list of objects, as pandas writes `records`; other JSON is another file."""
    try:
        rows = json.loads(table.read_bytes())
    except (ValueError, RecursionError):
        yield Reject(table.stem, str(table), "no JSON")
        return
    for number, row in enumerate(rows if isinstance(rows, list) else (), 1):
        if isinstance(row, dict) and all(column in row for column in COLUMNS):
            yield f"{table}:{number}", {column: "" if row[column] is None else encodable(str(row[column])) for column in COLUMNS}


def row_id(name: str, start: float) -> str:
    return f"{Path(name).stem}_{round(start * 1000):08}"


def resolved(rows: Iterator[Timed]) -> Iterator[Timed | Reject]:
    """The rows of one recording, each ending where the next one starts at the latest; without rows given twice."""
    last: Timed | None = None
    for row in rows:
        if last and (row.start, row.end) == (last.start, last.end):
            yield Reject(row.id, row.where, f"row listed twice: it stands in {last.where}, too")
            continue
        if last:
            yield clipped(last, row.start)
        last = row
    if last:
        yield last


def clipped(row: Timed, following: float) -> Timed | Reject:
    if following - row.start < SHORTEST:
        return Reject(row.id, row.where, f"overlapped: the next row starts {following - row.start:.3f} s after it")
    return row._replace(end=min(row.end, following))


def joined(rows: Iterator[Timed | Reject], longest: float) -> Iterator[Utterance | Reject]:
    """Rows that touch, put together to utterances of up to `longest` seconds."""
    group: list[Timed] = []
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        if group and (row.start > group[-1].end or row.end - group[0].start > longest):
            yield utterance(group)
            group = []
        group.append(row)
    if group:
        yield utterance(group)


def utterance(rows: list[Timed]) -> Utterance:
    first, last = rows[0], rows[-1]
    return Utterance(
        id=f"{first.id}_{round(last.end * 1000):08}",
        audio=None,  # known to the caller
        text=" ".join(row.text for row in rows),
        where=first.where,
        start=first.start,
        end=last.end,
        split="train",
        domain="media",
        sources=tuple(row.id for row in rows),
    )


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
