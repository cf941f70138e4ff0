"""Files are whole or absent, and what a killed writer left goes when its file is written again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cyasr.files import ABANDONED, replacing, write_text


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
