"""Tables, folders and archives broken in every way we could think of: what is bad is listed or refused in one line."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr.data.corpus import DataConf, Reject, Utterance
from cyasr.data.tables import read_table
from cyasr.files import read_jsonl_gz
from tests.data.broken import IDS, SPLITS, TEXT, Case, Rejected, check, prepare_table, table_rows, write_table


def row_case(number: int, row: list[str], expected: Rejected | None = None, **keys: Any) -> Case:
    """Row `number` (u00 is 0) is another."""

    def case(corpus: Path) -> Rejected:
        rows = table_rows()
        rows[number + 1] = row
        write_table(corpus, rows, **keys)
        return {} if expected is None else expected

    return case


def whole_case(expected: Rejected | str, encoding: str = "utf-8", end: str = "\n", **keys: Any) -> Case:
    def case(corpus: Path) -> Rejected | str:
        write_table(corpus, table_rows(), encoding, end)
        return expected

    return case


def raw_row(row: bytes, expected: Rejected) -> Case:
    """u03's row is these bytes."""

    def case(corpus: Path) -> Rejected:
        write_table(corpus, table_rows())
        lines = (corpus / "table.tsv").read_bytes().split(b"\n")
        lines[4] = row
        (corpus / "table.tsv").write_bytes(b"\n".join(lines))
        return expected

    return case


def bytes_case(data: bytes, expected: Rejected | str) -> Case:
    def case(corpus: Path) -> Rejected | str:
        (corpus / "table.tsv").write_bytes(data)
        return expected

    return case


def huge_case(expected: Rejected) -> Case:
    """The last row, u11's, goes on in a hole of 300 MB."""

    def case(corpus: Path) -> Rejected:
        write_table(corpus, table_rows(), end="\n")
        os.truncate(corpus / "table.tsv", (corpus / "table.tsv").stat().st_size - 1)
        os.truncate(corpus / "table.tsv", 300 << 20)
        return expected

    return case


