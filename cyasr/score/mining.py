"""Candidates for spelling variants: what systems write where references have something that looks or sounds like it.

WERd (arXiv:1709.07484) mines variants from social text and takes them in; here they are only shown. A person marks rows
of the table, and marked rows are added to conf/variants.tsv with a source, each checked against the words that are to
stay apart (εν, δεν).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz, write_text
from cyasr.score import wer
from cyasr.score.ladder import climb
from cyasr.text import variant_rows, variants
from cyasr.text.variant_rows import COLUMNS, Row

CHUNK = 1000
ALIKE = 0.6  # share of letters, from which a pair is a candidate whatever it sounds like
HEADER = ["accept", *COLUMNS, "times", "other_way", "systems", "alike", "sound", "remark", "example"]
YES, NO = {"y", "yes", "x", "1", "ναι"}, {"", "n", "no", "0", "όχι"}


@dataclass
class Candidate:
    """one: in references; other: in hypotheses. alike: 0 to 1 by letters of the keys; sound: same, near or "-"."""

    one: str
    other: str
    times: int = 0
    systems: set[str] = field(default_factory=set)
    example: str = ""

    @property
    def kind(self) -> str:
        return "fold" if sound(self.one, self.other) == "same" and " " not in self.one + self.other else "licence"


Text = tuple[str, str, list[str], list[str]]  # system, utterance id, reference words, hypothesis words


def mine(texts: Iterable[Text], least: int = 2) -> list[Candidate]:
    """Candidates seen `least` times or more: what sounds the same first, then by how often. Streams."""
    found: dict[tuple[str, str], Candidate] = {}
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        rungs = climb([one[2] for one in chunk], [one[3] for one in chunk])
        licensed = {(int(row[0]), int(i)) for row in rungs.matches for i in range(row[1], row[2])}
        for k, (system, name, reference, hypothesis) in enumerate(chunk):
            for i, one, other in _confused(reference, hypothesis, rungs.fold.of(k)):
                taken = {(k, at) for at in range(i, i + one.count(" ") + 1)}
                if taken & licensed or not (alike(one, other) >= ALIKE or sound(one, other) == "same"):
                    continue
                seen = found.setdefault((one, other), Candidate(one, other))
                seen.times += 1
                seen.systems.add(system)
                if not seen.example:
                    around = reference[max(0, i - 3) : i + one.count(" ") + 4]
                    seen.example = f"{name}: {' '.join(around)}"
    ranks = {"same": 0, "near": 1, "-": 2}
    kept = [one for one in found.values() if one.times >= least]
    return sorted(kept, key=lambda one: (ranks[sound(one.one, one.other)], -one.times, one.one, one.other))


def write_candidates(path: Path, candidates: Sequence[Candidate]) -> None:
    """A table to mark: `accept` and `source` are for the person, kind and rule may be changed."""
    times = {(one.one, one.other): one.times for one in candidates}
    lines = ["\t".join(HEADER)]
    for one in candidates:
        row = Row(one.kind, one.one, one.other, "mined", "-", "")
        faults = variants.complaints([row])
        if faults and one.kind == "fold":
            row = Row("licence", one.one, one.other, "mined", "-", "")
            remark = "never: these are two words" if variants.complaints([row]) else "apart: as a licence only"
        else:
            remark = "never: these are two words" if faults else ""
        numbers = [
            str(one.times),
            str(times.get((one.other, one.one), 0)),
            str(len(one.systems)),
            f"{alike(one.one, one.other):.2f}",
        ]
        lines.append(
            "\t".join(["", row.kind, one.one, one.other, "mined", "", *numbers, sound(one.one, one.other), remark, one.example])
        )
    write_text(path, "\n".join(lines) + "\n")


def accept(table: Path, into: Path = variant_rows.ACCEPTED) -> tuple[list[Row], list[str]]:
    """Add the rows marked in `table` to `into`. Returns the rows added, and why others were not (they stood already).

    Raises UsageError, and adds nothing, where a marked row has no source or would take different words for one.
    """
    added: list[Row] = []
    left: list[str] = []
    before = [*variant_rows.read_rows(variant_rows.SHIPPED), *variant_rows.read_rows(into)]
    for where, cells in _cells(table):
        mark = cells["accept"].strip().lower()
        if mark in NO:
            continue
        if mark not in YES:
            raise UsageError(f"{where}: accept is {cells['accept']!r}; y takes the row, nothing leaves it")
        row = variant_rows.parse([cells[column] for column in COLUMNS], where)
        if any((one.kind, {one.one, one.other}) == (row.kind, {row.one, row.other}) for one in [*before, *added]):
            left.append(f"{where}: {row.one} = {row.other} stands already")
            continue
        faults = variants.complaints([row], [*before, *added])
        if faults:
            raise UsageError(f"{where}: {row.one} = {row.other} is refused: {faults[0]}. Nothing was added")
        added.append(row)
    if added:
        text = into.read_text(encoding="utf-8") if into.exists() else "\t".join(COLUMNS) + "\n"
        lines = ["\t".join((row.kind, row.one, row.other, row.rule, row.source)) for row in added]
        write_text(into, text.rstrip("\n") + "\n" + "\n".join(lines) + "\n")
        variant_rows.read_rows.cache_clear()
    return added, left


def scored(directory: Path) -> Iterator[Text]:
    """Every utterance that stage 8 wrote below `directory`. Raises UsageError where there is none."""
    tables = sorted(directory.rglob("*utterances.jsonl.gz"))
    if not tables:
        raise UsageError(f"no utterances.jsonl.gz below {directory}; run stage 8")
    for table in tables:
        for number, row in enumerate(read_jsonl_gz(table), 1):
            if not isinstance(row.get("ref"), str) or not isinstance(row.get("hyp"), str):
                raise RunError(f"{table}:{number}: no ref and hyp; run stage 8 again")
            yield str(table.parent), str(row.get("id", number)), row["ref"].split(), row["hyp"].split()


def _confused(reference: list[str], hypothesis: list[str], ops: Iterable[int]) -> Iterator[tuple[int, str, str]]:
    """(place in the reference, its phrase, the other's) of each substitution, and of runs of errors of two or three words
    on one side and one on the other."""
    i = j = 0
    for wrong, run in groupby(ops, key=lambda op: op != wer.CORRECT):
        kinds = list(run)
        n, m = (len(kinds) - kinds.count(skipped) for skipped in (wer.INSERTION, wer.DELETION))
        if wrong and n and m:
            if n == m or n > 3 or m > 3 or min(n, m) > 1:
                r, h = i, j
                for op in kinds:
                    if op == wer.SUBSTITUTION:
                        yield r, reference[r], hypothesis[h]
                    r += op != wer.INSERTION
                    h += op != wer.DELETION
            else:
                yield i, " ".join(reference[i : i + n]), " ".join(hypothesis[j : j + m])
        i, j = i + n, j + m


@lru_cache(maxsize=1 << 16)
def alike(one: str, other: str) -> float:
    """1 - distance / longer length of the keys' letters, accents and blanks aside."""
    from rapidfuzz.distance import Levenshtein

    bare = [variants.accents(variants.phrase_key(phrase)).replace(" ", "") for phrase in (one, other)]
    return 1 - Levenshtein.distance(*bare) / max(1, *map(len, bare))


@lru_cache(maxsize=1 << 16)
def sound(one: str, other: str) -> str:
    """`same` where both are said alike in Cypriot but for stress, `near` where one phone differs, else `-`."""
    from cyasr.text.g2p import STRESS, word_phonemes

    try:
        phones = [
            [symbol for word in phrase.split() for symbol in word_phonemes(word) if symbol != STRESS] for phrase in (one, other)
        ]
    except ValueError:  # not in Greek letters
        return "-"
    errors = int(wer.align([phones[0]], [phones[1]]).errors[0])
    return "same" if errors == 0 else "near" if errors == 1 and min(map(len, phones)) > 2 else "-"


def _cells(table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(file:line, cells by column) of a marked table. Raises UsageError where it is none."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UsageError(f"{table} does not exist") from None
    except UnicodeDecodeError:
        raise UsageError(f"{table} is not UTF-8; save it as UTF-8 text, tabs between cells") from None
    header = lines[0].split("\t") if lines else []
    missing = [column for column in ("accept", *COLUMNS) if column not in header]
    if missing:
        raise UsageError(f"{table}:1: no column {', '.join(missing)}; this is no table of steps.mine_variants")
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            cells = line.split("\t")
            yield f"{table}:{number}", dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
