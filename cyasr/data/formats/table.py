"""Tables of one utterance a row: comma, tab, semicolon or bar separated, or JSON lines; columns found by their names."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import DataConf
from cyasr.data.formats import Common, Found
from cyasr.data.formats.columns import ROLES, SPLIT, guess, seconds, split_of
from cyasr.data.formats.locate import AUDIO, Locator, PathError, guess_audio_dir, there, unlisted, walk
from cyasr.data.formats.texts import read_lines, read_objects
from cyasr.data.seen import Seen
from cyasr.data.tables import LONGEST_CELL
from cyasr.data.utterance import Reject, Utterance

DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "bar": "|", "space": " "}
SUFFIXES = (".csv", ".tsv", ".psv", ".jsonl", ".ndjson", ".txt")
JSON_LINES = (".jsonl", ".ndjson", ".json")
SPANNED = 100  # lines that a quoted cell may go over; a quote that is still open then was none

Cells = Mapping[str, Any]


@dataclass
class Options(Common):
    """columns: role -> column's name, or its number from 0 where the table has no header; missing roles are guessed."""

    tables: list[str] = field(default_factory=list)  # below the corpus dir, patterns allowed; []: found
    columns: dict[str, Any] = field(default_factory=dict)
    delimiter: str | None = None  # comma | tab | semicolon | bar | space (after the first cell only); None: found
    header: bool | None = None  # whether the first line names the columns; None: found
    time_unit: float = 1.0  # seconds: 0.001 where start, end and duration are milliseconds, 0.0000625 for 16 kHz samples
    splits: dict[str, str] = field(default_factory=dict)  # the corpus's own names -> train, dev, test; others are unused
    rest: bool = True  # list audio files that no row names among the rejects

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            raise ValueError(f"delimiter: {self.delimiter!r} is none of {', '.join(DELIMITERS)}")
        if unknown := [role for role in self.columns if role not in ROLES]:
            raise ValueError(f"columns: {unknown[0]!r} is none of {', '.join(ROLES)}{confs.nearest(unknown[0], ROLES)}")
        if self.time_unit <= 0:
            raise ValueError("time_unit: seconds, above 0")


@dataclass(frozen=True)
class Shape:
    """How one table is written. names: of its columns, in order ([]: JSON lines)."""

    delimiter: str
    header: bool
    names: list[str]


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    locator = Locator(corpus_dir, raw, options.audio_dir)
    named = Seen()
    for path in tables(corpus_dir, options):
        split = split_of(path.stem, options.splits) or split_of(path.parent.name, options.splits)
        for item in rows(path, options):
            if isinstance(item, Reject):
                yield item
                continue
            where, cells = item
            utterance = to_utterance(cells, where, path.parent, split, locator, options)
            if isinstance(utterance, Utterance):
                named.add(str(utterance.audio))
            yield utterance
    if options.rest:
        yield from unlisted(locator.bases[0], named)


def to_utterance(
    cells: Cells, where: str, folder: Path, split: str | None, locator: Locator, options: Options
) -> Utterance | Reject:
    """One row, its cells by role. folder: of its table."""
    name = str(cells.get("audio") or "")
    identity = str(cells.get("id") if cells.get("id") not in (None, "") else os.path.splitext(os.path.basename(name))[0])
    try:
        audio = locator.find(name, folder)
        start, end, length = _times(cells, options.time_unit)
        channel = int(cells.get("channel") or 0)
    except (PathError, ValueError) as error:
        return Reject(identity, where, str(error))
    if (start or end is not None) and cells.get("id") in (None, ""):
        identity = f"{identity}-{round((start or 0) * 100):07}" + (f"-{round(end * 100):07}" if end is not None else "")
    text = cells.get("text")
    if text is not None and not isinstance(text, str):
        return Reject(identity, where, f"no transcript: {str(text)[:40]!r} is no text")
    own: dict[str, Any] = {role: str(cells[role]) for role in PLAIN if cells.get(role) not in (None, "")}
    spoken = split_of(str(cells["split"]), options.splits) if cells.get("split") not in (None, "") else split
    own |= {"start": start or 0.0, "end": end, "seconds": length, "channel": channel, "split": spoken}
    return Utterance(identity, audio, text or "", where=where, **own)


PLAIN = ("speaker", "language", "dialect", "licence", "gender", "age", "prompt", "domain")  # taken as they stand


