"""Kaldi data directories: wav.scp, text, utt2spk, and maybe segments, spk2gender, utt2lang, reco2file_and_channel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import DataConf
from cyasr.data.formats import Common, Found
from cyasr.data.formats.columns import seconds, split_of
from cyasr.data.formats.kaldi_pipes import behind
from cyasr.data.formats.locate import Locator, PathError, guess_audio_dir, walk
from cyasr.data.formats.spool import database
from cyasr.data.formats.texts import read_lines
from cyasr.data.utterance import Reject, Utterance

TABLES = ("wav.scp", "text", "segments", "utt2spk", "utt2lang", "spk2gender", "reco2file_and_channel")
EXTRAS = ("utt2licence", "utt2dialect", "utt2label")  # as steps.export writes them
EMPTY = {"<noise>", "<silence>"}  # a text that says nothing


@dataclass
class Options(Common):
    """dirs: data directories below the corpus dir, each with its split ("" for none); {}: found, split by name."""

    dirs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [split for split in self.dirs.values() if split not in ("", "train", "dev", "test")]:
            raise ValueError(f"dirs: {unknown[0]!r} is none of train, dev, test")


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    locator = Locator(corpus_dir, raw, options.audio_dir)
    for folder, split in directories(corpus_dir, options):
        with database(raw) as tables:
            yield from _loaded(folder, tables, options)
            yield from _joined(folder, split, tables, locator)


def directories(corpus_dir: Path, options: Options) -> list[tuple[Path, str | None]]:
    """Each data directory with its split. Raises UsageError where there is none, or one is missing."""
    if not options.dirs:
        found = [folder for folder, names in walk(corpus_dir) if "wav.scp" in names]
        if not found:
            raise UsageError(f"{corpus_dir}: no Kaldi data directory, a folder with wav.scp")
        return [(folder, split_of(folder.name)) for folder in found]
    for name in options.dirs:
        if not (corpus_dir / name / "wav.scp").is_file():
            raise UsageError(f"options: dirs: there is no {name}/wav.scp in the corpus dir")
    return [(corpus_dir / name, split or None) for name, split in options.dirs.items()]


def _loaded(folder: Path, tables: Connection, options: Options) -> Iterator[Reject]:
    """Read the directory's files into `tables`, one each: key, rest of the line, place. Yields lines that are wrong."""
    for name in (*TABLES, *EXTRAS):
        tables.execute(f'CREATE TABLE "{name}" (key TEXT PRIMARY KEY, value TEXT, place TEXT) WITHOUT ROWID')
        if not (folder / name).is_file():
            continue
        for line in read_lines(folder / name, options.encoding):
            if isinstance(line, Reject):
                yield line
                continue
            place, text = line
            key, *rest = text.split(maxsplit=1)
            row = (key, rest[0].strip() if rest else "", place)
            if not tables.execute(f'INSERT OR IGNORE INTO "{name}" VALUES (?, ?, ?)', row).rowcount:
                yield Reject(key, place, f"duplicate id: {name} has it twice")


def _joined(folder: Path, split: str | None, tables: Connection, locator: Locator) -> Iterator[Utterance | Reject]:
    """One utterance for each line of `text`, with what the other files say of it; the rest as rejects."""
    cut = (folder / "segments").is_file()
    which = "segments" if cut else "wav.scp"
    for key, place in tables.execute(f'SELECT key, place FROM text WHERE key NOT IN (SELECT key FROM "{which}")'):
        yield Reject(key, place, f"transcript without audio: {which} does not have it")
    for row in tables.execute(QUERY["segments" if cut else "wav.scp"]):
        yield _utterance(row, split, folder, locator)
    if cut:
        tables.execute(f"CREATE TABLE used AS SELECT DISTINCT {_OF} AS recording FROM segments AS base")
        for key, place in tables.execute('SELECT key, place FROM "wav.scp" WHERE key NOT IN (SELECT recording FROM used)'):
            yield Reject(key, place, "audio without transcript: no segment is of it")


_OF = "substr(base.value, 1, instr(base.value || ' ', ' ') - 1)"  # a segment's recording
_REST = """, text.value, text.place, utt2spk.value, utt2lang.value, spk2gender.value, channel.value,
    utt2licence.value, utt2dialect.value, utt2label.value
  FROM {which} AS base {wav} LEFT JOIN text USING (key) LEFT JOIN utt2spk USING (key) LEFT JOIN utt2lang USING (key)
    LEFT JOIN spk2gender ON spk2gender.key = utt2spk.value
    LEFT JOIN reco2file_and_channel AS channel ON channel.key = {recording}
    LEFT JOIN utt2licence USING (key) LEFT JOIN utt2dialect USING (key) LEFT JOIN utt2label USING (key)
  ORDER BY base.key"""
QUERY = {
    "wav.scp": 'SELECT base.key, base.place, base.value, ""'
    + _REST.format(which='"wav.scp"', wav="", recording="base.key"),
    "segments": 'SELECT base.key, base.place, wav.value, base.value'
    + _REST.format(which="segments", wav=f'LEFT JOIN "wav.scp" AS wav ON wav.key = {_OF}', recording=_OF),
}  # fmt: skip


def _utterance(row: tuple[Any, ...], split: str | None, folder: Path, locator: Locator) -> Utterance | Reject:
    key, place, spec, segment, text, text_place, speaker, language, gender, channel, licence, dialect, label = row
    if text is None:
        return Reject(key, place, "audio without transcript")
    start, end = 0.0, None
    try:
        if segment:
            fields = segment.split()
            if len(fields) != 3:
                raise ValueError(f"no valid row: {len(fields) + 1} fields for 4 in segments")
            start, end = seconds(fields[1]), seconds(fields[2])
            end = None if end == -1 else end  # to the recording's end
        if spec is None:
            raise PathError(f"audio is missing: wav.scp has no {segment.split()[0] if segment else 'recording for it'}")
        name, side = behind(spec)
        audio = locator.find(name, folder)
    except (ValueError, PathError) as error:
        return Reject(key, place, str(error))
    if side is None and channel:
        side = {"A": 0, "B": 1, "1": 0, "2": 1}.get(channel.split()[-1])
    return Utterance(
        key,
        audio,
        "" if text in EMPTY else text,
        speaker if speaker and speaker != key else None,  # Kaldi's way to say that it is not known
        text_place,
        start=start,
        end=end,
        channel=side or 0,
        split=split,
        language=language,
        gender=gender,
        licence=licence,
        dialect=dialect,
        label=label,
    )


def look(corpus_dir: Path) -> Found | None:
    found = [folder for folder, names in walk(corpus_dir) if "wav.scp" in names]
    if not found:
        return None
    dirs = {str(folder.relative_to(corpus_dir)): split_of(folder.name) or "" for folder in found}
    specs = []
    for line in islice(read_lines(found[0] / "wav.scp"), 50):
        if not isinstance(line, Reject):
            with suppress(PathError):
                specs.append(behind(line[1].split(maxsplit=1)[-1])[0])
    where = guess_audio_dir(corpus_dir, specs, found[0])
    said = ", ".join(f"{name} ({split or 'no split by its name'})" for name, split in dirs.items())
    return Found("kaldi", {"dirs": dirs} | where, [f"data directories: {said}"], set(dirs.values()) - {""})
