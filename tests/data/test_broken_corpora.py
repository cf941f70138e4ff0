"""Tables, folders and archives broken in every way we could think of: what is bad is listed or refused in one line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.broken import TEXT, Case, Rejected, check, prepare_table, table_rows, write_table


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
