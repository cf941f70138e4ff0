"""Lhotse's own files: recordings with supervisions, cuts, or Shar (cuts and tars of audio in shards)."""

from __future__ import annotations

import gzip
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import DataConf
from cyasr.data.formats import Found, Manifests
from cyasr.data.formats.columns import seconds, split_of
from cyasr.data.formats.hf import written
from cyasr.data.formats.kaldi_pipes import behind
from cyasr.data.formats.locate import Locator, PathError, guess_audio_dir, walk
from cyasr.data.formats.spool import database
from cyasr.data.utterance import Reject, Utterance

MANIFEST = re.compile(r"(?P<before>.*?)(?P<kind>recordings|supervisions|cuts)(?P<after>.*)\.jsonl(?:\.gz)?")
SHARD = re.compile(r"(cuts|recording)\.(\d+)\.(jsonl\.gz|jsonl|tar)")
CUSTOM = ("dialect", "licence", "label", "domain", "prompt", "gender", "age")

Row = dict[str, Any]


@dataclass
class Options(Manifests):
    """A recordings' manifest is joined with the supervisions' of the same name; a Shar folder is named by its folder."""


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    locator = Locator(corpus_dir, raw, options.audio_dir)
    for path, split in manifests(corpus_dir, options):
        if path.is_dir():
            yield from _shar(path, split, corpus_dir, raw)
        elif "recordings" in path.name:
            yield from _joined(path, split, raw, locator)
        else:
            for row in _read(path):
                yield from [row] if isinstance(row, Reject) else _of_cut(row[1], row[0], split, path.parent, locator)


def manifests(corpus_dir: Path, options: Options) -> list[tuple[Path, str | None]]:
    """Each manifest, or folder of shards, with its split. Raises UsageError where there is none."""
    if not options.manifests:
        found = _candidates(corpus_dir)
        if not found:
            raise UsageError(f"{corpus_dir}: no *recordings*.jsonl.gz, *cuts*.jsonl.gz or folder of shards")
        return [(path, _split(path)) for path in found]
    return options.chosen(corpus_dir)


def _candidates(corpus_dir: Path) -> list[Path]:
    """Shards' folders, else cuts, else recordings: what holds more is read in place of what it is made of."""
    shards, cuts, recordings = [], [], []
    for folder, names in walk(corpus_dir):
        if any(SHARD.fullmatch(name) for name in names):
            shards.append(folder)
            continue
        for name in names:
            match = MANIFEST.fullmatch(name)
            if match and match["kind"] == "cuts":
                cuts.append(folder / name)
            elif match and match["kind"] == "recordings" and _supervisions(folder / name).is_file():
                recordings.append(folder / name)
    return shards or cuts or recordings


def _split(path: Path) -> str | None:
    if path.is_dir():
        return split_of(path.name)
    match = MANIFEST.fullmatch(path.name)
    own = split_of(f"{match['before']} {match['after']}") if match else None
    return own or split_of(path.parent.name)


def _supervisions(recordings: Path) -> Path:
    return recordings.with_name(recordings.name.replace("recordings", "supervisions"))


def _joined(path: Path, split: str | None, raw: Path, locator: Locator) -> Iterator[Utterance | Reject]:
    """Supervisions with their recordings, in whatever order either stands."""
    supervisions = _supervisions(path)
    if not supervisions.is_file():
        raise UsageError(f"{path}: there is no {supervisions.name} beside it")
    with database(raw) as tables:
        tables.execute("CREATE TABLE recordings (id TEXT PRIMARY KEY, row TEXT, place TEXT, used INTEGER) WITHOUT ROWID")
        for item in _read(path):
            if isinstance(item, Reject):
                yield item
                continue
            place, row = item
            values = (str(row.get("id")), json.dumps(row), place)
            if not tables.execute("INSERT OR IGNORE INTO recordings VALUES (?, ?, ?, 0)", values).rowcount:
                yield Reject(values[0], place, "duplicate id: the recording stands there twice")
        for item in _read(supervisions):
            if isinstance(item, Reject):
                yield item
                continue
            place, row = item
            of = str(row.get("recording_id"))
            found = tables.execute("SELECT row FROM recordings WHERE id = ?", (of,)).fetchone()
            if not found:
                yield Reject(str(row.get("id")), place, f"transcript without audio: no recording {of}")
                continue
            tables.execute("UPDATE recordings SET used = 1 WHERE id = ?", (of,))
            yield _utterance(row, json.loads(found[0]), 0.0, place, split, path.parent, locator)
        for name, place in tables.execute("SELECT id, place FROM recordings WHERE NOT used"):
            yield Reject(name, place, "audio without transcript")


