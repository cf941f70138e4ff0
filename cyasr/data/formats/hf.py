"""Hugging Face `datasets` on disk: arrow files of save_to_disk, parquet shards of the Hub, or a folder with metadata."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import DataConf
from cyasr.data.formats import Common, Found, table
from cyasr.data.formats.columns import ROLES, guess, seconds, split_of
from cyasr.data.formats.locate import Locator, PathError, walk
from cyasr.data.seen import Seen
from cyasr.data.utterance import Reject, Utterance

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

SUFFIXES = (".arrow", ".parquet")
ROWS = 64  # read at once; a row is an audio file
MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\xff\xfb": ".mp3", b"\xff\xf3": ".mp3"}
PLAIN = ("speaker", "language", "dialect", "licence", "gender", "age", "prompt", "domain")


@dataclass
class Options(Common):
    """columns: role -> column; missing roles are guessed. files: patterns below the corpus dir; []: all of them."""

    files: list[str] = field(default_factory=list)  # ["el_gr/*.parquet"]: of several configurations take this one
    columns: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)  # the data set's own names -> train, dev, test; others are unused

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [role for role in self.columns if role not in ROLES]:
            raise ValueError(f"columns: {unknown[0]!r} is none of {', '.join(ROLES)}{confs.nearest(unknown[0], ROLES)}")


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    locator = Locator(corpus_dir, raw, options.audio_dir)
    ids = Seen()
    found = files(corpus_dir, options)
    if not found:
        raise UsageError(f"{corpus_dir}: no .arrow or .parquet file; with metadata.csv beside audio it is format: table")
    for path in found:
        split = split_of_file(path.relative_to(corpus_dir), options)
        yield from _rows(path, split, corpus_dir, raw, locator, ids, options)


def files(corpus_dir: Path, options: Options) -> list[Path]:
    """Raises UsageError where a pattern meets nothing."""
    if options.files:
        if empty := [pattern for pattern in options.files if not next(corpus_dir.glob(pattern), None)]:
            raise UsageError(f"options: files: no {empty[0]} in the corpus dir")
        return sorted({path for pattern in options.files for path in corpus_dir.glob(pattern)})
    return [
        folder / name
        for folder, names in walk(corpus_dir)
        for name in names
        if os.path.splitext(name)[1] in SUFFIXES and not name.startswith(("cache-", "indices"))
    ]


def split_of_file(path: Path, options: Options) -> str | None:
    """By the file's name (train-00000-of-00005.parquet), or its folder's (train/data-00000-of-00001.arrow)."""
    stem = re.sub(r"-\d+-of-\d+$", "", path.stem)
    for name in (stem, *reversed(path.parts[:-1])):
        if name in options.splits or split_of(name):
            return split_of(name, options.splits)
    return None


def _rows(
    path: Path, split: str | None, corpus_dir: Path, raw: Path, locator: Locator, ids: Seen, options: Options
) -> Iterator[Utterance | Reject]:
    import pyarrow as pa

    number = 0
    try:
        for schema, batch in _batches(path):
            names, classes = _columns(path, schema, options), _classes(schema)
            for row in batch.select([*dict.fromkeys(names.values())]).to_pylist():
                number += 1
                cells = {role: row[column] for role, column in names.items()}
                for role, column in names.items():
                    if column in classes and isinstance(cells[role], int) and 0 <= cells[role] < len(classes[column]):
                        cells[role] = classes[column][cells[role]]
                yield _utterance(cells, f"{path}:{number}", path.relative_to(corpus_dir), split, raw, locator, ids, options)
    except (pa.ArrowException, OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno in {28, 122}:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield Reject(path.stem, f"{path}:{number + 1}", f"unreadable: the rest of the file is damaged ({reason})")


def _batches(path: Path) -> Iterator[tuple[pa.Schema, pa.RecordBatch]]:
    """Stretches of ROWS rows at most. `datasets` writes arrow files in the streaming form."""
    import pyarrow as pa
    from pyarrow import parquet

    if path.suffix == ".parquet":
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                yield file.schema_arrow, batch
        return
    with pa.memory_map(str(path)) as file:
        begins = file.read(6)
        file.seek(0)
        if begins == b"ARROW1":
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
        else:
            reader = pa.ipc.open_stream(file)
            batches = iter(reader)
        for batch in batches:
            for start in range(0, batch.num_rows, ROWS):
                yield reader.schema, batch.slice(start, ROWS)


def _columns(path: Path, schema: pa.Schema, options: Options) -> dict[str, str]:
    """role -> column. Raises UsageError where the conf names one that is not there, or none holds audio."""
    import pyarrow as pa

    if missing := [column for column in options.columns.values() if column not in schema.names]:
        near = confs.nearest(missing[0], schema.names)
        raise UsageError(f"{path}: no column {missing[0]!r}; there are {', '.join(schema.names)}{near}")
    structs = [each.name for each in schema if pa.types.is_struct(each.type) and each.type.get_field_index("bytes") >= 0]
    binaries = [each.name for each in schema if pa.types.is_binary(each.type) or pa.types.is_large_binary(each.type)]
    held = dict.fromkeys(["audio"], (structs or binaries)[0]) if structs or binaries else {}
    roles = guess(name for name in schema.names if name not in held.values()) | held | options.columns
    if "audio" not in roles:
        raise UsageError(f"{path}: no column holds audio; there are {', '.join(schema.names)}; see options: columns")
    return roles


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """column -> names of what its numbers stand for, from what `datasets` writes beside the schema."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {
        name: feature["names"]
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
    }


