"""LibriSpeech: parts as folders or archives, clean and other apart, genders of the readers."""

from __future__ import annotations

import io
import os
import shutil
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
from cyasr.data.corpus import DataConf, Reject, Utterance
from cyasr.files import read_json, read_jsonl_gz
from local.data_librispeech import prepare
from tests.conftest import ROOT

READERS = {"train-clean-100": ("60", "14"), "dev-clean": ("84",), "test-clean": ("61",), "test-other": ("367",)}
SPEAKERS = """; Some pipe(|)-separated metadata about all LibriSpeech speakers
;
;ID  |SEX| SUBSET           |MINUTES| NAME
14   | F | train-clean-100  | 25.03 | Ann Example
60   | M | train-clean-100  | 20.18 | |ABC|Ben
84   | F | dev-clean        | 8.02  | Cleo Example
61   | M | test-clean       | 8.08  | Dan Example
"""


@cache
def flac(number: int) -> bytes:
    packed = io.BytesIO()
    soundfile.write(packed, 0.1 * np.sin(np.arange(32000) * (200 + number) / 3000), 16000, format="FLAC")
    return packed.getvalue()


def part(corpus: Path, name: str) -> Path:
    """LibriSpeech/<name> with two chapters a reader, two utterances each."""
    folder = corpus / "LibriSpeech" / name
    for speaker in READERS[name]:
        for chapter in ("121", "9"):
            place = folder / speaker / chapter
            place.mkdir(parents=True)
            lines = []
            for number in range(2):
                utterance = f"{speaker}-{chapter}-{number:04}"
                (place / f"{utterance}.flac").write_bytes(flac(int(speaker) + 400 * number + int(chapter)))
                lines.append(f"{utterance} THE MEN'S BOAT CAME LATE TO PORT {'ABCD'[number]}\n")
            (place / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
    (corpus / "LibriSpeech" / "SPEAKERS.TXT").write_text(SPEAKERS)
    for name in ("BOOKS.TXT", "CHAPTERS.TXT", "LICENSE.TXT", "README.TXT"):
        (corpus / "LibriSpeech" / name).write_text("; of the corpus\n")
    return folder


def conf(parts: list[str], **keys: Any) -> DataConf:
    made = confs.load(ROOT / "conf" / "data_librispeech.yaml", DataConf)
    return replace(made, options={"parts": parts}, **keys)


def read(corpus: Path, parts: list[str]) -> tuple[dict[str, Utterance], list[Reject]]:
    items = list(prepare(corpus, Path("raw"), conf(parts)))
    utterances = [item for item in items if isinstance(item, Utterance)]
    return {item.id: item for item in utterances}, [item for item in items if isinstance(item, Reject)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("given", ["corpus", "corpus/LibriSpeech", "."])
def test_parts_are_in_the_splits_and_domains_that_their_names_say(given: str) -> None:
    for name in READERS:
        part(Path("corpus"), name)
    utterances, rejects = read(Path(given), list(READERS))
    assert rejects == []
    counts = Counter((each.split, each.domain) for each in utterances.values())
    assert counts == {("train", "clean"): 8, ("dev", "clean"): 4, ("test", "clean"): 4, ("test", "other"): 4}
    one = utterances["60-121-0001"]
    assert (one.text, one.speaker, one.gender) == ("THE MEN'S BOAT CAME LATE TO PORT B", "60", "male")
    assert one.where.endswith("60-121.trans.txt:2") and utterances["367-9-0000"].gender is None
    assert one.audio and one.audio.is_file()


def test_only_the_parts_asked_for_are_read_and_one_that_is_missing_is_named() -> None:
    for name in READERS:
        part(Path("corpus"), name)
    assert {each.split for each in read(Path("corpus"), ["dev-clean"])[0].values()} == {"dev"}
    with pytest.raises(UsageError, match=r"there is no dev-other, nor dev-other\.tar\.gz"):
        read(Path("corpus"), ["dev-clean", "dev-other"])


def test_the_archives_are_unpacked_part_by_part() -> None:
    Path("corpus").mkdir()
    for name in READERS:
        part(Path("made"), name)
        with tarfile.open(f"corpus/{name}.tar.gz", "w:gz") as archive:
            archive.add("made/LibriSpeech", "LibriSpeech")
        shutil.rmtree("made")
    utterances, rejects = read(Path("corpus"), list(READERS))
    assert len(utterances) == 20 and rejects == [] and utterances["14-9-0000"].gender == "female"


def test_broken_lines_and_audio_without_transcript_are_rejects() -> None:
    place = part(Path("corpus"), "dev-clean") / "84" / "121"
    (place / "84-121.trans.txt").write_bytes(b"84-121-0000 THE BOAT\n84-121-0001\n84-121-0002 \xff\n../84 X\n")
    (place / "84-121-0007.flac").write_bytes(flac(1))
    utterances, rejects = read(Path("corpus"), ["dev-clean"])
    assert utterances["84-121-0001"].text == ""  # stage 1 lists it as empty
    assert sorted(reject.reason.partition(":")[0] for reject in rejects) == [
        "audio without transcript",
        "no file's name",
        "not UTF-8",
    ]


@pytest.mark.parametrize(
    ("parts", "message"), [(["clean-100"], "is none of train-…"), ([], "needs some"), (["train"], "is none")]
)
def test_parts_that_cannot_be_are_refused(parts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(Path("corpus"), parts)


def test_the_folder_becomes_cuts_in_two_commands() -> None:
    for name in READERS:
        part(Path("corpus"), name)
    os.mkdir("conf")
    for name in ("librispeech", "librispeech_clean100"):
        shutil.copy(ROOT / "conf" / f"data_{name}.yaml", "conf")
    for module, *more in (["local.data_librispeech", "--corpus-dir", "corpus"], ["steps.make_cuts"]):
        command = [sys.executable, "-m", module, "--conf", "conf/data_librispeech_clean100.yaml", *more]
        made = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    report = read_json(Path("data/librispeech_clean100/report.json"))
    assert {split: each["utterances"] for split, each in report["splits"].items()} == {"train": 8, "dev": 4, "test": 4}
    assert report["splits"]["test"]["domains"] == {"clean": 4}
    cut = next(read_jsonl_gz(Path("data/librispeech_clean100/test.jsonl.gz")))
    assert cut["supervisions"][0]["text"] == "the men's boat came late to port a"