def _times(cells: Cells, unit: float) -> tuple[float | None, float | None, float | None]:
    """(start, end, length of the whole file where the row is all of it). Raises ValueError."""
    given = {role: seconds(cells[role], unit) for role in ("start", "end", "duration") if cells.get(role) not in (None, "")}
    if "start" not in given and "end" not in given:
        return None, None, given.get("duration")
    start = given.get("start", 0.0)
    return start, given.get("end", start + given["duration"] if "duration" in given else None), None


def tables(corpus_dir: Path, options: Options) -> list[Path]:
    """The tables to read. Raises UsageError where there is none, or one that was asked for is missing."""
    if options.tables:
        found = []
        for pattern in options.tables:
            if not (met := sorted(corpus_dir.glob(pattern))):
                raise UsageError(f"options: tables: no {pattern} in the corpus dir")
            found += [path for path in met if path not in found]
        return found
    candidates = _candidates(corpus_dir)
    found = [path for path in candidates if "audio" in _roles_of(path, options)]
    if not found and len(candidates) == 1:
        _roles(candidates[0], shape_of(candidates[0], options), options)  # says what is wrong with it
    if not found:
        raise UsageError(f"{corpus_dir}: no table with a column of audio files; name it in options: tables, and its columns")
    return found


def rows(path: Path, options: Options) -> Iterator[tuple[str, Cells] | Reject]:
    """("file:line", cells by role) of each row. Raises UsageError where a column is missing."""
    shape = shape_of(path, options)
    roles = _roles(path, shape, options)
    source = read_objects(path, options.encoding) if path.suffix.lower() in JSON_LINES else _delimited(path, shape, options)
    for item in source:
        if isinstance(item, Reject):
            yield item
            continue
        where, cells = item
        yield where, {role: cells.get(column) for role, column in roles.items()}


def shape_of(path: Path, options: Options) -> Shape:
    """Delimiter and header of a table, from the conf or its first lines. Raises UsageError where it holds nothing."""
    head = [line[1] for line in islice(read_lines(path, options.encoding), 20) if not isinstance(line, Reject)]
    if not head:
        raise UsageError(f"{path} holds no line that can be read; see options: encoding")
    if path.suffix.lower() in JSON_LINES:
        return Shape("", False, [])
    delimiter = DELIMITERS[options.delimiter] if options.delimiter else _delimiter(path, head)
    first = [name.strip() for name in split_line(head[0], delimiter)]
    named = any(isinstance(column, str) and not column.isdigit() for column in options.columns.values())
    header = options.header if options.header is not None else named or len(guess(first)) >= min(2, len(first))
    return Shape(delimiter, header, first if header else [str(number) for number in range(len(first))])