def _utterance(
    cells: dict[str, Any],
    where: str,
    path: Path,
    split: str | None,
    raw: Path,
    locator: Locator,
    ids: Seen,
    options: Options,
) -> Utterance | Reject:
    audio, row = cells["audio"], where.rpartition(":")[2]
    name = audio.get("path") if isinstance(audio, dict) else audio if isinstance(audio, str) else None
    own = cells.get("id") if cells.get("id") not in (None, "") else os.path.splitext(os.path.basename(name or ""))[0]
    identity = re.sub(r"\s+", "_", str(own)) or f"{_plain(path)}-{int(row):07}"
    if own is not cells.get("id") and identity in ids:
        identity = f"{identity}-{_plain(path)}-{int(row):07}"  # path is often the same name in every row
    data = audio.get("bytes") if isinstance(audio, dict) else audio if isinstance(audio, bytes) else None
    if isinstance(audio, dict) and data is None and name is None:
        return Reject(identity, where, "no audio: the row holds none")
    text = cells.get("text")
    if not isinstance(text, str | None):
        return Reject(identity, where, f"no transcript: {str(text)[:40]!r} is no text")
    try:
        if data is not None:
            file = written(data, raw / "audio" / _plain(path), identity, os.path.splitext(name or "")[1])
        else:
            file = locator.find(name or "", None)
        start = seconds(cells["start"]) if cells.get("start") is not None else 0.0
        end = seconds(cells["end"]) if cells.get("end") is not None else None
    except (PathError, ValueError) as error:
        return Reject(identity, where, str(error))
    ids.add(identity)
    spoken = split_of(str(cells["split"]), options.splits) if cells.get("split") not in (None, "") else split
    plain: dict[str, Any] = {role: str(cells[role]) for role in PLAIN if cells.get(role) not in (None, "")}
    return Utterance(identity, file, text or "", where=where, start=start, end=end, split=spoken, **plain)


def written(data: bytes, folder: Path, name: str, suffix: str) -> Path:
    """`data` as folder/name.suffix; what a run before wrote whole is left. Raises PathError where there is nothing in it."""
    if not data:
        raise PathError("empty file: the row has no bytes of audio")
    kind = next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), suffix.lower())
    safe = re.sub(r"[^\w.-]", "_", name)[-100:].lstrip(".")
    path = folder / f"{safe or 'audio'}{kind or '.wav'}"
    if not path.is_file() or path.stat().st_size != len(data):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{os.getpid()}.tmp"
        temporary.write_bytes(data)
        temporary.replace(path)
    return path


def _plain(path: Path) -> str:
    """A file's path below the corpus dir as one name."""
    return re.sub(r"[^\w.-]", "-", str(path.with_suffix("")))


def look(corpus_dir: Path) -> Found | None:
    found = files(corpus_dir, Options())
    if not found:
        metadata = [folder / name for folder, names in walk(corpus_dir) for name in names if name.startswith("metadata.")]
        return table.look(corpus_dir) if metadata else None
    schema = next((schema for schema, _ in _batches(found[0])), None)
    if schema is None:
        return None
    columns = _columns(found[0], schema, Options())
    folders = sorted({str(path.parent.relative_to(corpus_dir)) for path in found})
    lines = [
        f"{len(found)} {found[0].suffix} files in {', '.join(folders[:6])}{', …' if len(folders) > 6 else ''}",
        f"columns: {', '.join(f'{column} is the {role}' for role, column in columns.items())}",
    ]
    splits = {split_of_file(path.relative_to(corpus_dir), Options()) for path in found}
    return Found("hf", {"columns": columns}, lines, {split for split in splits if split})
