"""VoxPopuli: audio without labels, by files, table or whole recording; a request for labels is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cyasr.cli import UsageError
from cyasr.data.conf import SegmentConf
from local import data_voxpopuli as adapter
from tests.conftest import ROOT
from tests.local.adapters import kinds, prepared, settings, sound, stages

PLENARY, COMMITTEE = "20190114-0900-PLENARY_el", "20190218-1430-COMMITTEE-LIBE_el"
MISSING, OTHER = "20200122-0900-PLENARY_el", "20190114-0900-PLENARY_de"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_corpus(folder: Path, table: str | None = "unlabelled_v2.tsv.gz", more: str = "") -> Path:
    """raw_audios as the archives el_2019.tar and el_2019_2.tar unpack, and the table of all languages, its rows out of order."""
    for number, event in enumerate((PLENARY, COMMITTEE)):
        sound(folder / "raw_audios/el/2019" / f"{event}.ogg", 6, 16_000, number)
    sound(folder / "raw_audios/de/2019" / f"{OTHER}.ogg", 1)
    rows = [(OTHER, 0, 0.0, 0.9), (PLENARY, 0, 0.25, 2.5), (COMMITTEE, 0, 0.5, 3.5), (PLENARY, 1, 2.75, 5.5), (MISSING, 0, 1, 9)]
    text = "event_id\tsegment_no\tstart\tend\n" + "".join(f"{a}\t{b}\t{c}\t{d}\n" for a, b, c, d in rows) + more
    if table:
        path = folder / table
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return folder


@pytest.mark.parametrize("table", ["unlabelled_v2.tsv.gz", "unlabelled_data/unlabelled_v2.tsv.gz", "unlabelled_v2.tsv"])
def test_the_publishers_segments_of_what_was_downloaded_are_taken(table: str) -> None:
    utterances, rejects = prepared(adapter, write_corpus(Path("corpus"), table), settings("voxpopuli_el"))
    assert [(one.id, one.start, one.end, one.domain) for one in utterances] == [
        (f"{PLENARY}_0", 0.25, 2.5, "plenary"),
        (f"{PLENARY}_1", 2.75, 5.5, "plenary"),
        (f"{COMMITTEE}_0", 0.5, 3.5, "other meetings"),
    ]
    assert {(one.text, one.split, one.speaker) for one in utterances} == {("", "train", None)}
    assert [reject.reason for reject in rejects] == ["recording not downloaded: 1 segments of it"]


def test_broken_rows_and_recordings_without_rows_are_listed() -> None:
    more = f"{PLENARY}\t2\t5.5\t5.0\n{PLENARY}\t3\tnan\t6\n{PLENARY}\t4\n"
    corpus = write_corpus(Path("corpus"), more=more)
    sound(corpus / "raw_audios/el/2019/20190301-0900-PLENARY_el.ogg", 1)
    _, rejects = prepared(adapter, corpus, settings("voxpopuli_el"))
    expected = {"no valid times": 2, "wrong number of cells": 1, "recording not downloaded": 1, "recording without segments": 1}
    assert kinds(rejects) == expected


def test_segments_cut_by_the_publishers_script_come_before_the_table() -> None:
    corpus = write_corpus(Path("corpus"))
    sound(corpus / "unlabelled_data/el/2019" / f"{PLENARY}_0.ogg", 2)
    utterances, rejects = prepared(adapter, corpus, settings("voxpopuli_el"))
    assert [(one.id, one.start, one.end) for one in utterances] == [(f"{PLENARY}_0", 0.0, None)] and rejects == []


def test_whole_recordings_are_taken_where_stage_2_is_to_cut_them_and_refused_otherwise() -> None:
    corpus = write_corpus(Path("corpus"), table=None)
    with pytest.raises(UsageError, match="no table of segments: get unlabelled_v2"):
        prepared(adapter, corpus, settings("voxpopuli_el"))
    utterances, _ = prepared(adapter, corpus, settings("voxpopuli_el", segment=SegmentConf()))
    assert [one.id for one in utterances] == [PLENARY, COMMITTEE]


def test_a_request_for_labels_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="no transcripts for el: 0 of its 1,800 transcribed hours"):
        prepared(adapter, write_corpus(Path("corpus")), settings("voxpopuli_el", label="gold"))


@pytest.mark.parametrize(
    ("change", "message"), [("truncated", "damaged gzip"), ("columns", "no column event_id"), ("none", r"no \.ogg")]
)
def test_a_damaged_table_or_an_empty_folder_is_refused(change: str, message: str) -> None:
    corpus = write_corpus(Path("corpus"))
    table = corpus / "unlabelled_v2.tsv.gz"
    if change == "truncated":
        table.write_bytes(table.read_bytes()[:-20])
    elif change == "columns":
        table.write_bytes(gzip.compress(b"id_|session_id\n"))
    else:
        corpus = Path("empty")
        corpus.mkdir()
    with pytest.raises(UsageError, match=message):
        prepared(adapter, corpus, settings("voxpopuli_el"))


def test_both_stages_make_cuts_without_text_to_learn_from_and_to_select_on(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "conf" / "data_voxpopuli_el.yaml").read_text()
    Path("conf").mkdir()
    Path("conf/data_voxpopuli_el.yaml").write_text(text.replace("dev_share: 0.001", "dev_share: 0.5\nseed: 1"))
    rows, _ = stages(adapter, "voxpopuli_el", write_corpus(Path("corpus")), monkeypatch)
    files = {split: {cut["recording"]["id"] for cut in rows[split]} for split in ("train", "dev")}
    assert len(rows["train"] + rows["dev"]) == 3 and not rows.get("test")
    assert files["train"] and files["dev"] and not files["train"] & files["dev"]
    assert {cut["supervisions"][0]["custom"]["label"] for cut in rows["train"]} == {"none"}