def split_line(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split(maxsplit=1)
    if delimiter in ",;":
        return next(csv.reader([line], delimiter=delimiter), [])
    return line.split(delimiter)


def _delimiter(path: Path, head: list[str]) -> str:
    """The one that gives every line the same number of cells, and most of them."""
    known = {".tsv": "\t", ".psv": "|"}.get(path.suffix.lower())
    if known:
        return known
    best = (1, " ")
    for delimiter in ("\t", "|", ";", ","):
        sizes = {len(split_line(line, delimiter)) for line in head}
        if len(sizes) == 1 and (size := sizes.pop()) > best[0]:
            best = (size, delimiter)
    if best[0] == 1 and path.suffix.lower() == ".csv":
        return max(",;\t|", key=lambda delimiter: head[0].count(delimiter))
    return best[1]


def _roles_of(path: Path, options: Options) -> dict[str, str]:
    try:
        return _roles(path, shape_of(path, options), options)
    except UsageError:
        return {}


def _roles(path: Path, shape: Shape, options: Options) -> dict[str, str]:
    """role -> column. Raises UsageError where a column of the conf is not in the table, or none has the audio."""
    names = shape.names or _keys(path, options)
    chosen = {role: str(column) for role, column in options.columns.items()}
    if missing := [column for column in chosen.values() if column not in names]:
        near = confs.nearest(missing[0], names)
        raise UsageError(f"{path}: no column {missing[0]!r}; there are {', '.join(names)}{near}")
    guessed = guess(name for name in names if name not in chosen.values()) if shape.header or not shape.names else {}
    roles = guessed | chosen
    if "audio" not in roles and not shape.header and len(shape.names) >= 2:
        roles = _unnamed(path, shape, options) | roles
    if "audio" not in roles:
        raise UsageError(f"{path}: which column names the audio? There are {', '.join(names)}; see options: columns")
    return roles


def _unnamed(path: Path, shape: Shape, options: Options) -> dict[str, str]:
    """Roles in a table without header: the first column that names a file below the table's folder, then a text.

    As in LJ Speech: `name|text as written|text as spoken`, where the last is taken.
    """
    head = [line[1] for line in islice(read_lines(path, options.encoding), 20) if not isinstance(line, Reject)]
    cells = [split_line(line, shape.delimiter) for line in head]
    for number in range(len(shape.names)):
        column = [row[number] for row in cells if len(row) > number]
        if 2 * sum(_is_audio(path.parent, name, options) for name in column) >= len(cells):
            longest = max(
                (other for other in range(len(shape.names)) if other != number),
                key=lambda other: (sum(" " in row[other].strip() for row in cells if len(row) > other), other),
                default=None,
            )
            text = {} if longest is None else {"text": str(longest)}
            return {"audio": str(number)} | text
    return {}


def _is_audio(folder: Path, name: str, options: Options) -> bool:
    places = [folder, *(folder / each for each in ("wavs", "wav", "audio", "clips")), folder / (options.audio_dir or "")]
    if not name.strip() or "\0" in name:
        return False
    return any((found := there(place / name.strip())) and found.suffix.lower() in AUDIO for place in places)


def _keys(path: Path, options: Options) -> list[str]:
    keys: dict[str, None] = {}
    for item in islice(read_objects(path, options.encoding), 20):
        if not isinstance(item, Reject):
            keys |= dict.fromkeys(item[1])
    return list(keys)


def _delimited(path: Path, shape: Shape, options: Options) -> Iterator[tuple[str, dict[str, str]] | Reject]:
    csv.field_size_limit(LONGEST_CELL)
    lines = read_lines(path, options.encoding)
    if shape.header:
        next(lines, None)
    back: list[tuple[str, str] | Reject] = []
    while line := back.pop(0) if back else next(lines, None):
        if isinstance(line, Reject):
            yield line
            continue
        where, text = line
        cells = _closed(text, shape.delimiter)
        if cells is None:  # a quote is open: more lines, unless it is never closed
            more: list[tuple[str, str] | Reject] = []
            while cells is None and len(more) < SPANNED and (following := back.pop(0) if back else next(lines, None)):
                more.append(following)
                if isinstance(following, Reject):
                    break
                text = f"{text}\n{following[1]}"
                cells = _closed(text, shape.delimiter)
            if cells is None:
                back = more + back
                yield Reject("", where, "no valid row: a quote is opened and not closed")
                continue
        if len(cells) != len(shape.names):
            yield Reject("", where, f"wrong number of cells: {len(cells)} for {len(shape.names)} columns")
        else:
            yield where, dict(zip(shape.names, cells, strict=True))


def _closed(text: str, delimiter: str) -> Sequence[str] | None:
    """The cells of a record; None where a quote is still open at its end."""
    if delimiter in ",;":
        try:
            return next(csv.reader([text], delimiter=delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end" in str(error):
                return None
    return split_line(text, delimiter)


def _candidates(corpus_dir: Path) -> list[Path]:
    """Tables in the corpus dir and one folder down, largest kinds first; folders of texts are not asked file by file."""
    found = []
    for folder, names in walk(corpus_dir):
        if len(folder.relative_to(corpus_dir).parts) > 2:
            continue
        mine = [folder / name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES]
        plain = [path for path in mine if path.suffix.lower() == ".txt"]
        found += mine if len(plain) <= 3 else [path for path in mine if path not in plain]
    return found


def look(corpus_dir: Path) -> Found | None:
    options = Options()
    found = []
    for path in _candidates(corpus_dir):
        roles = _roles_of(path, options)
        if {"audio", "text"} <= roles.keys():
            found.append((path, roles))
    if not found:
        return None
    splits = {split_of(path.stem) or split_of(path.parent.name) for path, _ in found}
    if len(found) > 1 and not splits <= set(SPLIT):  # all.csv beside train.csv
        named = [each for each in found if split_of(each[0].stem) or split_of(each[0].parent.name)]
        found = named if {split_of(path.stem) or split_of(path.parent.name) for path, _ in named} >= {"train", "test"} else found
    names = [str(path.relative_to(corpus_dir)) for path, _ in found]
    first, roles = found[0]
    shape = shape_of(first, options)
    columns: dict[str, Any] = {role: column if shape.header or not shape.names else int(column) for role, column in roles.items()}
    said = ", ".join(f"{column} is the {role}" for role, column in columns.items())
    sample = [str(item[1].get("audio") or "") for item in islice(rows(first, options), 50) if not isinstance(item, Reject)]
    where = guess_audio_dir(corpus_dir, sample, first.parent)
    lines = [f"tables: {', '.join(names)}", f"columns: {said}"]
    return Found("table", {"tables": names, "columns": columns} | where, lines, {split for split in splits if split})
