"""NeMo manifests: JSON lines with audio_filepath, text, duration and maybe offset; tarred ones with their tars."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import DataConf
from cyasr.data.formats import Found, Manifests
from cyasr.data.formats.columns import seconds, split_of
from cyasr.data.formats.locate import Locator, PathError, guess_audio_dir, unlisted, walk
from cyasr.data.formats.texts import read_objects
from cyasr.data.seen import Seen
from cyasr.data.utterance import Reject, Utterance

SUFFIXES = (".json", ".jsonl")
SUB = re.compile(r"-sub\d+(?=\.[^.]+$)")  # marks the second row about one member of a tar


@dataclass
class Options(Manifests):
    text: str = "text"  # the key with the transcript
    tars: str | None = None  # pattern of the tars of a tarred manifest, in the order of their numbers; None: beside it
    rest: bool = False  # list audio files that no row names among the rejects


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    locator = Locator(corpus_dir, raw, options.audio_dir)
    named = Seen()
    for manifest, split in manifests(corpus_dir, options):
        shards: dict[int, Path] = {}
        for item in _rows(manifest, options):
            if isinstance(item, Reject):
                yield item
                continue
            where, row = item
            if "shard_id" in row and not shards:
                shards = unpacked(manifest, corpus_dir, raw, options)
            utterance = to_utterance(row, where, manifest, split, locator, shards, options)
            if isinstance(utterance, Utterance):
                named.add(str(utterance.audio))
            yield utterance
    if options.rest:
        yield from unlisted(locator.bases[0], named)


def to_utterance(
    row: Mapping[str, Any],
    where: str,
    manifest: Path,
    split: str | None,
    locator: Locator,
    shards: Mapping[int, Path],
    options: Options,
) -> Utterance | Reject:
    name = str(row["audio_filepath"])
    stem = os.path.splitext(os.path.basename(name))[0]
    source, target = (str(row.get(key) or "") for key in ("source_lang", "target_lang"))
    language = str(row.get("lang") or target) or None
    if source and target and source != target:
        return Reject(stem, where, f"no transcript: a translation from {source} to {target}")
    text = row.get(options.text, "")
    try:
        if not isinstance(text, str):
            raise ValueError(f"no transcript: {str(text)[:40]!r} is no text")
        offset = seconds(row["offset"]) if row.get("offset") is not None else None
        duration = seconds(row["duration"]) if row.get("duration") is not None else None
        if "shard_id" in row:
            folder = shards.get(int(row["shard_id"]))
            if folder is None:
                raise PathError(f"audio is missing: there is no tar number {row['shard_id']}")
            audio = _member(folder, name)
        else:
            audio = locator.find(name, manifest.parent)
    except (ValueError, PathError) as error:
        return Reject(stem, where, str(error))
    end = None if offset is None or duration is None else offset + duration
    part = f"{stem}-{round((offset or 0) * 100):07}-{round(end * 100):07}" if end is not None else stem
    own = {key: str(row[key]) for key in ("gender", "age", "dialect", "licence", "label", "prompt", "domain") if row.get(key)}
    return Utterance(
        str(row.get("utt_id") or row.get("id") or part),
        audio,
        text,
        str(row["speaker"]) if row.get("speaker") not in (None, "") else None,
        where,
        start=offset or 0.0,
        end=end,
        seconds=duration if offset is None else None,
        split=split,
        language=language,
        **own,  # type: ignore[arg-type]  # all of them are texts
    )


def manifests(corpus_dir: Path, options: Options) -> list[tuple[Path, str | None]]:
    """Each manifest with its split. Raises UsageError where there is none."""
    if not options.manifests:
        found = [(path, split_of(path.stem) or split_of(path.parent.name)) for path in _candidates(corpus_dir)]
        if not found:
            raise UsageError(f"{corpus_dir}: no manifest, a .json or .jsonl file with audio_filepath in each line")
        return found
    return options.chosen(corpus_dir)


def unpacked(manifest: Path, corpus_dir: Path, raw: Path, options: Options) -> dict[int, Path]:
    """Number of a tar -> folder below `raw` that its members are in now. Raises UsageError where there are no tars."""
    from cyasr.data.archives import unpack

    tars = sorted(corpus_dir.glob(options.tars)) if options.tars else sorted(manifest.parent.glob("*.tar"))
    if not tars:
        raise UsageError(f"{manifest} is tarred, and no tars lie beside it; see options: tars")
    numbers = {}
    for place, tar in enumerate(tars):
        number = re.search(r"(\d+)$", tar.stem)
        folder = raw / "unpacked" / str(tar.relative_to(corpus_dir)).removesuffix(".tar").replace("/", "-")
        numbers[int(number[1]) if number else place] = unpack(tar, folder)
    return numbers


def _member(folder: Path, name: str) -> Path:
    """The file of a tar that a row names; a tar's names are flat. Raises PathError where it names none."""
    for each in (name, SUB.sub("", name)):
        if ".." not in each.split("/") and not os.path.isabs(each) and (folder / each).is_file():
            return folder / each
    raise PathError(f"audio is missing: {name} is not in its tar")


def _rows(manifest: Path, options: Options) -> Iterator[tuple[str, dict[str, Any]] | Reject]:
    for item in read_objects(manifest, options.encoding):
        if isinstance(item, Reject) or item[1].get("audio_filepath"):
            yield item
        else:
            yield Reject("", item[0], "no audio: the row has no audio_filepath")


def _candidates(corpus_dir: Path) -> list[Path]:
    """Files among whose first lines is a row of a manifest."""
    found = []
    for folder, names in walk(corpus_dir):
        if len(folder.relative_to(corpus_dir).parts) > 2:
            continue
        for name in names:
            rows = islice(_rows(folder / name, Options()), 20) if os.path.splitext(name)[1].lower() in SUFFIXES else ()
            if any(not isinstance(row, Reject) for row in rows):
                found.append(folder / name)
    return found


def look(corpus_dir: Path) -> Found | None:
    found = _candidates(corpus_dir)
    if not found:
        return None
    chosen = {str(path.relative_to(corpus_dir)): split_of(path.stem) or split_of(path.parent.name) or "" for path in found}
    rows = [item[1] for item in islice(_rows(found[0], Options()), 50) if not isinstance(item, Reject)]
    options: dict[str, Any] = {"manifests": chosen}
    if not any("shard_id" in row for row in rows):
        options |= guess_audio_dir(corpus_dir, [str(row["audio_filepath"]) for row in rows], found[0].parent)
    return Found("nemo", options, [f"manifests: {', '.join(chosen)}"], set(chosen.values()) - {""})
