"""References and hypotheses brought together by id, whatever order either stands in, in little memory.

Where both stand in one order nothing is held. Hypotheses read ahead of their reference wait in memory, and from HELD
on in a temporary file, so that memory stays flat whatever the two orders are.
"""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cyasr.cli import RunError
from cyasr.score.utterances import Utterance

HELD = 50_000
MISSING = ("error", "deleted", "skipped")


@dataclass
class Joined:
    """Pairs of reference and hypothesis in the order of the references; read `pairs` to its end, then the counts.

    missing: what to do with a reference that has no hypothesis: `error` (RunError at the end, naming how many),
    `deleted` (an empty one: all its words are deletions) or `skipped` (it is left out). Under the last two, hypotheses
    without reference are left out too; all are counted.
    """

    references: Iterable[Utterance]
    hypotheses: Iterable[Utterance]
    names: tuple[str, str]  # of the two files, for messages
    missing: str = "error"
    advice: str = ""
    utterances: int = 0
    without_hypothesis: int = 0
    without_reference: int = 0
    first: dict[str, str] = field(default_factory=dict)  # of either kind, the first id

    def pairs(self) -> Iterator[tuple[Utterance, Utterance]]:
        """Raises RunError where ids are not the same on both sides and `missing` is `error`."""
        waiting = _Waiting()
        heard = iter(self.hypotheses)
        for reference in self.references:
            self.utterances += 1
            hypothesis = waiting.take(reference.id)
            while hypothesis is None and (ahead := next(heard, None)) is not None:
                if ahead.id == reference.id:
                    hypothesis = ahead
                else:
                    waiting.add(ahead)
            if hypothesis is None:
                self.without_hypothesis += 1
                self.first.setdefault("reference", reference.id)
                if self.missing == "skipped":
                    continue
                hypothesis = Utterance(reference.id, "", hyps=[])
            yield reference, hypothesis
        for ahead in heard:
            waiting.add(ahead)
        self.without_reference = len(waiting)
        if len(waiting):
            self.first["hypothesis"] = waiting.first()
        waiting.close()
        self._judge()

    def _judge(self) -> None:
        faults = []
        if self.without_hypothesis:
            first = self.first["reference"]
            faults.append(f"{self.without_hypothesis} of its {self.utterances} utterances have no hypothesis (first: {first})")
        if self.without_reference:
            first = self.first["hypothesis"]
            faults.append(f"{self.without_reference} hypotheses are of utterances it does not have (first: {first})")
        if faults and self.missing == "error":
            reference, hypothesis = self.names
            raise RunError(f"{hypothesis} does not answer to {reference}: {'; '.join(faults)}. {self.advice}".rstrip())


class _Waiting:
    """Utterances by id, in memory up to HELD of them, then in a temporary database."""

    def __init__(self) -> None:
        self._near: dict[str, Utterance] = {}
        self._far: sqlite3.Connection | None = None
        self._file: tempfile._TemporaryFileWrapper[bytes] | None = None

    def add(self, one: Utterance) -> None:
        self._near[one.id] = one
        if len(self._near) >= HELD:
            self._spill()

    def take(self, name: str) -> Utterance | None:
        if name in self._near:
            return self._near.pop(name)
        if self._far is None:
            return None
        row = self._far.execute("DELETE FROM waiting WHERE id = ? RETURNING packed", (name,)).fetchone()
        return None if row is None else pickle.loads(row[0])

    def __len__(self) -> int:
        far = 0 if self._far is None else self._far.execute("SELECT count(*) FROM waiting").fetchone()[0]
        return len(self._near) + far

    def first(self) -> str:
        """The one that was added first."""
        if self._far is not None:
            row = self._far.execute("SELECT id FROM waiting ORDER BY rowid LIMIT 1").fetchone()
            if row is not None:
                return str(row[0])
        return next(iter(self._near))

    def close(self) -> None:
        if self._far is not None:
            self._far.close()
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        if self._far is None:
            self._file = tempfile.NamedTemporaryFile(prefix="cyasr-score-")  # noqa: SIM115 - lives as long as this
            self._far = sqlite3.connect(self._file.name, isolation_level=None)
            self._far.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;")
            self._far.execute("CREATE TABLE waiting (id TEXT PRIMARY KEY, packed BLOB)")
        self._far.execute("BEGIN")
        rows = ((name, pickle.dumps(one)) for name, one in self._near.items())
        self._far.executemany("INSERT INTO waiting VALUES (?, ?)", rows)
        self._far.execute("COMMIT")
        self._near.clear()
