"""Voice of Cyprus: rolling captions untangled, rows counted, and no way into dev or test."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from local import data_voice_of_cyprus as adapter
from tests.local.adapters import kinds, prepared, settings, sound, stages

# start, end, text: each ends where the next but one starts; a pause after the fourth
ROWS = [
    (1.559, 4.0, "Λοιπόν καλωσορίσαμεν"),
    (2.44, 5.199, "τον κόσμον που μας, ακούει"),
    (4.0, 6.68, "τζαί έννα πούμεν"),
    (5.199, 6.68, "δκυο λόγια"),
    (8.5, 11.279999999999998, "Ήντα νέα"),
]
PREFIX = "/kaggle/input/audio-files/Audio_Files/"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def csv_rows(name: str, rows: list[tuple[float, float, str]], index: bool) -> str:
    columns = "audio_filepath,start,end,text,pronunciation"
    lines = [f"{',' if index else ''}{columns}"]
    for number, (start, end, text) in enumerate(rows):
        cell = f'"{text}"' if "," in text else text
        lines.append(f"{f'{number},' if index else ''}{PREFIX}{name}.wav,{start},{end},{cell},lipon")
    return "\n".join(lines) + "\n"


def write_corpus(folder: Path) -> Path:
    """Audio_Files/ and the project's folder of tables; the first recording's rows go on in the second table."""
    for name, seconds in (("_v65uDbQTvg", 14.0), ("rJlH5ysj-rQ", 12.0)):
        sound(folder / "Audio_Files" / f"{name}.wav", seconds, 16_000, len(name))
    tables = folder / "temp" / "phonetics"
    tables.mkdir(parents=True)
    (tables / "updated_chunk_2.csv").write_text(csv_rows("_v65uDbQTvg", ROWS[:3], True), encoding="utf-8")
    (tables / "updated_chunk_10.csv").write_text(csv_rows("_v65uDbQTvg", ROWS[3:], True), encoding="utf-8")
    (folder / "temp" / "updated_chunk_27.csv").write_text(csv_rows("rJlH5ysj-rQ", ROWS[:2], True), encoding="utf-8")
    (folder / "temp" / "chunk_2.csv").write_text(csv_rows("_v65uDbQTvg", ROWS[:3], False), encoding="utf-8")
    (folder / "other.csv").write_text("word,count\nέννα,3\n", encoding="utf-8")
    return folder


def test_overlapping_rows_end_where_the_next_starts_and_are_joined_up_to_pauses() -> None:
    utterances, rejects = prepared(adapter, write_corpus(Path("corpus")), settings("voice_of_cyprus"))
    assert [(one.start, one.end, one.text) for one in utterances] == [
        (1.559, 6.68, "Λοιπόν καλωσορίσαμεν τον κόσμον που μας, ακούει τζαί έννα πούμεν δκυο λόγια"),
        (8.5, pytest.approx(11.28), "Ήντα νέα"),
        (1.559, 5.199, "Λοιπόν καλωσορίσαμεν τον κόσμον που μας, ακούει"),
    ]
    assert kinds(rejects) == {"row listed twice": 3} and sum(len(one.sources) for one in utterances) + len(rejects) == 10
    assert {(one.split, one.speaker) for one in utterances} == {("train", None)} and utterances[0].audio is not None


@pytest.mark.parametrize(("join", "ends"), [(0, [2.44, 4.0, 5.199, 6.68, 11.28]), (3, [4.0, 6.68, 11.28])])
def test_join_is_the_longest_utterance_and_none_overlaps_another(join: float, ends: list[float]) -> None:
    utterances, _ = prepared(adapter, write_corpus(Path("corpus")), settings("voice_of_cyprus", options={"join": join}))
    first = [one for one in utterances if "_v65" in one.id]
    assert [one.end for one in first] == pytest.approx(ends)
    assert all(before.end <= after.start for before, after in pairwise(first) if before.end)


def test_broken_rows_missing_audio_and_other_files_are_listed_or_passed_by() -> None:
    corpus = write_corpus(Path("corpus"))
    bad = [
        f"{PREFIX}a.wav,2,1,πίσω,x",
        f"{PREFIX}a.wav,nan,1,αριθμός,x",
        f"{PREFIX}a.wav,0,1,,x",
        f"{PREFIX}a.wav,0,1,λείπει,x",
        "x,y",
    ]
    header = "audio_filepath,start,end,text,pronunciation"
    (corpus / "temp/chunk_30.csv").write_text(
        "\n".join([header, *bad, f"{PREFIX}../../a.wav,3,4,έξω,x"]) + "\n", encoding="utf-8"
    )
    near = [(20.0, 22.0, "ένα"), (20.05, 23.0, "δύο"), (21.0, 23.0, "τρία")]
    (corpus / "temp/chunk_31.csv").write_text(csv_rows("rJlH5ysj-rQ", near, False), encoding="utf-8")
    (corpus / "broken.json").write_text("{")
    _, rejects = prepared(adapter, corpus, settings("voice_of_cyprus"))
    expected = {"no valid times": 2, "empty transcript": 1, "audio is missing": 2, "wrong number of cells": 1, "overlapped": 1}
    assert kinds(rejects) == expected | {"row listed twice": 3, "no JSON": 1}


def test_the_projects_json_list_is_read_and_its_rows_counted_once() -> None:
    corpus = Path("corpus")
    sound(corpus / "Audio_Files/_v65uDbQTvg.wav", 14.0)
    rows = [{"audio_filepath": "./Audio_Files/_v65uDbQTvg.wav", "start": a, "end": b, "text": c} for a, b, c in ROWS]
    rows.append({"audio_filepath": "./Audio_Files/_v65uDbQTvg.wav", "start": 12.0, "end": None, "text": None})
    (corpus / "output_cy_data.json").write_text(json.dumps(rows), encoding="utf-8")
    (corpus / "settings.json").write_text('{"a": 1}')
    utterances, rejects = prepared(adapter, corpus, settings("voice_of_cyprus"))
    assert [len(one.sources) for one in utterances] == [4, 1] and kinds(rejects) == {"no valid times": 1}


@pytest.mark.parametrize("changes", [{"label": "gold"}, {"split": "speakers"}, {"split": "official"}])
def test_machine_labels_never_pass_for_gold_nor_come_into_dev_or_test(changes: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="it needs label: silver and split: train"):
        prepared(adapter, write_corpus(Path("corpus")), settings("voice_of_cyprus", **changes))


def test_a_folder_without_tables_is_refused() -> None:
    sound(Path("corpus/Audio_Files/a.wav"), 1)
    with pytest.raises(UsageError, match=r"holds no \.csv or \.json with columns audio_filepath"):
        prepared(adapter, Path("corpus"), settings("voice_of_cyprus"))


def test_both_stages_make_silver_train_cuts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write_corpus(Path("corpus"))
    rows, report = stages(adapter, "voice_of_cyprus", corpus, monkeypatch)
    assert len(rows["train"]) == 3 and not rows.get("dev") and not rows.get("test")
    assert {cut["custom"]["label"] for cut in rows["train"]} == {"silver"}
    assert rows["train"][0]["supervisions"][0]["custom"]["licence"] == "unstated" and report["utterances_in"] == 3