def _of_cut(cut: Row, place: str, split: str | None, folder: Path, locator: Locator) -> Iterator[Utterance | Reject]:
    """A cut's supervisions, at their times in its recording."""
    name = str(cut.get("id"))
    if cut.get("type", "MonoCut") not in ("MonoCut", "MultiCut"):
        yield Reject(name, place, f"no plain cut: a {cut.get('type')} is mixed or padded audio; export it to Shar first")
        return
    if not cut.get("recording"):
        yield Reject(name, place, "audio is missing: the cut has features only")
        return
    if not cut.get("supervisions"):
        yield Reject(name, place, "audio without transcript")
    for supervision in cut.get("supervisions") or ():
        try:
            start = seconds(cut.get("start", 0.0))
        except ValueError as error:
            yield Reject(name, place, str(error))
            return
        yield _utterance(supervision, cut["recording"], start, place, split, folder, locator)


def _utterance(
    supervision: Row, recording: Row, offset: float, place: str, split: str | None, folder: Path, locator: Locator
) -> Utterance | Reject:
    """offset: seconds into the recording that the supervision's times count from."""
    name = str(supervision.get("id")) if isinstance(supervision, dict) else ""
    try:
        channel = supervision.get("channel", 0)
        channel = channel[0] if isinstance(channel, list) and channel else channel
        audio, channel = _source(recording, int(channel), folder, locator)
        start, length = offset + seconds(supervision.get("start", 0.0)), seconds(supervision["duration"])
        whole = start == 0 and abs(length - seconds(recording["duration"])) < 0.001
    except (PathError, ValueError, KeyError, TypeError, AttributeError) as error:
        known = isinstance(error, PathError | ValueError)
        reason = str(error) if known else f"no valid row: {error}{' is missing' if isinstance(error, KeyError) else ''}"
        return Reject(name, place, reason)
    return _said(supervision, audio, place, split, start, None if whole else round(start + length, 8), channel)


def _said(
    row: Row, audio: Path, place: str, split: str | None, start: float, end: float | None, channel: int
) -> Utterance | Reject:
    text = row.get("text")
    if not isinstance(text, str | None):
        return Reject(str(row.get("id")), place, f"no transcript: {str(text)[:40]!r} is no text")
    custom = row.get("custom") if isinstance(row.get("custom"), dict) else {}
    assert isinstance(custom, dict)
    own: Row = {key: str(custom[key]) for key in CUSTOM if custom.get(key)}
    own |= {key: str(row[key]) for key in ("speaker", "language", "gender") if row.get(key)}
    if isinstance(custom.get("translation"), dict):
        own["translation"] = {str(key): str(value) for key, value in custom["translation"].items()}
    original = custom.get("text_raw")
    said = original if isinstance(original, str) and original else text or ""
    own_split = split_of(str(custom.get("split") or "")) or split
    return Utterance(str(row.get("id")), audio, said, where=place, start=start, end=end, channel=channel, split=own_split, **own)


def _source(recording: Row, channel: int, folder: Path, locator: Locator) -> tuple[Path, int]:
    """(file, channel in it). Raises PathError for what is no file, or was changed in other ways than its rate."""
    changes = [str(each.get("name")) if isinstance(each, dict) else "one" for each in recording.get("transforms") or ()]
    if others := [name for name in changes if name != "Resample"]:
        raise PathError(f"changed audio: the recording has a {others[0]}; export it to Shar first")
    sources = recording.get("sources") or []
    source = next((each for each in sources if channel in each.get("channels", [])), sources[0] if sources else None)
    if source is None:
        raise PathError("audio is missing: the recording has no source")
    if source.get("type") == "command":
        name, side = behind(f"{source.get('source')} |")
        return locator.find(name, folder), side or 0
    if source.get("type") != "file":
        raise PathError(f"audio is missing: its source is of type {source.get('type')!r}, expected a file")
    channels = sorted(source.get("channels") or [0])
    return locator.find(str(source.get("source")), folder), channels.index(channel) if channel in channels else 0


