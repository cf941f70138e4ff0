"""Rows that name a recording and times in it, in any order and number: brought together by recording, on disk."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from cyasr.cli import UsageError
from cyasr.data.conf import DataConf
from cyasr.data.utterance import Reject


class Timed(NamedTuple):
    """Seconds `start` to `end` of the recording `audio` (its name); `where` is "file:line"."""

    audio: str
    start: float
    end: float
    text: str
    where: str
    id: str = ""


def by_recording(rows: Iterable[Timed | Reject]) -> Iterator[tuple[str, Iterator[Timed]] | Reject]:
    """The rejects among `rows`, then (recording, its rows by start; of equal times the first given first).

    Sorted on disk: memory stays flat.
    """
    database = sqlite3.connect("")  # a temporary file
    try:
        database.execute("create table rows(audio, start real, end real, text, place, id)")
        for row in rows:
            if isinstance(row, Reject):
                yield row
            else:
                database.execute("insert into rows values (?, ?, ?, ?, ?, ?)", row)
        ordered = database.execute("select * from rows order by audio, start, end, rowid")
        yield from groupby(map(Timed._make, ordered), key=lambda row: row.audio)
    finally:
        database.close()


def seconds(text: str) -> float | None:
    """A time that can be: a number, finite and not negative; else None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def encodable(text: str) -> str:
    """`text` with ? for halves of surrogate pairs, which JSON may hold and UTF-8 not."""
    return text.encode(errors="replace").decode()


def train_only(conf: DataConf, title: str) -> None:
    """Raises UsageError where machine-made labels would pass for a person's, or be tested on."""
    if conf.label != "silver" or conf.split != "train":
        wanted = "label: silver and split: train"
        raise UsageError(f"{title} has labels made by machines: it needs {wanted}, not label: {conf.label}, split: {conf.split}")
