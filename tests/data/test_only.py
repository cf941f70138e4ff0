"""A part of a corpus by what its utterances say of themselves: the others are in no split, and no fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cyasr.data.corpus import DataConf, Utterance, write_raw
from cyasr.data.split import Plan
from cyasr.files import read_json, read_jsonl_gz
from steps.make_cuts import make_cuts

CONF = DataConf(
    corpus="toy", licence="CC0-1.0", language="el", split="train", only={"domain": ["commands", "news"]}, max_reject_rate=0.0
)


def test_what_only_does_not_name_is_in_no_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    utterances = []
    for number, domain in enumerate(("commands", None, "news", "songs")):
        soundfile.write(f"u{number}.wav", np.random.default_rng(number).uniform(-0.3, 0.3, 16_000), 16_000)
        utterances.append(Utterance(f"u{number}", Path(f"u{number}.wav"), "έλα δαμέ", speaker="s", domain=domain))
    write_raw(utterances, Path("data/toy/raw"), replace(CONF, only={}))
    make_cuts(Path("data/toy/raw"), [Plan("toy", train_only=True)], CONF)
    assert [cut["id"] for cut in read_jsonl_gz(Path("data/toy/train.jsonl.gz"))] == ["u0", "u2"]
    report = read_json(Path("data/toy/report.json"))
    assert report["unused"] == 2 and report["rejected"] == {}
