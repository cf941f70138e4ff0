"""The list of what was left out, and why: rejects.tsv with columns id, where, reason."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import RunError
from cyasr.files import replacing

if TYPE_CHECKING:
    from cyasr.data.corpus import Reject

SHOWN = 3  # rejects in an error message


class RejectList:
    """Counts what is taken (`taken += 1`) and lists what is not (`add`)."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self.taken = 0
        self.count = 0
        self.reasons: Counter[str] = Counter()  # the part of a reason before ":" names its kind
        self.first: list[Reject] = []

    def add(self, reject: Reject) -> None:
        self.rows.writerow([reject.id, reject.where, reject.reason])
        self.count += 1
        self.reasons[reject.reason.partition(":")[0]] += 1
        if len(self.first) < SHOWN:
            self.first.append(reject)


@contextmanager
def writing_rejects(path: Path, max_rate: float) -> Iterator[RejectList]:
    """Write `path` while the caller counts; raises RunError, naming the first rejects, above `max_rate` of all."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        rows = csv.writer(out, delimiter="\t", lineterminator="\n")
        rows.writerow(["id", "where", "reason"])
        rejects = RejectList(rows)
        yield rejects
    total = rejects.taken + rejects.count
    if rejects.count > max_rate * total:
        first = "; ".join(f"{row.id or '-'} ({row.where}): {row.reason}" for row in rejects.first)
        more = f"; and {rejects.count - len(rejects.first)} more in {path}" if rejects.count > len(rejects.first) else ""
        raise RunError(f"{rejects.count} of {total} rejected, more than max_reject_rate {max_rate:g} allows: {first}{more}")
