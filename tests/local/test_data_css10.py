"""CSS10: one reader, for training only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.corpus import DataConf, Reject, Utterance
from cyasr.files import read_json
from local.data_css10 import prepare
from tests.conftest import ROOT

BOOK = "Paramythi_horis_onoma"


def corpus(folder: Path = Path("corpus")) -> Path:
    """The archive's folder: six lines, of which one has no normalised text."""
    (folder / BOOK).mkdir(parents=True)
    lines = []
    for number in range(6):
        name = f"{BOOK}/{BOOK}_{number:04}.wav"
        samples = 0.1 * np.sin(np.arange(44100 + number * 100) * (200 + 30 * number) / 3000)
        soundfile.write(folder / name, samples, 22050)
        spelled = "" if number == 5 else f"ήταν τρεις βάρκες στο λιμάνι {'αβγδεζ'[number]}"
        lines.append(f"{name}|Ήταν 3 βάρκες στο λιμάνι {'αβγδεζ'[number]}.|{spelled}|{len(samples) / 22050:.2f}\n")
    (folder / "transcript.txt").write_text("".join(lines), encoding="utf-8")
    return folder


def read(folder: Path, **options: Any) -> tuple[dict[str, Utterance], list[Reject]]:
    made = confs.load(ROOT / "conf" / "data_css10_el.yaml", DataConf)
    items = list(prepare(folder, Path("raw"), replace(made, options=made.options | options)))
    utterances = [item for item in items if isinstance(item, Utterance)]
    return {item.id: item for item in utterances}, [item for item in items if isinstance(item, Reject)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("above", ["", "el", "css10/el"])
def test_every_line_is_an_utterance_of_the_one_reader(above: str) -> None:
    corpus(Path("corpus") / above)
    utterances, rejects = read(Path("corpus"))
    assert rejects == [] and len(utterances) == 6
    one = utterances[f"{BOOK}.{BOOK}_0001"]
    assert (one.text, one.speaker, one.split) == ("ήταν τρεις βάρκες στο λιμάνι β", "Rapunzelina", None)
    assert one.seconds == pytest.approx(2.0, abs=0.01) and one.audio and one.audio.is_file()


def test_the_text_is_the_normalised_one_or_the_books_as_the_conf_says() -> None:
    corpus()
    assert read(Path("corpus"))[0][f"{BOOK}.{BOOK}_0005"].text == "Ήταν 3 βάρκες στο λιμάνι ζ."
    assert read(Path("corpus"), text="original")[0][f"{BOOK}.{BOOK}_0001"].text == "Ήταν 3 βάρκες στο λιμάνι β."
    with pytest.raises(UsageError, match="'spoken' is none of original, normalised"):
        read(Path("corpus"), text="spoken")


def test_broken_lines_and_audio_that_no_line_names_are_rejects() -> None:
    transcript = corpus() / "transcript.txt"
    lines = transcript.read_text().splitlines()
    lines[0] = lines[0].replace("βάρκες", "βάρ|κες", 1)
    lines[1] = "../" + lines[1]
    lines[2] = lines[2].rpartition("|")[0] + "|2 s"
    transcript.write_text("\r\n".join(lines))
    utterances, rejects = read(Path("corpus"))
    kinds = Counter(reject.reason.partition(":")[0] for reject in rejects)
    assert kinds == {"wrong number of cells": 1, "no file's name": 1, "audio without transcript": 2}
    assert len(utterances) == 4 and utterances[f"{BOOK}.{BOOK}_0002"].seconds is None


def test_it_becomes_a_set_for_training_alone() -> None:
    corpus()
    os.mkdir("conf")
    shutil.copy(ROOT / "conf" / "data_css10_el.yaml", "conf")
    for module, *more in (["local.data_css10", "--corpus-dir", "corpus"], ["steps.make_cuts"]):
        command = [sys.executable, "-m", module, "--conf", "conf/data_css10_el.yaml", *more]
        made = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
    report = read_json(Path("data/css10_el/report.json"))
    assert {split: each["utterances"] for split, each in report["splits"].items()} == {"train": 6, "dev": 0, "test": 0}