def _shar(folder: Path, split: str | None, corpus_dir: Path, raw: Path) -> Iterator[Utterance | Reject]:
    """Audio of each shard's tar is written below `raw`; a cut's audio is all of its recording there."""
    numbers = sorted({match[2] for name in os.listdir(folder) if (match := SHARD.fullmatch(name)) and match[1] == "cuts"})
    for number in numbers:
        place = str(folder.relative_to(corpus_dir)).replace("/", "-").strip(".") or "shar"
        tar = folder / f"recording.{number}.tar"
        into = raw / "audio" / f"{place}.{number}"
        audio = _members(tar, into)
        cuts = next(path for path in (folder / f"cuts.{number}.jsonl.gz", folder / f"cuts.{number}.jsonl") if path.is_file())
        for item in _read(cuts):
            if isinstance(item, Reject):
                yield item
                continue
            where, cut = item
            found = next(audio, None)
            if found is None or found[0] != cut.get("id"):
                had = f"has {found[0]} in its place" if found else "ends before it"
                yield Reject(str(cut.get("id")), where, f"audio is missing: {tar.name} {had}")
                continue
            if isinstance(found[1], str):
                yield Reject(str(cut.get("id")), where, found[1])
                continue
            yield from _of_shard(cut, found[1], where, split)


def _of_shard(cut: Row, audio: Path, where: str, split: str | None) -> Iterator[Utterance | Reject]:
    if not cut.get("supervisions"):
        yield Reject(str(cut.get("id")), where, "audio without transcript")
    for supervision in cut.get("supervisions") or ():
        try:
            start, length = seconds(supervision.get("start", 0.0)), seconds(supervision["duration"])
            whole = start == 0 and abs(length - seconds(cut["duration"])) < 0.001
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            name = supervision.get("id") if isinstance(supervision, dict) else cut.get("id")
            yield Reject(str(name), where, f"no valid row: {error}")
            continue
        yield _said(supervision, audio, where, split, start, None if whole else round(start + length, 8), 0)


def _members(tar: Path, into: Path) -> Iterator[tuple[str, Path | str]]:
    """(cut id, its audio as a file or why there is none) in the order of the tar."""
    try:
        with tarfile.open(tar) as members:
            for member in members:
                name, suffix = os.path.splitext(member.name)
                if suffix in (".json", ".nometa"):
                    continue
                content = members.extractfile(member)
                if suffix == ".nodata" or content is None:
                    yield name, "audio is missing: the shard holds none for it"
                    continue
                data = content.read()
                try:
                    yield name, written(data, into, name, suffix)
                except PathError as error:
                    yield name, str(error)
    except FileNotFoundError:
        return
    except (tarfile.TarError, EOFError):
        return  # what is left of its cuts is listed as missing


def _read(path: Path) -> Iterator[tuple[str, Row] | Reject]:
    """("file:line", row) of a manifest, gzipped or not; a damaged rest is one reject."""
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield Reject("", f"{path}:{number}", f"no valid JSON: {error}")
                    continue
                yield (f"{path}:{number}", row) if isinstance(row, dict) else Reject("", f"{path}:{number}", "no valid row")
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        yield Reject("", f"{path}:{number + 1}", f"unreadable: the rest of the file is damaged ({error})")


def look(corpus_dir: Path) -> Found | None:
    found = _candidates(corpus_dir)
    if not found:
        return None
    chosen = {str(path.relative_to(corpus_dir)): _split(path) or "" for path in found}
    options: dict[str, Any] = {"manifests": chosen}
    if not found[0].is_dir():
        options |= guess_audio_dir(corpus_dir, _names(found[0]), found[0].parent)
    return Found("lhotse", options, [f"manifests: {', '.join(chosen)}"], set(chosen.values()) - {""})


def _names(path: Path) -> list[str]:
    """Audio files that the first rows of a manifest speak of."""
    names = []
    for _, item in zip(range(50), _read(path), strict=False):
        if not isinstance(item, Reject):
            recording = item[1].get("recording") or item[1]
            names += [str(source.get("source")) for source in recording.get("sources") or () if source.get("type") == "file"]
    return names
