"""What stage 2 finds ends in checks.json, on the terminal, in RESULTS.md and on the page; leaks of sound end as rejects."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import soundfile

from cyasr.data.corpus import DataConf, Reject, Utterance, write_raw
from cyasr.data.split import plan
from cyasr.files import read_json, read_jsonl_gz
from cyasr.report.datasets import describe
from cyasr.report.page.datasets import check_tables
from steps.make_cuts import make_cuts
from tests.data.speechlike import noisy, speech, through

RATE = 16_000
TEXT = "εν να πάμεν στην θάλασσαν αύριον το πρωίν με τους φίλους τζ\u0306αι ούλλους τους άλλους που θέλουν να έρτουν"
WORDS = TEXT.split()


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def utterances(count: int, **keys: Any) -> list[Utterance]:
    """Four speakers, each with other audio and text; every fourth is dev, every other fourth test."""
    made = []
    for i in range(count):
        path = Path("corpus") / f"u{i:02}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, noisy(speech(3.0, RATE, seed=i), 30), RATE)
        text = " ".join(WORDS[i % 7 : i % 7 + 4 + i % 5])
        split = ("train", "train", "dev", "test")[i % 4]
        made.append(Utterance(f"u{i:02}", path, text, f"s{i % 4}", f"table.tsv:{i + 1}", split=split, **keys))
    return made


def stage_2(items: list[Utterance | Reject], **keys: Any) -> dict[str, dict[str, Any]]:
    """Findings by kind."""
    conf = DataConf(corpus="own", licence="CC0-1.0", language="el-CY", max_reject_rate=0.9, **keys)
    raw = Path("data/own/raw")
    write_raw(iter(items), raw, conf)
    make_cuts(raw, plan(conf, "own", read_json(raw / "summary.json")), conf)
    return {one["kind"]: one for one in read_json(Path("data/own/checks.json"))["findings"]}


def replaced(item: Utterance, **keys: Any) -> Utterance:
    return Utterance(**(vars(item) | keys))


def rejects() -> dict[str, str]:
    with open("data/own/rejects.tsv", encoding="utf-8", newline="") as rows:
        return {row["id"]: row["reason"] for row in csv.DictReader(rows, delimiter="\t")}


def test_sound_data_has_no_findings_and_says_what_was_looked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert stage_2([*utterances(16)]) == {}
    checks = read_json(Path("data/own/checks.json"))
    assert checks["measured"] == checks["utterances"] == 16
    assert {"clipped audio", "near-duplicate audio across splits", "machine-made text", "wrong encoding"} <= set(checks["clean"])
    assert checks["measures"]["snr"]["50%"] == pytest.approx(30, abs=2)
    assert "nothing found" in describe(Path("data/own"))[-1] and "all audio measured" in describe(Path("data/own"))[-1]
    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("data/own: ")]) == 1


def test_each_finding_has_its_count_its_splits_examples_and_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    items = utterances(16)
    soundfile.write("corpus/u00.wav", noisy(speech(3.0, seed=100), 3), RATE)
    soundfile.write("corpus/u03.wav", 0.002 * noisy(speech(3.0, seed=101), 30), RATE)
    soundfile.write("corpus/u04.wav", 4 * noisy(speech(3.0, seed=102), 30), RATE)
    items[5] = replaced(items[5], text="nα πάμεν ΅ στην θάλασσαν")
    items[6] = replaced(items[6], text="εν να πάμεν".encode().decode("cp1252"))
    items[7] = replaced(items[7], text="Υπότιτλοι AUTHORWAVE")
    items[8] = replaced(items[8], text=" ".join(WORDS * 8), end=2.0)
    gone = Reject("gone", "table.tsv:99", "not UTF-8: byte 7 of the file is 0xe1")
    missing = replaced(items[9], id="missing", audio=Path("corpus/missing.wav"))
    found = stage_2([*items, missing, gone])
    assert found["noisy audio"]["splits"] == {"train": 1} and found["noisy audio"]["examples"][0]["id"] == "u00"
    assert found["quiet audio"]["splits"] == {"test": 1} and found["quiet audio"]["count"] == 1
    assert "% of samples" in found["clipped audio"]["examples"][0]["detail"]
    assert found["mixed alphabets"]["examples"] == [{"id": "u05", "detail": "nα"}]
    assert found["wrong encoding"]["examples"][0]["id"] == "u06"
    assert found["machine-made text"]["done"] == "kept" and found["machine-made text"]["examples"][0]["id"] == "u07"
    assert found["too fast"] | {"examples": 0} == {"kind": "too fast", "count": 1, "examples": 0, "done": "rejected", "stage": 2}
    assert found["audio is missing"]["stage"] == found["not UTF-8"]["stage"] == 1
    assert found["not UTF-8"]["examples"][0]["id"] == "gone"
    shown = capsys.readouterr().out
    assert "data/own: machine-made text: 1 (6.7 %), kept; as u07 (authorwave)" in shown
    assert "data/own: audio is missing: 1, rejected; as missing" in shown
    sentence = describe(Path("data/own"))[-1]
    assert sentence.startswith("Checked (all audio measured") and "noisy audio 1" in sentence
    [table, spreads] = check_tables(Path("data/own"))
    assert {row[0].text for row in table.rows} == set(found) and "Looked for and not found: " in table.note
    assert [row[0].text for row in spreads.rows[:3]] == ["SNR, dB", "Level, dBFS", "Bandwidth, Hz"]


@pytest.mark.parametrize("label", ["gold", "silver"])
def test_machine_made_text_is_rejected_in_train_of_silver_data_and_kept_in_gold(label: str) -> None:
    items = utterances(12)
    for i in (0, 3):  # train, test
        items[i] = replaced(items[i], text="Ευχαριστώ που παρακολουθήσατε.")
    found = stage_2([*items], label=label)
    if label == "gold":
        assert not rejects() and found["machine-made text"]["splits"] == {"test": 1, "train": 1}
        return
    assert rejects() == {"u00": "machine-made text: Ευχαριστώ που παρακολουθήσατε."}
    kept, gone = (one for one in read_json(Path("data/own/checks.json"))["findings"] if one["kind"] == "machine-made text")
    assert (kept["done"], kept["splits"], gone["done"], gone["count"]) == ("kept", {"test": 1}, "rejected", 1)


def test_a_copy_in_another_split_is_rejected_from_our_own_split_and_reported_of_an_official_one() -> None:
    items = utterances(12)
    copy, _ = through(0.3 * soundfile.read("corpus/u00.wav", dtype="float32")[0], RATE, "MP3", "MPEG_LAYER_III")
    soundfile.write("corpus/u03.wav", copy, RATE)
    soundfile.write("corpus/u04.wav", copy[800:], RATE)  # of the same speaker: the same split
    assert (
        stage_2([*items], split="official")["near-duplicate audio across splits"]["examples"]
        == [
            {"id": "u03", "detail": "sounds like u00 of train"},
            {"id": "u04", "detail": "sounds like u03 of test"},
        ]
        or not rejects()
    )
    assert not rejects()
    stage_2([*items], split="given")
    assert rejects() == {"u03": "near-duplicate audio: sounds like u00, which is in train"}
    report = read_json(Path("data/own/checks.json"))
    [within] = [one for one in report["findings"] if one["kind"] == "near-duplicate audio" and one["done"] == "kept"]
    assert within["examples"] == [{"id": "u04", "detail": "sounds like u00"}]
    assert sum(len(list(read_jsonl_gz(Path(f"data/own/{split}.jsonl.gz")))) for split in ("train", "dev", "test")) == 11


def test_text_that_is_nearly_that_of_another_split_is_reported() -> None:
    items = utterances(8)
    items[0] = replaced(items[0], text=" ".join(WORDS[:12]))
    items[3] = replaced(items[3], text=" ".join([*WORDS[:4], "βουνόν", *WORDS[5:12]]))
    found = stage_2([*items])["near-duplicate text across splits"]
    assert found["splits"] == {"train-test": 1} and found["examples"] == [{"id": "u03", "detail": "near u00 of train"}]


def test_sets_to_train_on_alone_need_no_dev_and_no_text() -> None:
    found = stage_2([replaced(item, text="") for item in utterances(4)], split="train", label="none")
    assert found == {} and read_json(Path("data/own/report.json"))["splits"]["train"]["words"] == 0
    assert not list(read_jsonl_gz(Path("data/own/dev.jsonl.gz")))


def test_nothing_is_left_beside_the_products() -> None:
    stage_2([*utterances(8)])
    names = {path.name for path in Path("data/own").iterdir()} - {"raw"}
    assert names == {"train.jsonl.gz", "dev.jsonl.gz", "test.jsonl.gz", "rejects.tsv", "report.json", "checks.json", "conf.yaml"}
    assert {path.name for path in Path("data").iterdir()} == {"own"}
