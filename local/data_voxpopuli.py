"""VoxPopuli, Greek: speech of the European Parliament without transcripts; there are none for Greek.

As downloaded: raw_audios/el/<year>/<event>_el.ogg, hours long. The publisher's cuts (voice activity, 15 to 30 s) are a table,
unlabelled_v2.tsv.gz with event_id, segment_no, start, end for all languages, or, where their script has been run, files
unlabelled_data/el/<year>/<event>_el_<segment>.ogg. The files are taken if they are there, else the table; without either
whole recordings, to be cut in stage 2 (`segment:`).
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.timed import Timed, by_recording, seconds

GET = (
    "VoxPopuli (CC0): github.com/facebookresearch/voxpopuli, `python -m voxpopuli.download_audios --subset el` and, into the "
    "same folder, https://dl.fbaipublicfiles.com/voxpopuli/annotations/unlabelled_v2.tsv.gz; give the folder with raw_audios/"
)
TABLES = (
    "unlabelled_v2.tsv.gz",
    "unlabelled_v2.tsv",
    "unlabelled_data/unlabelled_v2.tsv.gz",
    "unlabelled_data/unlabelled_v2.tsv",
)
COLUMNS = ["event_id", "segment_no", "start", "end"]


@dataclass
class Options:
    """conf.options. language: as the publisher's folders name it."""

    language: str = "el"


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """One Utterance without text for each of the publisher's segments, or each recording."""
    language = confs.build(conf.options, Options, Path("options")).language
    if conf.label != "none":
        raise UsageError(
            f"VoxPopuli has no transcripts for {language}: 0 of its 1,800 transcribed hours (its asr_{language} does not exist). "
            "It can be had with label: none and split: train_dev, for pretraining or to be labelled by a system"
        )
    cut, whole = corpus_dir / "unlabelled_data" / language, corpus_dir / "raw_audios" / language
    table = next((corpus_dir / name for name in TABLES if (corpus_dir / name).is_file()), None)
    if next(cut.glob("*/*.ogg"), None):
        print(f"{cut}: the publisher's segments, as files")
        yield from (utterance(path.stem, path) for path in sorted(cut.glob("*/*.ogg")))
    elif not next(whole.glob("*/*.ogg"), None):
        raise UsageError(f"{corpus_dir} holds no .ogg in raw_audios/{language}/<year>/. {GET}")
    elif table:
        print(f"{table}: the publisher's segments")
        yield from by_table(table, whole, language)
    elif conf.segment:
        print(f"{whole}: whole recordings, cut in stage 2")
        yield from (utterance(path.stem, path) for path in sorted(whole.glob("*/*.ogg")))
    else:
        raise UsageError(
            f"{corpus_dir} holds recordings of hours and no table of segments: get {TABLES[0]} ({GET}), or set `segment:`"
        )


def by_table(table: Path, whole: Path, language: str) -> Iterator[Utterance | Reject]:
    """The table's segments of recordings that lie below `whole`; a Reject each for a recording on one side alone."""
    audio = {path.stem: path for path in sorted(whole.glob("*/*.ogg"))}
    listed = set()
    for group in by_recording(read_segments(table, f"_{language}")):
        if isinstance(group, Reject):
            yield group
            continue
        event, rows = group
        listed.add(event)
        path = audio.get(event)
        if path is None:
            yield Reject(event, str(table), f"recording not downloaded: {sum(1 for _ in rows)} segments of it")
            continue
        for row in rows:
            yield utterance(row.id, path, row)
    yield from (Reject(event, str(path), "recording without segments") for event, path in audio.items() if event not in listed)


def read_segments(table: Path, suffix: str) -> Iterator[Timed | Reject]:
    """Rows of events that end in `suffix`, or why one cannot be. Raises UsageError for a damaged table."""
    try:
        with gzip.open(table, "rb") if table.suffix == ".gz" else open(table, "rb") as packed:
            rows = csv.reader(io.TextIOWrapper(packed, "utf-8", errors="replace"), delimiter="\t", quoting=csv.QUOTE_NONE)
            names = next(rows, [])
            if missing := [column for column in COLUMNS if column not in names]:
                raise UsageError(f"{table}:1: no column {', '.join(missing)}; there are {', '.join(names)}")
            at = [names.index(column) for column in COLUMNS]
            for cells in rows:
                where = f"{table}:{rows.line_num}"
                if len(cells) != len(names):
                    yield Reject("", where, f"wrong number of cells: {len(cells)} for {len(names)} columns")
                    continue
                event, segment, start, end = (cells[index] for index in at)
                if not event.endswith(suffix):
                    continue  # another language
                begin, finish = seconds(start), seconds(end)
                if begin is None or finish is None or begin >= finish:
                    yield Reject(f"{event}_{segment}", where, f"no valid times: {start} to {end}")
                else:
                    yield Timed(event, begin, finish, "", where, f"{event}_{segment}")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{table}: damaged gzip ({error}); download it again") from None
    except csv.Error as error:
        raise UsageError(f"{table}: no table: {error}") from None


def utterance(name: str, audio: Path, row: Timed | None = None) -> Utterance:
    """The year tells the domain: plenary sittings, committees and other meetings."""
    domain = "plenary" if "PLENARY" in audio.name else "other meetings"
    if row is None:
        return Utterance(name, audio, "", split="train", domain=domain)
    return Utterance(name, audio, "", where=row.where, start=row.start, end=row.end, split="train", domain=domain)


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
