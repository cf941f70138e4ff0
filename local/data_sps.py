"""Common Voice, spontaneous speech (answers to questions), in any language and of any release since 1.0.

    sps-corpus-5.0-2026-09-11-el-CY/ss-corpus-el-CY.tsv, ss-reported-audios-el-CY.tsv, audios/*.mp3

Columns came with the releases (age, gender, accents, variant, char_per_sec, quality_tags in 3.0), and the official split
is drawn anew in each over the same audio. A row without a split has not been validated; reported audio is in no row.
Marks such as [noise] stay in the text, where the normaliser drops them, and are tags besides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import SPLITS, DataConf, Reject, Utterance, main
from cyasr.data.folders import Names, find, identify, inside, unlisted
from cyasr.data.tables import Row, read_lines, read_table
from local.data_commonvoice import gender, unquoted

GET = (
    "Common Voice Spontaneous Speech (CC0): get the language's archive from Mozilla Data Collective, "
    "mozilladatacollective.com, and give it or the folder sps-corpus-<release>-<date>-<locale>"
)
SIZES = {  # train, dev and test clips, as published in the cv-dataset project's statistics
    "el-CY": {
        "1.0": (661, 145, 411),
        "2.0": (824, 280, 113),
        "3.0": (880, 134, 203),
        "4.0": (625, 306, 286),
        "5.0": (566, 280, 371),
    }
}
MARK = re.compile(r"\[(\w[\w -]*)\]")
UNASSIGNED = ("", "unassigned")
COLUMNS = ("client_id", "audio_file", "transcription", "split")


@dataclass
class Options:
    """conf.options. locale: as in the files' names; sha256: of ss-corpus-<locale>.tsv."""

    locale: str
    sha256: str | None = None


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    table = find(corpus_dir, f"ss-corpus-{options.locale}.tsv", conf.release)
    folder = table.parent / "audios"
    sizes = Counter(row["split"] for row in read_rows(table) if isinstance(row, Row))
    known = SIZES.get(options.locale)
    identify([table], raw, conf.release, options.sha256, {split: sizes[split] for split in SPLITS}, known)
    reported = read_reported(table.with_name(f"ss-reported-audios-{options.locale}.tsv"))
    named = Names()
    for row in read_rows(table):
        if isinstance(row, Reject):
            yield row
            continue
        name = row["audio_file"]
        named.add(name)
        reason = reported.pop(name, None)
        yield Reject(Path(name).stem, row.where, reason) if reason else one(row, folder, options.locale)
    for name, reason in reported.items():
        named.add(name)
        yield Reject(Path(name).stem, str(folder / name), reason)
    yield from unlisted(folder, named)


def one(row: Row, folder: Path, locale: str) -> Utterance | Reject:
    """A row's utterance, or why it is none."""
    cells = row.cells
    name, text = cells["audio_file"], unquoted(cells["transcription"])
    audio = inside(folder, name)
    if audio is None:
        return Reject("", row.where, f"no clip's name: {name!r}")
    if cells["split"] in UNASSIGNED:
        return Reject(audio.stem, row.where, "not validated" if text else "not transcribed")
    return Utterance(
        audio.stem,
        audio,
        text,
        cells["client_id"] or None,
        row.where,
        seconds=seconds(cells.get("duration_ms", "")),
        split=cells["split"],
        prompt=cells.get("prompt") or cells.get("prompt_id") or None,
        gender=gender(cells),
        age=cells.get("age") or None,
        tags=tuple(dict.fromkeys([*filter(None, cells.get("quality_tags", "").split("|")), *MARK.findall(text)])),
    )


def read_rows(path: Path) -> Iterator[Row | Reject]:
    """As read_table; but a row may have too many or too few cells where these are clearly empty ones.

    The sample rows of 3.0 have one cell more than there are columns, an empty one before `language`.
    """
    names: list[str] = []
    for line in read_lines(path):
        if isinstance(line, Reject):
            yield line
            continue
        where, text = line
        cells = text.split("\t")
        if not names:
            names = cells
            if missing := [column for column in COLUMNS if column not in names]:
                raise UsageError(f"{where}: no column {', '.join(missing)}; there are {', '.join(names)}")
            continue
        row = Row(where, dict(zip(names, fitted(cells, names), strict=False)))
        if len(row.cells) == len(names):
            yield row
        else:
            yield Reject("", where, f"wrong number of cells: {len(cells)} for {len(names)} columns")


def fitted(cells: list[str], names: list[str]) -> list[str]:
    """`cells`, with empty ones taken out before `language` or added at the end where `votes` and `split` are right then."""
    surplus = len(cells) - len(names)
    if surplus == 0 or not {"language", "votes"} <= set(names):
        return cells
    language = names.index("language")
    if any(cells[language : language + surplus]):
        return []
    made = cells[:language] + cells[language + surplus :] if surplus > 0 else cells + [""] * -surplus
    right = made[names.index("votes")].isdecimal() and made[names.index("split")] in (*SPLITS, *UNASSIGNED)
    return made if right else []


def seconds(milliseconds: str) -> float | None:
    """`duration_ms` as seconds, None where it is no length."""
    try:
        value = float(milliseconds) / 1000
    except ValueError:
        return None
    return value if 0 < value < 1e6 else None


def read_reported(path: Path) -> dict[str, str]:
    """audio file -> "reported: reasons". Free text there breaks rows in two; the part with the file's name counts."""
    reasons: dict[str, list[str]] = {}
    for row in read_table(path, ["audio_file", "reason"]) if path.is_file() else ():
        if isinstance(row, Row) and row["audio_file"]:
            reasons.setdefault(row["audio_file"], []).append(row["reason"])
    return {name: f"reported: {', '.join(dict.fromkeys(each))}" for name, each in reasons.items()}


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
