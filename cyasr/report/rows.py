"""One pass over a score's rows by utterance (<split>.utterances.jsonl.gz): groups to compare, utterances to show."""

from __future__ import annotations

import hashlib
import heapq
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.files import read_jsonl_gz

if TYPE_CHECKING:
    from cyasr.score.bootstrap import Interval

Json = dict[str, Any]
GROUPS = ("dialect", "speaker")


@dataclass
class Group:
    """The utterances of one dialect or speaker: word errors, reference words and speaker of each."""

    errors: array[int] = field(default_factory=lambda: array("q"))
    words: array[int] = field(default_factory=lambda: array("q"))
    speakers: list[str | None] = field(default_factory=list)

    @property
    def wer(self) -> float | None:
        """Percent; None where there is no reference word."""
        total = sum(self.words)
        return 100 * sum(self.errors) / total if total else None

    def interval(self) -> Interval:
        from cyasr.score import bootstrap

        return bootstrap.interval(self.errors, self.words, self.speakers)


@dataclass(frozen=True)
class Rows:
    """groups: by field of GROUPS and its value; worst: most word errors first; drawn: in the file's order."""

    groups: dict[str, dict[str, Group]]
    worst: list[Json]
    drawn: list[Json]


def read_rows(path: Path, worst: int, drawn: int, seed: int) -> Rows:
    """Memory grows by counts only. The draw depends on seed and ids, not on their order. Raises as read_jsonl_gz."""
    groups: dict[str, dict[str, Group]] = {name: {} for name in GROUPS}
    most: list[tuple[float, float, int, Json]] = []
    lowest: list[tuple[int, int, Json]] = []
    for number, row in enumerate(read_jsonl_gz(path)):
        for name in GROUPS:
            if row.get(name):
                group = groups[name].setdefault(str(row[name]), Group())
                group.errors.append(errors(row))
                group.words.append(int(row["words"]))
                group.speakers.append(row.get("speaker"))
        rate = errors(row) / max(1, row["words"])
        _keep(most, (errors(row), rate, -number, row), worst)
        digest = hashlib.blake2b(f"{seed} {row['id']}".encode(), digest_size=8).digest()
        _keep(lowest, (-int.from_bytes(digest, "big"), -number, row), drawn)
    worst_rows = [row for count, *_, row in sorted(most, key=lambda one: one[:3], reverse=True) if count]
    return Rows(groups, worst_rows, [row for *_, row in sorted(lowest, key=lambda one: -one[1])])


def pick(path: Path, ids: Collection[str]) -> dict[str, Json]:
    """The rows of these utterances."""
    return {row["id"]: row for row in read_jsonl_gz(path) if row["id"] in ids}


def errors(row: Json) -> int:
    return int(row["substitutions"] + row["deletions"] + row["insertions"])


@dataclass(frozen=True)
class Column:
    """One place of an alignment. op: C, S, D or I; a word that is not there is empty."""

    op: str
    reference: str
    hypothesis: str


def columns(row: Json) -> list[Column] | None:
    """The alignment that the row's ref, hyp and ops spell; None where it has none, or one that does not fit."""
    if not isinstance(row.get("ops"), str):
        return None
    references, hypotheses = iter(str(row["ref"]).split()), iter(str(row["hyp"]).split())
    found = list(_columns(row["ops"], references, hypotheses))
    whole = next(references, None) is None and next(hypotheses, None) is None and len(found) == len(row["ops"])
    return found if whole and all(one.reference or one.hypothesis for one in found) else None


def _columns(ops: str, references: Iterator[str], hypotheses: Iterator[str]) -> Iterator[Column]:
    for op in ops:
        reference = next(references, "") if op in "CSD" else ""
        yield Column(op, reference, next(hypotheses, "") if op in "CSI" else "")


def _keep(heap: list[Any], item: tuple[Any, ...], size: int) -> None:
    """Keep the `size` largest; the third or second last element is never equal, so rows are not compared."""
    if len(heap) < size:
        heapq.heappush(heap, item)
    elif heap:
        heapq.heappushpop(heap, item)
