"""Are systems different? Each compared with the best (or with one, or with all) on the same utterances.

Two tests a pair: the paired bootstrap, which knows speakers, and MAPSSWE, which knows only sentences; each is corrected
over its table (Holm, Scandinavian Journal of Statistics 6, 1979). A difference is called one where the bootstrap's
interval does not hold zero and its corrected p is below 0.05; all else is "no difference shown". Under six speakers it
is a difference within these speakers, and nothing is said of others.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz
from cyasr.score.statistics import bootstrap, mapsswe

RUNGS = {"strict": ("substitutions", "deletions", "insertions"), "fold": ("fold_errors",), "lenient": ("lenient_errors",)}
ALPHA = 0.05
NOT_SHOWN = "no difference shown"
BEST, ALL = "best", "all"

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class System:
    """What a system did on each of N utterances, all of them (N,).

    references: a checksum of each reference; ops: alignments, sclite's where texts are known; None where unknown.
    """

    name: str
    ids: list[str]
    speakers: list[str | None]
    words: Ints
    errors: Ints
    references: Ints | None = None
    ops: list[str] | None = None

    @property
    def wer(self) -> float:
        """Percent; infinite where there are no reference words."""
        total = int(self.words.sum())
        return 100 * int(self.errors.sum()) / total if total else float("inf")


@dataclass(frozen=True)
class Pair:
    """b against a: difference in percentage points, below zero where b is better. *_holm: corrected over the table."""

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    segments: int | None = None
    z: float | None = None
    mapsswe_p: float | None = None
    mapsswe_holm: float | None = None
    verdict: str = NOT_SHOWN


@dataclass(frozen=True)
class Comparisons:
    """One table. left_out: systems that answer for other utterances, with the reason."""

    rung: str
    utterances: int
    speakers: int
    unit: str
    note: str | None
    wer: dict[str, float]
    pairs: list[Pair]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(row: dict[str, Any]) -> Comparisons:
        return Comparisons(**{**row, "pairs": [Pair(**pair) for pair in row["pairs"]]})


def read_system(path: Path, name: str, rung: str = "strict", dialect: str | None = None) -> System:
    """From <split>.utterances.jsonl.gz; of one dialect's utterances alone, where it is given.

    Raises RunError for a row that lacks a count or an id that stands twice.
    """
    from cyasr.score import sclite_alignment

    rows: dict[str, tuple[str | None, int, int]] = {}
    references: list[int] = []
    ops: list[str] = []
    number = 0
    try:
        for number, row in enumerate(read_jsonl_gz(path), 1):
            if row["id"] in rows:
                raise RunError(f"{path}:{number}: utterance {row['id']} stands twice; score again")
            if dialect is not None and row.get("dialect") != dialect:
                continue
            rows[row["id"]] = row.get("speaker"), int(row["words"]), sum(int(row[key]) for key in RUNGS[rung])
            if "ref" in row:
                references.append(zlib.crc32(row["ref"].encode("utf-8")))
            if rung == "strict" and {"ref", "hyp"} <= row.keys():
                ops += sclite_alignment.align([row["ref"]], [row["hyp"]])
            elif rung == "strict" and "ops" in row:
                ops.append(row["ops"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise RunError(f"{path}:{number}: not the counts of an utterance ({what}); score again (stage 8)") from None
    speakers, words, errors = zip(*rows.values(), strict=True) if rows else ((), (), ())
    return System(
        name,
        list(rows),
        list(speakers),
        np.array(words, np.int64),
        np.array(errors, np.int64),
        np.array(references, np.int64) if len(references) == len(rows) else None,
        ops if len(ops) == len(rows) else None,
    )


def compare_files(paths: Mapping[str, Path], against: str = BEST, rung: str = "strict") -> Comparisons:
    """As `compare`, from utterances files by name of the system."""
    return compare([read_system(path, name, rung) for name, path in paths.items()], against, rung)


def compare(systems: Sequence[System], against: str = BEST, rung: str = "strict") -> Comparisons:
    """Systems compared with the `best` of them, with `all` others or with the one of that name, best first.

    Those that answer for other utterances than most systems do are left out. Raises UsageError where fewer than two
    answer for the same, and RunError where references differ.
    """
    same, left_out = _same_utterances(systems)
    if against not in (BEST, ALL, *(system.name for system in same)):
        known = ", ".join(system.name for system in same)
        raise UsageError(f"no system {against} to compare with; there are: {known}, {BEST}, {ALL}")
    if len(same) < 2:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise UsageError(f"fewer than two systems on the same utterances{f' ({reasons})' if reasons else ''}")
    ranked = sorted(same, key=lambda system: system.wer)
    base = next((system for system in ranked if system.name == against), ranked[0])
    if against == ALL:
        chosen = [(a, b) for i, a in enumerate(ranked) for b in ranked[i + 1 :]]
    else:
        chosen = [(base, system) for system in ranked if system is not base]
    unit, note = bootstrap.drawing_unit(base.speakers)
    wer = {system.name: round(system.wer, 4) for system in ranked}
    pairs = _corrected([_pair(a, b) for a, b in chosen], [note] * len(chosen))
    return Comparisons(rung, len(base.ids), len(set(base.speakers) - {None}), unit, note, wer, pairs, left_out)


def compare_pairs(pairs: Sequence[tuple[System, System]]) -> list[Pair]:
    """Each b against its a, over the same utterances; p is corrected over all of them. Raises UsageError where they differ."""
    found, notes = [], []
    for a, b in pairs:
        if set(a.ids) != set(b.ids):
            raise UsageError(f"{a.name} and {b.name} answer for other utterances")
        found.append(_pair(a, _in_order(b, a)))
        notes.append(bootstrap.drawing_unit(a.speakers)[1])
    return _corrected(found, notes)


def holm(ps: Sequence[float]) -> list[float]:
    """Each p corrected for how many there are: the smallest times M, the next times M - 1, …, never falling, at most 1."""
    corrected = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        corrected[i] = highest
    return corrected


def _same_utterances(systems: Sequence[System]) -> tuple[list[System], dict[str, str]]:
    """The systems on the utterances that most of them have (of equally many, the most utterances), in one order; the
    others with what is wrong with them."""
    keys = {system.name: frozenset(system.ids) for system in systems}
    if len(keys) < len(systems):
        raise UsageError("two systems have the same name; name each once")
    counts: dict[frozenset[str], int] = {}
    for key in keys.values():
        counts[key] = counts.get(key, 0) + 1
    chosen = max(counts, key=lambda key: (counts[key], len(key)), default=frozenset())
    left_out = {
        system.name: f"{len(chosen - keys[system.name])} of {len(chosen)} utterances missing, "
        f"{len(keys[system.name] - chosen)} others"
        for system in systems
        if keys[system.name] != chosen
    }
    same = [system for system in systems if keys[system.name] == chosen]
    return [_in_order(system, same[0]) for system in same], left_out


def _in_order(system: System, first: System) -> System:
    """`system` with its utterances in the order of `first`. Raises RunError where their references differ."""
    if system.ids != first.ids:
        place = {name: at for at, name in enumerate(system.ids)}
        order = [place[name] for name in first.ids]
        system = System(
            system.name,
            first.ids,
            [system.speakers[i] for i in order],
            system.words[order],
            system.errors[order],
            system.references[order] if system.references is not None else None,
            [system.ops[i] for i in order] if system.ops is not None else None,
        )
    other = system.words != first.words
    if system.references is not None and first.references is not None:
        other |= system.references != first.references
    if other.any():
        where = first.ids[int(np.argmax(other))]
        raise RunError(
            f"utterance {where} has one reference for {first.name} and another for {system.name}; "
            "score both with the same references and profile"
        )
    return system


def _pair(a: System, b: System) -> Pair:
    if not a.words.sum():
        raise UsageError("no reference words to compare on")
    found = bootstrap.compare(a.errors, b.errors, a.words, a.speakers)
    low, high = found.interval.low, found.interval.high
    assert low is not None and high is not None
    pair = Pair(a.name, b.name, round(found.difference, 4), low, high, found.p, found.p)
    if a.ops is None or b.ops is None:
        return pair
    tested = mapsswe.test(a.ops, b.ops)
    return Pair(**asdict(pair) | {"segments": tested.segments, "z": round(tested.z, 3), "mapsswe_p": tested.p})


def _corrected(pairs: list[Pair], notes: Sequence[str | None]) -> list[Pair]:
    tested = [i for i, pair in enumerate(pairs) if pair.mapsswe_p is not None]
    by_mapsswe = dict(zip(tested, holm([pairs[i].mapsswe_p or 0.0 for i in tested]), strict=True))
    by_bootstrap = holm([pair.p for pair in pairs])
    return [
        Pair(**asdict(pair) | {"p_holm": p, "mapsswe_holm": by_mapsswe.get(i), "verdict": _verdict(pair, p, note)})
        for i, (pair, p, note) in enumerate(zip(pairs, by_bootstrap, notes, strict=True))
    ]


def _verdict(pair: Pair, p_holm: float, note: str | None) -> str:
    if pair.low <= 0 <= pair.high or p_holm >= ALPHA:
        return NOT_SHOWN
    return f"{'worse' if pair.difference > 0 else 'better'}{f', {note}' if note else ''}"
