"""Common Voice, spontaneous: the columns of releases 1.0 to 5.0, their splits, marks and tags, and what is left out."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.corpus import DataConf, Reject, Utterance, write_raw
from cyasr.files import read_json, read_jsonl_gz, sha256
from local.data_sps import SIZES, prepare
from tests.conftest import ROOT

FIRST = ["client_id", "audio_id", "audio_file", "duration_ms", "prompt_id", "prompt", "transcription", "votes"]
LAST = ["language", "prompt_upvotes", "prompt_reports", "is_edited", "split", "char_per_sec", "quality_tags"]
COLUMNS = {
    "1.0": [*FIRST, "language", "split"],
    "2.0": [*FIRST, "age", "gender", "language", "split", "char_per_sec", "quality_tags"],  # as the first datasheets have it
    "3.0": [*FIRST, "age", "gender", "accents", "variant", *LAST],
    "5.0": [*FIRST, "age", "gender", "accents", "variant", *LAST],
}
REPORTED = ["client_id", "audio_id", "audio_file", "duration_ms", "prompt_id", "prompt", "reason", "comment", "language"]
SAMPLE = Path(os.environ.get("CYASR_SHARED", ROOT.parent / "shared")) / "data/formats/commonvoice_sps_el-CY.ss-corpus.sample.tsv"
TEXT = "Εν πάω ποττέ στην θάλασσαν τον σ̆ειμώναν"


@cache
def mp3(number: int, seconds: float) -> bytes:
    packed = io.BytesIO()
    samples = 0.1 * np.sin(np.arange(int(16000 * seconds)) * (200 + number) / 3000)
    soundfile.write(packed, samples, 16000, format="MP3")
    return packed.getvalue()


def row(number: int, **cells: str) -> dict[str, str]:
    made = {
        "client_id": f"{'abcdefghij'[number % 10]}" * 128,
        "audio_id": str(number),
        "audio_file": f"spontaneous-speech-el-CY-{number}.mp3",
        "duration_ms": "3024",
        "prompt_id": str(number % 4),
        "prompt": f"Ίντα πράμαν είδες {number % 4};",
        "transcription": f"{TEXT} {number}",
        "votes": "2",
        "age": "twenties",
        "gender": "female_feminine",
        "language": "el-CY",
        "is_edited": "1",
        "split": "train" if number % 10 < 6 else "dev" if number % 10 < 8 else "test",
        "char_per_sec": "9.5",
    }
    return made | cells


def table(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    lines = ["\t".join(columns), *("\t".join(each.get(column, "") for column in columns) for each in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def release(corpus: Path, version: str = "5.0", changed: dict[int, dict[str, str]] | None = None) -> Path:
    """A release of 20 clips by ten people, four more that nobody validated, one reported; its folder."""
    folder = corpus / f"sps-corpus-{version}-2026-09-11-el-CY"
    (folder / "audios").mkdir(parents=True)
    unassigned = "" if version in ("1.0", "2.0") else "unassigned"
    rows = [row(number, **(changed or {}).get(number, {})) for number in range(20)]
    rows += [row(number, split=unassigned, votes="0") for number in (20, 21, 22)]
    rows.append(row(23, split=unassigned, transcription="", votes="0"))
    table(folder / "ss-corpus-el-CY.tsv", COLUMNS[version], rows)
    reports = [row(24, reason="other", comment="εν\nακούεται\tτίποτε"), row(24, reason="offensive_speech")]
    table(folder / "ss-reported-audios-el-CY.tsv", REPORTED, reports)
    for number in range(25):
        (folder / "audios" / f"spontaneous-speech-el-CY-{number}.mp3").write_bytes(mp3(number, 3.0))
    (folder / "README.md").write_text("# Cypriot Greek\n")
    (folder / "ss-corpus-el-CY.qa-summary.json").write_text("{}")
    return folder


def conf(name: str = "el_cy", **keys: Any) -> DataConf:
    made = confs.load(ROOT / "conf" / f"data_{name}.yaml", DataConf)
    return replace(made, options=made.options | keys.pop("options", {}), **keys)


def read(corpus: Path, settings: DataConf | None = None) -> tuple[dict[str, Utterance], list[Reject]]:
    items = list(prepare(corpus, Path("raw"), settings or conf()))
    utterances = [item for item in items if isinstance(item, Utterance)]
    return {item.id: item for item in utterances}, [item for item in items if isinstance(item, Reject)]


def kinds(rejects: list[Reject]) -> dict[str, int]:
    return dict(Counter(reject.reason.partition(":")[0] for reject in rejects))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("version", COLUMNS)
def test_every_clip_of_every_release_is_an_utterance_or_a_reject(version: str) -> None:
    release(Path("corpus"), version)
    utterances, rejects = read(Path("corpus"))
    assert Counter(each.split for each in utterances.values()) == {"train": 12, "dev": 4, "test": 4}
    assert kinds(rejects) == {"not validated": 3, "not transcribed": 1, "reported": 1}
    assert len({*utterances, *(reject.id for reject in rejects)}) == 25
    one = utterances["spontaneous-speech-el-CY-7"]
    assert (one.text, one.speaker, one.prompt, one.seconds) == (f"{TEXT} 7", "h" * 128, "Ίντα πράμαν είδες 3;", 3.024)
    assert one.gender == (None if version == "1.0" else "female")


def test_reports_of_one_clip_are_one_reject_with_all_reasons_whatever_their_comments_break() -> None:
    release(Path("corpus"))
    reported = [reject for reject in read(Path("corpus"))[1] if reject.reason.startswith("reported")]
    assert [(each.id, each.reason) for each in reported] == [("spontaneous-speech-el-CY-24", "reported: offensive_speech")]


def test_a_reported_clip_that_has_a_row_is_left_out() -> None:
    folder = release(Path("corpus"))
    table(folder / "ss-reported-audios-el-CY.tsv", REPORTED, [row(3, reason="different_language"), row(3, reason="other")])
    utterances, rejects = read(Path("corpus"))
    assert "spontaneous-speech-el-CY-3" not in utterances
    assert [each.reason for each in rejects if each.id.endswith("-3")] == ["reported: different_language, other"]
    assert [each.id for each in rejects if each.reason == "audio without transcript"] == ["spontaneous-speech-el-CY-24"]


def test_marks_in_the_text_and_quality_tags_are_tags() -> None:
    text = "[disfluency], εν ηξέρω [noise] ρε [noise]"
    release(Path("corpus"), changed={5: {"transcription": text, "quality_tags": "long-audio|speech-rate"}})
    one = read(Path("corpus"))[0]["spontaneous-speech-el-CY-5"]
    assert one.text == text and one.tags == ("long-audio", "speech-rate", "disfluency", "noise")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({"transcription": ""}, "empty transcript"),
        ({"transcription": "Εν\tπάω"}, "wrong number of cells"),
        ({"audio_file": "../x.mp3"}, "no clip's name"),
        ({"audio_file": "spontaneous-speech-el-CY-99.mp3"}, "empty file or missing"),
        ({"audio_file": "spontaneous-speech-el-CY-2.mp3"}, "duplicate id"),
        ({"split": "validation"}, "unknown split"),
    ],
)
def test_a_row_that_cannot_be_used_is_one_reject_and_counts_as_a_fault(cells: dict[str, str], kind: str) -> None:
    release(Path("corpus"), changed={3: cells})
    settings = conf(max_reject_rate=0.5, segment=None)
    write_raw(prepare(Path("corpus"), Path("raw"), settings), Path("raw"), settings)
    summary = read_json(Path("raw/summary.json"))
    faults = {reason: count for reason, count in summary["rejects"].items() if reason not in settings.expected}
    assert summary["utterances"] == 19 and 1 <= sum(faults.values()) <= 2  # its audio may be left over
    assert kind in faults or kind == "empty file or missing"


@pytest.mark.parametrize("duration", ["", "abc", "nan", "-5", "0", "inf"])
def test_a_duration_that_is_none_is_to_be_measured(duration: str) -> None:
    release(Path("corpus"), changed={3: {"duration_ms": duration}})
    assert read(Path("corpus"))[0]["spontaneous-speech-el-CY-3"].seconds is None


def whole(version: str, named: str | None = None) -> Path:
    """A table with as many clips in each split as el-CY has in `version`, in a folder named as of `named`."""
    folder = Path("corpus") / f"sps-corpus-{named or version}-2026-01-01-el-CY"
    (folder / "audios").mkdir(parents=True)
    splits = [split for split, size in zip(("train", "dev", "test"), SIZES["el-CY"][version], strict=True) for _ in range(size)]
    rows = [row(number, split=split) for number, split in enumerate(splits)]
    table(folder / "ss-corpus-el-CY.tsv", COLUMNS["5.0"], rows)
    return folder / "ss-corpus-el-CY.tsv"


@pytest.mark.parametrize("version", ["1.0", "2.0", "3.0", "4.0", "5.0"])
def test_each_published_split_is_recognised_by_its_sizes(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = whole(version)
    renamed = path.parent.rename("el-CY")
    next(iter(prepare(renamed, Path("raw"), conf(release=version))))
    assert f"as published in {version}" in capsys.readouterr().out
    identity = read_json(Path("raw/identity.json"))
    assert identity["release"] == version and identity["sha256"] == sha256(renamed / path.name)
    assert sum(identity["sizes"].values()) == 1217


def test_a_split_of_no_known_release_is_named_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    release(Path("corpus"))
    read(Path("corpus"))
    assert "release 5.0, splits 12/4/4, as in no release known (1.0, 2.0, 3.0, 4.0, 5.0); sha256" in capsys.readouterr().out


@pytest.mark.parametrize("named", ["3.0", "el-CY"])
def test_another_release_than_the_conf_asks_for_is_refused(named: str) -> None:
    whole("3.0", named)
    with pytest.raises(UsageError, match=r'release 3\.0, splits 880/134/203.*the conf says 5\.0.*`release: "3\.0"`'):
        read(Path("corpus"), conf(release="5.0"))


def test_another_table_than_the_one_pinned_is_refused() -> None:
    table_path = release(Path("corpus")) / "ss-corpus-el-CY.tsv"
    pinned = conf(options={"sha256": sha256(table_path)})
    assert len(read(Path("corpus"), pinned)[0]) == 20
    table_path.write_text(table_path.read_text().replace("twenties", "thirties"))
    with pytest.raises(UsageError, match="another release, or changed"):
        read(Path("corpus"), pinned)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("female_feminine\t\t\tel-CY", "female_feminine\t\t\t\tel-CY", True),  # one empty cell too many, as in the sample rows
        ("train\t9.5\t\n", "train\t9.5\n", True),  # an empty cell lost at the end
        ("female_feminine\t\t\tel-CY", "female_feminine\t\tx\tx\tel-CY", False),
        ("ποττέ", "πο\tττέ", False),
        ("ποττέ", "πο\t\tττέ", False),
    ],
)
def test_rows_with_an_empty_cell_too_many_or_too_few_are_read_and_other_misfits_rejected(
    before: str, after: str, kept: bool
) -> None:
    path = release(Path("corpus")) / "ss-corpus-el-CY.tsv"
    lines = path.read_text().splitlines(keepends=True)
    assert before in lines[4]
    lines[4] = lines[4].replace(before, after)
    path.write_text("".join(lines))
    utterances, rejects = read(Path("corpus"))
    assert kinds(rejects).get("wrong number of cells", 0) == (not kept) and len(utterances) == 19 + kept
    if kept:
        one = utterances["spontaneous-speech-el-CY-3"]
        assert (one.text, one.split, one.gender, one.tags) == (f"{TEXT} 3", "train", "female", ())


def test_the_variants_read_the_same_rows() -> None:
    for name in ("el_cy_short", "el_cy_folds"):
        made = conf(name)
        assert made.raw_from == "el_cy" and made.corpus == "sps" and made.options["locale"] == "el-CY"
    assert conf("el_cy_short").segment is None and "too long" in conf("el_cy_short").expected


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"the sample rows are not at {SAMPLE}")
def test_the_publishers_sample_rows_are_read() -> None:
    folder = Path("corpus/sps-corpus-3.0-2026-03-09-el-CY")
    (folder / "audios").mkdir(parents=True)
    (folder / "ss-corpus-el-CY.tsv").write_bytes(SAMPLE.read_bytes())
    utterances, rejects = read(Path("corpus"))
    assert [each.split for each in utterances.values()] == ["train", "dev", "test"]
    assert [each.tags for each in utterances.values()] == [(), ("long-audio",), ("disfluency", "noise")]
    assert kinds(rejects) == {"not transcribed": 1}


def test_the_archive_becomes_short_cuts_and_folds_of_one_stage_one() -> None:
    release(Path("made"), changed={number: {"transcription": f"{TEXT} {'αβγδεζηθικ'[number % 10]}"} for number in range(20)})
    with tarfile.open("el-CY.tar.gz", "w:gz") as packed:
        packed.add("made/sps-corpus-5.0-2026-09-11-el-CY", "sps-corpus-5.0-2026-09-11-el-CY")
    os.mkdir("conf")
    for name in ("el_cy", "el_cy_short", "el_cy_folds"):
        text = (ROOT / "conf" / f"data_{name}.yaml").read_text()
        if name == "el_cy_folds":  # no aligner here
            text = text.replace("base: data_el_cy.yaml", "base: data_el_cy.yaml\nsegment: null")
        (Path("conf") / f"data_{name}.yaml").write_text(text)
    commands = [
        ["local.data_sps", "--conf", "conf/data_el_cy_short.yaml", "--corpus-dir", "el-CY.tar.gz"],
        ["steps.make_cuts", "--conf", "conf/data_el_cy_short.yaml"],
        ["steps.make_cuts", "--conf", "conf/data_el_cy_folds.yaml"],
    ]
    for command in commands:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        made = subprocess.run([sys.executable, "-m", *command], env=environment, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    report = read_json(Path("data/el_cy_short/report.json"))
    assert {split: each["utterances"] for split, each in report["splits"].items()} == {"train": 12, "dev": 4, "test": 4}
    assert report["overlap"]["prompts"]["train-test"]["shared"] > 0  # of the corpus, and reported
    cut = next(read_jsonl_gz(Path("data/el_cy_short/test.jsonl.gz")))
    custom = cut["supervisions"][0]["custom"]
    assert (custom["dialect"], custom["label"], custom["licence"]) == ("cypriot", "gold", "CC0-1.0")
    tested = [read_json(path)["splits"]["test"]["speakers"] for path in sorted(Path("data/el_cy_folds").glob("*/report.json"))]
    assert tested == [2, 2, 2, 2, 2]