TABLE: dict[str, Case] = {
    "CRLF": whole_case({}, end="\r\n"),
    "a byte order mark": whole_case({}, "utf-8-sig"),
    "UTF-16": whole_case("table.tsv", "utf-16"),
    "a row in a Windows code page": raw_row(
        "u03.wav\tΚαλημέρα σας\ts3\ttest".encode("cp1253"), {"table.tsv": "not UTF-8", "u03": "audio without transcript"}
    ),
    "too many cells": row_case(3, ["u03.wav", TEXT, "more", "s3", "test"], {"u03": "audio without transcript"}),
    "too few cells": row_case(3, ["u03.wav", TEXT], {"u03": "audio without transcript"}),
    "no text": row_case(3, ["u03.wav", "", "s3", "test"], {"u03": "empty transcript"}),
    "text of punctuation": row_case(3, ["u03.wav", "… — !!!", "s3", "test"], {"u03": "nothing left"}),
    "text of invisible characters": row_case(3, ["u03.wav", "\u200b\ufeff\u00ad\u2060", "s3", "test"], {"u03": ""}),
    "a NUL in the text": row_case(3, ["u03.wav", "εν\0να πάμεν", "s3", "test"]),
    "a NUL in the path": row_case(3, ["u0\x003.wav", TEXT, "s3", "test"], {"u03": "audio without transcript"}),
    "line separators of Unicode in the text": row_case(3, ["u03.wav", "εν\u2028να\u2029πάμεν\x85ρε\x0b", "s3", "test"]),
    "a speaker with control characters": row_case(3, ["u03.wav", TEXT, "s\x1b[31m3", "test"]),
    "an unknown split": row_case(3, ["u03.wav", TEXT, "s3", "tset"], {"u03": "unknown split"}),
    "a path that leads out": row_case(
        3, ["../../../../../../etc/passwd", TEXT, "s3", "test"], {"passwd": "", "u03": "audio without"}
    ),
    "an absolute path": row_case(3, ["/etc/passwd", TEXT, "s3", "test"], {"passwd": "", "u03": "audio without transcript"}),
    "a path longer than any": row_case(3, ["x" * 5000 + ".wav", TEXT, "s3", "test"], {"u03": "audio without transcript"}),
    "a path of nothing": row_case(3, ["", TEXT, "s3", "test"], {"u03": "audio without transcript"}),
    "a path of a dot": row_case(3, [".", TEXT, "s3", "test"], {"u03": "audio without transcript"}),
    "the same row twice": row_case(3, ["u02.wav", TEXT, "s3", "test"], {"u03": "audio without transcript"}),
    "a cell of 20 MB": row_case(3, ["u03.wav", "α" * 20_000_000, "s3", "test"], {"u03": ""}),
    "a text of 1 MB": row_case(3, ["u03.wav", "πάμεν " * 100_000, "s3", "test"], {"u03": "too fast"}),
    "100,000 combining marks": row_case(3, ["u03.wav", "α" + "\u0301" * 100_000, "s3", "test"], {"u03": "too fast"}),
    "a line of 300 MB": huge_case({"table.tsv": "no valid row: longer than 64 MB", "u11": None}),
    "an empty file": bytes_case(b"", "12 of 12 rejected"),
    "a head alone": bytes_case(b"file\ttext\tspeaker\tsplit\n", "12 of 12 rejected"),
    "zeros": bytes_case(bytes(10_000), "no column"),
    "random bytes": bytes_case(np.random.default_rng(1).bytes(50_000), "table.tsv"),
    "no such column": bytes_case(b"path\ttext\n1\t2\n", "no column file, speaker, split"),
    "the same column twice": bytes_case(b"file\ttext\tspeaker\tsplit\ttext\n", "column text stands twice"),
    "gzip": bytes_case(gzip.compress(b"file\ttext\tspeaker\tsplit\n"), "table.tsv"),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_a_bad_table_is_listed_or_one_line(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(prepare_table, case, monkeypatch, "corpus: broken\n", audio="wav/*.wav")


# --- segments


def prepare_segments(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """Rows of id, file, start, end, text, split."""
    for row in read_table(corpus_dir / "table.tsv", ["id", "file", "start", "end", "text", "split"]):
        if isinstance(row, Reject):
            yield row
            continue
        start, end = float(row["start"]), float(row["end"])
        audio = corpus_dir / "wav" / row["file"]
        yield Utterance(row["id"], audio, row["text"], "s1", row.where, start=start, end=end, split=row["split"])


def segments_case(rows: list[list[str]], expected: Rejected) -> Case:
    """u00 to u02 are these segments."""

    def case(corpus: Path) -> Rejected:
        for old in ("u01", "u02"):
            (corpus / f"wav/{old}.wav").unlink()
        others = [[name, f"{name}.wav", "0", "0.9", TEXT, SPLITS[number % 4]] for number, name in enumerate(IDS) if number > 2]
        write_table(corpus, [["id", "file", "start", "end", "text", "split"], *rows, *others])
        return expected

    return case


def segment(name: str, start: str, end: str, text: str = "εν να πάμεν", file: str = "u00.wav") -> list[str]:
    return [name, file, start, end, text, "train"]


LATER = [segment("u01", "0.3", "0.6"), segment("u02", "0.6", "0.9")]
SEGMENTS: dict[str, Case] = {
    "an empty first segment": segments_case([segment("u00", "0", "0.3", " "), *LATER], {"u00": "empty transcript"}),
    "a first segment without id": segments_case([segment("", "0", "0.3"), *LATER], {"u00": None}),
    "a first segment outside": segments_case([segment("u00", "-1", "0.3"), *LATER], {"u00": "outside its audio"}),
    "a segment of no length": segments_case([segment("u00", "0.2", "0.2"), *LATER], {"u00": "outside its audio"}),
    "a segment from nowhere": segments_case([segment("u00", "nan", "0.3"), *LATER], {"u00": "outside its audio"}),
    "a segment to nowhere": segments_case([segment("u00", "0", "inf"), *LATER], {"u00": "outside its audio"}),
    "a segment of 1e308 s": segments_case([segment("u00", "0", "1e308"), *LATER], {"u00": "outside its audio"}),
    "an id of two": segments_case([segment("u01", "0", "0.3"), *LATER], {"u00": None, "table.tsv": "duplicate id"}),
    "a file that comes back": segments_case(
        [segment("u00", "0", "0.3"), segment("u01", "0", "0.9", TEXT, "u03.wav"), segment("u02", "0.5", "0.9")],
        {"u02": "audio listed twice"},
    ),
}


@pytest.mark.parametrize("case", SEGMENTS.values(), ids=SEGMENTS.keys())
def test_a_bad_segment_takes_no_other_of_its_file_with_it(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(prepare_segments, case, monkeypatch, "corpus: broken\n", audio="wav/*.wav")


def test_files_whose_names_differ_by_a_folder_or_an_ending_keep_their_own_segments(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def case(corpus: Path) -> Rejected:
        (corpus / "wav/a").mkdir()
        (corpus / "wav/u00.wav").rename(corpus / "wav/a/b.wav")
        (corpus / "wav/u01.wav").rename(corpus / "wav/a.b.wav")
        soundfile.write(corpus / "wav/a.b.flac", soundfile.read(corpus / "wav/u02.wav")[0], 16_000)
        rows = [segment("u00", "0", "0.3", file="a/b.wav"), segment("u01", "0", "0.4", file="a.b.wav")]
        others = [[name, f"{name}.wav", "0", "0.9", TEXT, SPLITS[number % 4]] for number, name in enumerate(IDS) if number > 2]
        rows.append(segment("u02", "0", "0.5", file="a.b.flac"))
        write_table(corpus, [["id", "file", "start", "end", "text", "split"], *rows, *others])
        (corpus / "wav/u02.wav").unlink()
        return {}

    check(prepare_segments, case, monkeypatch, "corpus: broken\n")
    cuts = {cut["id"]: cut for cut in read_jsonl_gz(Path("data/broken/train.jsonl.gz"))}
    sources = [cuts[name]["recording"]["sources"][0]["source"].rpartition("/wav/")[2] for name in ("u00", "u01", "u02")]
    assert sources == ["a/b.wav", "a.b.wav", "a.b.flac"]
    assert len({cut["recording"]["id"] for cut in cuts.values()}) == len(cuts)


# --- folders and archives


def folder(damage: Callable[[Path], object], expected: Rejected | str) -> Case:
    """A good table and good audio, and something else in the folder."""

    def case(corpus: Path) -> Rejected | str:
        write_table(corpus, table_rows())
        damage(corpus)
        return expected

    return case


def link(name: str, target: str) -> Callable[[Path], object]:
    return lambda corpus: (corpus / name).symlink_to(target, target_is_directory=True)


def elsewhere(corpus: Path) -> None:
    (corpus / "wav").rename(Path("disk"))
    (corpus / "wav").symlink_to(Path("disk").resolve())


def emptied(corpus: Path) -> None:
    shutil.rmtree(corpus)
    corpus.mkdir()


FOLDERS: dict[str, Case] = {
    "a link to the folder above": folder(link("up", ".."), {}),
    "a link to itself": folder(link("self", "self"), {}),
    "links in a circle": folder(lambda corpus: (link("one", "two")(corpus), link("two", "one")(corpus)), {}),
    "audio on another disk": folder(elsewhere, {}),
    "a pipe": folder(lambda corpus: os.mkfifo(corpus / "pipe"), {}),
    "a name that is not UTF-8": folder(
        lambda corpus: (corpus / os.fsdecode(b"wav/\xff.wav")).write_bytes(b"x"), {"\\udcff": "audio without"}
    ),
    "a name of a line break": folder(lambda corpus: (corpus / "wav/u\n99.wav").write_bytes(b"x"), {"u\\n99": "audio without"}),
    "nothing": folder(emptied, "is empty"),
    "no folder": folder(shutil.rmtree, "does not exist"),
    "a folder of the table's name": folder(
        lambda corpus: ((corpus / "table.tsv").unlink(), (corpus / "table.tsv").mkdir()), "table.tsv does not exist"
    ),
    "no table": folder(lambda corpus: (corpus / "table.tsv").unlink(), "table.tsv does not exist"),
    "no audio": folder(lambda corpus: shutil.rmtree(corpus / "wav"), "12 of 12 rejected"),
}


@pytest.mark.parametrize("case", FOLDERS.values(), ids=FOLDERS.keys())
def test_odd_things_in_a_folder_are_listed_or_left_alone(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(prepare_table, case, monkeypatch, "corpus: broken\n", audio="wav/*.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(("name", "message"), [("wav", "Permission denied"), ("table.tsv", "Permission denied")])
def test_what_may_not_be_read_is_one_line(name: str, message: str, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(prepare_table, folder(lambda corpus: (corpus / name).chmod(0), message), monkeypatch, "corpus: broken\n")
    (corpus / name).chmod(0o700)


def packed(corpus: Path, *more: tuple[str, bytes], mode: str = "gz") -> Path:
    """corpus.tar of the corpus and members of these names and types."""
    write_table(corpus, table_rows())
    with tarfile.open("corpus.tar", f"w:{mode}") as tar:
        tar.add(corpus, "corpus")
        for name, kind in more:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info, io.BytesIO())
    shutil.rmtree(corpus)
    return Path("corpus.tar")


def archive(expected: Rejected | str, *more: tuple[str, bytes], mode: str = "gz", keep: float = 1.0) -> Case:
    def case(corpus: Path) -> Rejected | str:
        path = packed(corpus, *more, mode=mode)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
        return expected

    return case


ARCHIVES: dict[str, Case] = {
    "whole": archive({}),
    "whole, not compressed": archive({}, mode=""),
    "with what macOS adds": archive({}, ("corpus/wav/._u00.wav", tarfile.REGTYPE)),
    "with a path that leads out": archive("do not trust it", ("../../evil.wav", tarfile.REGTYPE)),
    "with an absolute path": archive("do not trust it", ("/tmp/evil.wav", tarfile.REGTYPE)),
    "with a link that leads out": archive("do not trust it", ("corpus/wav/evil.wav", tarfile.SYMTYPE)),
    "with a device": archive("do not trust it", ("corpus/wav/evil.wav", tarfile.CHRTYPE)),
    "cut in two": archive("damaged, truncated", keep=0.5),
    "without its last bytes": archive("damaged, truncated", keep=0.999),
    "not compressed, cut in two": archive("damaged, truncated", mode="", keep=0.5),
    "of nothing": archive("is no directory and no archive", keep=0),
}


@pytest.mark.parametrize("case", ARCHIVES.values(), ids=ARCHIVES.keys())
def test_a_corpus_in_a_bad_archive_is_one_line(case: Case, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(prepare_table, case, monkeypatch, "corpus: broken\n", audio="wav/*.wav", given="corpus.tar")
    assert not list(Path("..").glob("evil*"))
