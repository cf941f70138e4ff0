"""FLEURS: sentences of FLoRes read aloud in 102 languages, each by up to three people, and so parallel by sentence id.

    el_gr/{train,dev,test}.tsv, el_gr/audio/{train,dev,test}.tar.gz (or folders, or el_gr/{train,dev,test}/ as Lhotse
    has them, with metadata/el_gr/*.tsv), and en_us beside it for the translations

Tables have no head: sentence id, file name, raw transcription, transcription, its characters, samples, gender. No
speaker is named. The raw transcription is taken: the other one is lower-cased, without punctuation, and not ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import SPLITS, DataConf, Reject, Utterance, main
from cyasr.data.folders import Names, inside, shown, unlisted
from cyasr.data.tables import Row, read_table

GET = (
    "FLEURS (CC BY 4.0): get data/el_gr and data/en_us of the google/fleurs data set from the Hugging Face hub, or the archives "
    "el_gr.tar.gz and en_us.tar.gz, and give the folder they lie in"
)
COLUMNS = ("id", "file", "raw", "text", "characters", "samples", "gender")
RATE = 16000


@dataclass
class Options:
    """conf.options. locale: the language's folder, el_gr; translations: language -> folder of the other side, en: en_us."""

    locale: str
    translations: dict[str, str] = field(default_factory=dict)


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    folder = find_locale(corpus_dir, options.locale, raw)
    if folder is None:
        raise UsageError(f"{shown(corpus_dir)}: there is no {options.locale}/train.tsv and no {options.locale}.tar.gz. {GET}")
    translations = {}
    for language, locale in options.translations.items():
        other = find_locale(corpus_dir, locale, raw)
        translations[language] = read_sentences(other) if other else {}
        known = f"{len(translations[language])} sentences" if other else f"is not beside {options.locale}, so no translations"
        print(f"{locale}: {known}")
    for split in SPLITS:
        audio = find_audio(folder, options.locale, split, raw)
        named = Names()
        for row in read_table(tables(folder) / f"{split}.tsv", COLUMNS, header=False):
            if isinstance(row, Reject):
                yield row
                continue
            path = inside(audio, row["file"])
            if path is None:
                yield Reject("", row.where, f"no file's name: {row['file']!r}")
                continue
            named.add(row["file"])
            sides = {language: each[row["id"]] for language, each in translations.items() if row["id"] in each}
            yield Utterance(
                f"{options.locale}_{path.stem}",
                path,
                row["raw"].strip(),
                where=row.where,
                seconds=int(row["samples"]) / RATE if row["samples"].isascii() and row["samples"].isdigit() else None,
                split=split,
                prompt=row["id"],
                gender=row["gender"].lower() or None,
                translation=sides or None,
            )
        yield from unlisted(audio, named)


def find_locale(corpus_dir: Path, locale: str, raw: Path) -> Path | None:
    """The folder of a language, below `corpus_dir` or beside it, or unpacked from its archive there."""
    from cyasr.data.archives import unpack

    near = corpus_dir.resolve()
    places = [corpus_dir, corpus_dir / "data", *sorted(path for path in corpus_dir.glob("*") if path.is_dir())]
    for folder in (*(place / locale for place in places), *([corpus_dir] if near.name == locale else []), near.parent / locale):
        if (tables(folder) / "train.tsv").is_file():
            return folder
    archive = corpus_dir / f"{locale}.tar.gz"
    if not archive.is_file():
        return None
    unpacked = unpack(archive, raw / "languages" / locale)
    return unpacked / locale if (unpacked / locale).is_dir() else unpacked


def tables(folder: Path) -> Path:
    """Where the tables of a language lie: with it, or apart as Lhotse puts them."""
    apart = folder.parent / "metadata" / folder.name
    return apart if (apart / "train.tsv").is_file() else folder


def find_audio(folder: Path, locale: str, split: str, raw: Path) -> Path:
    """The folder with a split's audio, unpacked from its archive where that is how it lies. Raises UsageError."""
    from cyasr.data.archives import unpack

    for place in (folder / "audio" / split, folder / split):
        if place.is_dir():
            return place
    archive = folder / "audio" / f"{split}.tar.gz"
    if not archive.is_file():
        raise UsageError(
            f"{shown(folder)}: no audio of {split}: neither audio/{split}.tar.gz nor a folder audio/{split} or {split}"
        )
    unpacked = unpack(archive, raw / "audio" / locale / split)
    return unpacked / split if (unpacked / split).is_dir() else unpacked


def read_sentences(folder: Path) -> dict[str, str]:
    """sentence id -> raw transcription, of all splits of a language."""
    sentences: dict[str, str] = {}
    for split in SPLITS:
        table = tables(folder) / f"{split}.tsv"
        for row in read_table(table, COLUMNS, header=False) if table.is_file() else ():
            if isinstance(row, Row):
                sentences.setdefault(row["id"], row["raw"].strip())
    return sentences


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
