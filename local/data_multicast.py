"""Multi-CAST Cypriot Greek: three folk tales as told in the 1960s, with English translation. Text alone: there is no audio.

They are published romanised, a letter or two a sound: x is χ, u ου, dh δ, d ντ, y γ, j τζ̆, sh σ̆, k' κι. Each word is put
into Greek letters by the rules for Greeklish, told these habits; accents stand on listed words only. The original goes
beside the translation, as language el-Latn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import run
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.tables import Row, read_table
from cyasr.text.greeklish import word_to_greek
from cyasr.text.greeklish_readings import Style

GET = "Multi-CAST Cypriot Greek (CC BY 4.0): get the GitHub project Multi-CAST/mccypgreek and give its folder, or its cldf/"
COLUMNS = ("ID", "Primary_Text", "Translated_Text", "Meta_Language_ID", "Text_ID")
STYLE = Style(x="χ", u="ου", d="ντ")
WORD = re.compile(r"[A-Za-z](?:[A-Za-z]|['’](?=[A-Za-z]))*")
INNER_Y = re.compile(r"(?<=[a-z])y(?=[ie])")  # εγίνην; the rules take ey for ευ


@dataclass
class Options:
    """conf.options: none."""


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """One Utterance without audio for each row of utterances.csv."""
    confs.build(conf.options, Options, Path("options"))
    folder = corpus_dir / "cldf" if (corpus_dir / "cldf").is_dir() else corpus_dir
    tellers = read_tellers(folder / "texts.csv")
    for row in read_table(folder / "utterances.csv", COLUMNS, delimiter=",", quoted=True):
        if isinstance(row, Reject):
            yield row
            continue
        romanised = " ".join(row["Primary_Text"].split())
        teller = tellers.get(row["Text_ID"])
        translation = {row["Meta_Language_ID"] or "en": row["Translated_Text"].strip()}
        yield Utterance(
            id=row["ID"],
            audio=None,
            text=to_greek(romanised),
            speaker=teller["Speaker"] or None if teller else None,
            where=row.where,
            domain=row["Text_ID"] or None,
            gender=teller["Speaker_Gender"] or None if teller else None,
            age=teller["Speaker_Age"] or None if teller else None,
            translation={language: text for language, text in translation.items() if text} | {"el-Latn": romanised},
        )


def read_tellers(path: Path) -> dict[str, Row]:
    """Text -> its row; empty where the table is not there."""
    if not path.is_file():
        return {}
    rows = read_table(path, ["ID", "Speaker", "Speaker_Gender", "Speaker_Age"], delimiter=",", quoted=True)
    return {row["ID"]: row for row in rows if isinstance(row, Row)}


def to_greek(romanised: str) -> str:
    """Every word is Greek; those that look English (me, to, an) too."""
    return WORD.sub(lambda word: word_to_greek(INNER_Y.sub("g", word[0]), STYLE), romanised)


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
