"""CSS10: one LibriVox reader a language.

    transcript.txt, Paramythi_horis_onoma/Paramythi_horis_onoma_0000.wav, …

Lines of transcript.txt: file|text of the book|text with numbers and abbreviations written out|seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cyasr import conf as confs
from cyasr.cli import run
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.folders import Names, find, inside, unlisted
from cyasr.data.tables import read_table

GET = (
    "CSS10 (LibriVox, public domain): get the language's archive as the GitHub project Kyubyong/css10 says, and give it or "
    "the folder with transcript.txt"
)
COLUMNS = ("file", "original", "normalised", "seconds")


@dataclass
class Options:
    """conf.options. text: which of the two transcripts; speaker: the reader's name."""

    speaker: str
    text: Literal["original", "normalised"] = "normalised"


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    transcript = find(corpus_dir, "transcript.txt")
    books: dict[Path, Names] = {}
    for row in read_table(transcript, COLUMNS, delimiter="|", header=False):
        if isinstance(row, Reject):
            yield row
            continue
        audio = inside(transcript.parent, row["file"].strip())
        if audio is None:
            yield Reject("", row.where, f"no file's name: {row['file']!r}")
            continue
        books.setdefault(audio.parent, Names()).add(audio.name)
        seconds = row["seconds"].strip()
        yield Utterance(
            os.path.splitext(row["file"].strip())[0].replace("/", "."),
            audio,
            row[options.text].strip() or row["original"].strip(),
            options.speaker,
            row.where,
            seconds=float(seconds) if seconds.replace(".", "", 1).isdecimal() and float(seconds) > 0 else None,
            domain="audiobook",
        )
    for folder in sorted(folder for folder in books if folder.is_dir()):
        yield from unlisted(folder, books[folder])


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
