"""One pass over a score's rows by utterance (<split>.utterances.jsonl.gz): which of them to show, and their alignments."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr.files import read_jsonl_gz

UNSURE = 0.5

Json = dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """worst: most word errors first, none without; drawn: in the file's order."""

    worst: list[Json]
    drawn: list[Json]


def read_rows(path: Path, worst: int, drawn: int, seed: int) -> Rows:
    """The draw depends on seed and ids, not on their order. Raises as read_jsonl_gz; KeyError where a row is no score's."""
    most: list[tuple[int, float, int, Json]] = []
    lowest: list[tuple[int, int, Json]] = []
    for number, row in enumerate(read_jsonl_gz(path)):
        _keep(most, (errors(row), errors(row) / max(1, row["words"]), -number, row), worst)
        digest = hashlib.blake2b(f"{seed} {row['id']}".encode(), digest_size=8).digest()
        _keep(lowest, (-int.from_bytes(digest, "big"), -number, row), drawn)
    worst_rows = [row for count, *_, row in sorted(most, key=lambda one: one[:3], reverse=True) if count]
    return Rows(worst_rows, [row for *_, row in sorted(lowest, key=lambda one: -one[1])])


def pick(path: Path, ids: Collection[str]) -> dict[str, Json]:
    """The rows of these utterances."""
    return {row["id"]: row for row in read_jsonl_gz(path) if row["id"] in ids}


def errors(row: Json) -> int:
    return int(row["substitutions"] + row["deletions"] + row["insertions"])


@dataclass(frozen=True)
class Column:
    """One place of an alignment. op: C, S, D, I, or V for a substitution by a spelling variant; no word is empty.

    confidence: of the hypothesis's word, where the system gives one.
    """

    op: str
    reference: str
    hypothesis: str
    confidence: float | None = None

    @property
    def unsure(self) -> bool:
        """More likely wrong than right, as the system says itself."""
        return self.confidence is not None and self.confidence < UNSURE


def columns(row: Json) -> list[Column] | None:
    """The alignment that the row's ref, hyp and ops spell; None where it has none, or one that does not fit.

    V: right from the fold rung on.
    """
    if not isinstance(row.get("ops"), str):
        return None
    references, hypotheses = iter(str(row["ref"]).split()), iter(str(row["hyp"]).split())
    found = list(_columns(row["ops"], references, hypotheses, iter(row.get("conf") or ())))
    whole = next(references, None) is None and next(hypotheses, None) is None
    return found if whole and all(map(_fits, found)) else None


def _fits(one: Column) -> bool:
    sides = (bool(one.reference), bool(one.hypothesis))
    expected = {"C": (True, True), "S": (True, True), "V": (True, True), "D": (True, False), "I": (False, True)}
    return sides == expected.get(one.op) and (one.op != "C" or one.reference == one.hypothesis)


def _columns(ops: str, references: Iterator[str], hypotheses: Iterator[str], confidences: Iterator[float]) -> Iterator[Column]:
    from cyasr.text.variants import fold

    for op in ops:
        reference = next(references, "") if op in "CSD" else ""
        hypothesis = next(hypotheses, "") if op in "CSI" else ""
        variant = op == "S" and reference and hypothesis and fold(reference) == fold(hypothesis)
        yield Column("V" if variant else op, reference, hypothesis, next(confidences, None) if op in "CSI" else None)


def _keep(heap: list[Any], item: tuple[Any, ...], size: int) -> None:
    """Keep the `size` largest. The element before the row is never equal in two, so rows are not compared."""
    if len(heap) < size:
        heapq.heappush(heap, item)
    elif heap:
        heapq.heappushpop(heap, item)
