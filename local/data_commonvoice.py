"""Common Voice, scripted speech, in any language and of any release since 1.

    cv-corpus-25.0-2026-03-09/el/{train,dev,test,validated,invalidated,other,reported}.tsv
                                 clip_durations.tsv (since 16.1; times.txt before), clips/*.mp3

train, dev and test are a third of `validated` or less: one reading of each sentence. The official split takes them as
they are (and, as `also_train` says, further rows); any other split draws from all of `validated`. Every other row of
the release is a reject that says why. Cells stand unquoted: a quotation mark is one of the sentence's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import SPLITS, DataConf, Reject, Utterance, main
from cyasr.data.folders import Names, find, identify, inside, shown, unlisted
from cyasr.data.tables import Row, read_lines, read_table

GET = (
    "Common Voice (CC0): get the language's archive from Mozilla Data Collective, mozilladatacollective.com, and give it or "
    "the folder cv-corpus-<release>-<date>"
)
UNUSED = {"validated": "validated but in no split", "other": "not validated", "invalidated": "invalidated"}
TIME = re.compile(r"`.*?([^/`]+)` = (\d+)")  # a line of times.txt


@dataclass
class Options:
    """conf.options. locale: the language's folder; sha256: of train, dev and test.tsv, one after the other.

    also_train: tables whose remaining rows join train, but for the speakers and sentences of dev and test; those of
    `other`, which nobody has checked, as silver.
    """

    locale: str
    sha256: str | None = None
    also_train: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if wrong := set(self.also_train) - {"validated", "other"}:
            raise ValueError(f"also_train: {sorted(wrong)[0]!r} is neither validated nor other")


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    wanted = SPLITS if conf.split == "official" else ("validated",)
    folder = find_locale(corpus_dir, options.locale, conf.release, wanted[0])
    identify([folder / f"{table}.tsv" for table in wanted], raw, conf.release, options.sha256)
    release = Release(folder, options.locale)
    for table in wanted:
        for item in release.rows(table, split=table if table in SPLITS else None):
            yield item
            if options.also_train and table in ("dev", "test") and isinstance(item, Utterance):
                release.hold_out(item)
    for table in UNUSED:
        if table not in wanted and (folder / f"{table}.tsv").is_file():
            yield from release.others(table, table in options.also_train and conf.split == "official")
    yield from unlisted(folder / "clips", release.taken, release.left)


class Release:
    """One language of one release, read table by table."""

    def __init__(self, folder: Path, locale: str) -> None:
        self.folder = folder
        self.locale = locale
        self.taken = Names()  # clips that the split's own tables name
        self.left = Names()  # and those of the other tables
        self.held_out: set[str] = set()  # speakers and sentences of dev and test
        self.durations = read_durations(folder)
        self.reported = read_reported(folder / "reported.tsv")

    def rows(self, table: str, split: str | None, official: bool = True) -> Iterator[Utterance | Reject]:
        """A table's utterances; if it is none of the split's own tables, those whose clips are in none of these."""
        folder = self.folder / "clips"
        for row in read_table(self.folder / f"{table}.tsv", ["client_id", "path", "sentence"]):
            if isinstance(row, Reject):
                yield row
                continue
            cells = row.cells
            name = cells["path"]
            if name and "." not in name:  # as in the first releases
                name += ".mp3"
            if not official and name in self.taken:  # `validated` holds the splits' rows, too
                continue
            audio = inside(folder, name)
            if audio is None:
                yield Reject("", row.where, f"no clip's name: {name!r}")
                continue
            (self.taken if official else self.left).add(name)
            stem = name.rpartition(".")[0]
            if (cells.get("locale") or self.locale) != self.locale:
                yield Reject(stem, row.where, f"another language: {cells['locale']!r}, not {self.locale}")
                continue
            text = unquoted(cells["sentence"])
            milliseconds = self.durations.get(name)
            yield Utterance(
                stem,
                audio,
                text,
                cells["client_id"] or None,
                row.where,
                seconds=milliseconds / 1000 if milliseconds else None,  # 0: their tool could not read it
                split=split,
                label="silver" if table == "other" else None,
                domain=cells.get("sentence_domain") or None,
                gender=gender(cells),
                age=cells.get("age") or None,
                tags=(self.reported[text],) if text in self.reported else (),
            )

    def others(self, table: str, train: bool) -> Iterator[Utterance | Reject]:
        """Rows of a table that is no split: for training, or rejects."""
        for item in self.rows(table, "train", official=False):
            if isinstance(item, Reject):
                yield item
            elif not train:
                yield Reject(item.id, item.where, UNUSED[table])
            elif item.speaker in self.held_out:
                yield Reject(item.id, item.where, f"speaker of dev or test: {item.speaker}")
            elif sentence_key(item.text) in self.held_out:
                yield Reject(item.id, item.where, "sentence of dev or test")
            else:
                yield item

    def hold_out(self, utterance: Utterance) -> None:
        self.held_out.add(utterance.speaker or "")
        self.held_out.add(sentence_key(utterance.text))


def find_locale(corpus_dir: Path, locale: str, release: str, table: str) -> Path:
    """The folder of the language, which may be `corpus_dir` itself. Raises UsageError."""
    if (corpus_dir / f"{table}.tsv").is_file():
        return corpus_dir
    places = (f"{locale}/", f"*/{locale}/", f"*/*/{locale}/", "")
    tables, validated = (
        any(any(corpus_dir.glob(place + name)) for place in places) for name in (f"{table}.tsv", "validated.tsv")
    )
    if validated and not tables:
        hint = "a delta release has no splits. Get the full one, or set `split: speakers`"
        raise UsageError(f"{shown(corpus_dir)} has validated.tsv and no {table}.tsv: {hint}")
    return find(corpus_dir, f"{locale}/{table}.tsv", release).parent


def read_durations(folder: Path) -> Names:
    """clip -> milliseconds, as far as the release tells."""
    durations = Names()
    table, times = folder / "clip_durations.tsv", folder / "times.txt"
    for line in read_lines(table) if table.is_file() else ():
        if not isinstance(line, Reject):
            name, _, milliseconds = line[1].partition("\t")
            if milliseconds.isascii() and milliseconds.isdigit():  # not in its head
                durations.add(name, int(milliseconds))
    for line in read_lines(times) if times.is_file() and not len(durations) else ():
        if not isinstance(line, Reject) and (match := TIME.fullmatch(line[1])):
            durations.add(match[1], int(match[2]))
    return durations


def read_reported(path: Path) -> dict[str, str]:
    """sentence -> "reported: reason". Free text there breaks rows in two or three; what is broken is passed over."""
    first = next(read_lines(path), None) if path.is_file() else None
    if not isinstance(first, tuple) or not {"sentence", "reason"} <= set(first[1].split("\t")):
        return {}
    rows = [row for row in read_table(path, ["sentence", "reason"]) if isinstance(row, Row)]
    return {unquoted(row["sentence"]): f"reported: {row['reason']}" for row in rows}


def gender(cells: dict[str, str]) -> str | None:
    """male, female or what else is said; male_masculine and female_feminine since release 17."""
    return cells.get("gender", "").removesuffix("_masculine").removesuffix("_feminine") or None


def unquoted(cell: str) -> str:
    """`cell` without the marks of a table that was quoted once and read as if it was not.

    >>> unquoted('"Μα ""ναι"", είπε"')
    'Μα "ναι", είπε'
    """
    text = cell.strip()
    if '"' not in text:
        return text
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('""', ""):
        return text[1:-1].replace('""', '"').strip()
    return text.replace('\\"', '"')


def sentence_key(text: str) -> str:
    """The same for sentences that differ in case and punctuation only."""
    return " ".join(re.findall(r"\w+", text.casefold()))


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
