"""Files are whole or absent, and what a killed writer left goes when its file is written again."""

from __future__ import annotations

import gzip
import io
import os
import time
from pathlib import Path

import pytest

from cyasr.files import ABANDONED, read_jsonl_gz, replacing, write_jsonl_gz, write_text, writing_gz


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(ValueError), replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise ValueError
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_an_abandoned_temporary_file_goes_and_one_in_use_stays(tmp_path: Path) -> None:
    abandoned, in_use = tmp_path / ".a.1.tmp", tmp_path / ".a.2.tmp"
    for path in (abandoned, in_use):
        path.write_text("half")
    os.utime(abandoned, (0, time.time() - ABANDONED - 1))
    write_text(tmp_path / "a", "new")
    assert not abandoned.exists() and in_use.exists()


def test_packing_in_a_thread_gives_the_bytes_of_packing_at_once(tmp_path: Path) -> None:
    rows = [{"id": f"u{number}", "text": "τζ\u0306αι " * (number % 90)} for number in range(3000)]
    write_jsonl_gz(tmp_path / "a.gz", rows)
    assert list(read_jsonl_gz(tmp_path / "a.gz")) == rows
    lines = gzip.decompress((tmp_path / "a.gz").read_bytes()).decode().splitlines(keepends=True)
    once = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, once, mtime=0) as packed, io.TextIOWrapper(packed, encoding="utf-8") as out:
        out.writelines(lines)
    assert (tmp_path / "a.gz").read_bytes() == once.getvalue()


def test_a_full_disk_reaches_the_writer_of_a_packed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = gzip.GzipFile.write

    def full(file: gzip.GzipFile, data: bytes) -> int:
        if file.offset > 100_000:
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr(gzip.GzipFile, "write", full)
    with pytest.raises(OSError, match="No space left"), writing_gz(tmp_path / "a.gz") as out:
        for _ in range(100_000):
            out.write("many words\n")
    assert not list(tmp_path.iterdir())
