"""A downloaded corpus's folder: names that stay inside it, and the audio that nothing names."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyasr.data.folders import Names, inside, release_of, unlisted


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.mp3", "a/../../b.mp3", "a\0.mp3", ".."])
def test_names_that_lead_out_of_the_folder_are_none(name: str) -> None:
    assert inside(Path("clips"), name) is None


@pytest.mark.parametrize("name", ["a.mp3", "b/a.mp3", "a..b.mp3", "…mp3"])
def test_other_names_lie_in_the_folder(name: str) -> None:
    assert inside(Path("clips"), name) == Path("clips", name)


def test_names_keep_the_first_number_while_more_are_added() -> None:
    names = Names()
    assert "a" not in names
    for number in range(1000):
        names.add(f"clip{number}", number)
        names.add(f"clip{number}", -1)
        assert names.get(f"clip{number // 2}") == number // 2
    assert len(names) == 2000 and names.get("clip1000") is None and "clip0" in names


def test_files_in_no_list_are_named_in_order_but_for_those_that_are_no_audio(tmp_path: Path) -> None:
    for name in ("b.mp3", "a.WAV", "c.flac", "._c.mp3", "notes.txt", "d.mp3"):
        (tmp_path / name).touch()
    names, more = Names(), Names()
    names.add("c.flac")
    more.add("d.mp3")
    assert [(reject.id, reject.reason) for reject in unlisted(tmp_path, names, more)] == [
        ("a", "audio without transcript"),
        ("b", "audio without transcript"),
    ]


@pytest.mark.parametrize(
    ("folder", "release"),
    [
        ("cv-corpus-25.0-2026-03-09/el", "25.0"),
        ("sps-corpus-5.0-2026-09-11-el-CY", "5.0"),
        ("cv-corpus-5.1-2020-06-22/x/cv-corpus-16.1-2023-12-06/el", "16.1"),
        ("cv-corpus-5-2020-06-22/el", "5"),
        ("common-voice/el", ""),
    ],
)
def test_the_release_is_read_off_the_folders_name(tmp_path: Path, folder: str, release: str) -> None:
    assert release_of(tmp_path / folder / "train.tsv") == release
