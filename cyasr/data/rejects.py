"""The list of what was left out, and why: rejects.tsv with columns id, where, reason."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cyasr.cli import RunError, line
from cyasr.data.utterance import Reject
from cyasr.files import replacing

SHOWN = 3  # rejects in an error message


class RejectList:
    """Counts what is taken (`taken += 1`) and lists what is not (`add`)."""

    def __init__(self, rows: Any, expected: Collection[str] = ()) -> None:
        self.rows = rows
        self.taken = 0
        self.count = 0
        self.unexpected = 0  # of `count`
        self.reasons: Counter[str] = Counter()  # the part of a reason before ":" names its kind
        self.first: list[Reject] = []  # of the unexpected ones
        self._expected = frozenset(expected)

    def add(self, reject: Reject) -> None:
        self.rows.writerow([line(cell) for cell in (reject.id, reject.where, reject.reason)])
        self.count += 1
        kind = reject.reason.partition(":")[0]
        self.reasons[kind] += 1
        if kind in self._expected:
            return
        self.unexpected += 1
        if len(self.first) < SHOWN:
            self.first.append(reject)


@contextmanager
def writing_rejects(path: Path, max_rate: float, expected: Collection[str] = ()) -> Iterator[RejectList]:
    """Write `path` while the caller counts; raises RunError, naming the first rejects, above `max_rate` of all.

    expected: kinds of reject that are listed like others but left out of that rate, above and below its line.
    """
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        rows = csv.writer(out, delimiter="\t", lineterminator="\n")
        rows.writerow(["id", "where", "reason"])
        rejects = RejectList(rows, expected)
        yield rejects
    total = rejects.taken + rejects.unexpected
    if rejects.unexpected > max_rate * total:
        first = "; ".join(f"{row.id or '-'} ({row.where}): {row.reason}" for row in rejects.first)
        more = rejects.unexpected - len(rejects.first)
        rest = f"; and {more} more in {path}" if more else ""
        raise RunError(f"{rejects.unexpected} of {total} rejected, more than max_reject_rate {max_rate:g} allows: {first}{rest}")
