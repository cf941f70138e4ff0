"""Adapted systems through the recipe's steps: trained, killed, resumed, restored, merged and read by transformers alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lhotse import CutSet
from lhotse.cut import Cut

import steps.merge
from cyasr.cli import UsageError
from cyasr.data.audio import load
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.files import read_json
from cyasr.search.conf import DecodeConf
from cyasr.systems import family, load_conf, restore
from tests.conftest import ROOT, WORDS
from tests.systems import checkpoints
from tests.systems.running import step
from tests.systems.whisper_checkpoint import whisper

COMMON = {
    "pretrained": "base", "batch_seconds": 12, "buckets": 2, "epochs": 4, "average": 2, "ranks": 1,
    "save_minutes": 0.0,
}  # fmt: skip
CTC = {"system": "hf_ctc", "tokenizer": "char", "freeze_features": False, "lr": 3e-4}
SEQ2SEQ = {"system": "hf_seq2seq", "tokenizer": "pretrained", "select": "loss", "lr": 5e-3, "batch_seconds": 30}
ADAPT: dict[str, dict[str, Any]] = {
    "lora": {"kind": "lora", "targets": ["attention", "feed_forward"], "rank": 4},
    "qlora": {"kind": "qlora", "targets": ["attention"], "rank": 4, "train": ["embed_tokens"]},
    "partial": {"kind": "partial", "train": ["adapter_layer"]},
}


@dataclass
class Case:
    work: Path
    exp: Path
    output: str  # of training


def make_base(directory: Path, name: str) -> None:
    """A tiny checkpoint of random weights."""
    letters = "".join(sorted({letter for word in WORDS for letter in word}))
    if name == "whisper":
        whisper(directory)
    elif name == "mms":
        checkpoints.mms(directory, letters)
    else:
        checkpoints.xlsr_greek(directory, letters)


def prepare(tones: Path, work: Path, base: str, keys: dict[str, Any], adapt: str) -> Path:
    (work / "data").symlink_to(tones / "data")
    make_base(work / "base", base)
    (work / f"adapt_{adapt}.yaml").write_text(yaml.safe_dump(ADAPT[adapt]))
    (work / "whole.yaml").write_text(yaml.safe_dump(COMMON | keys | {"adapt": f"adapt_{adapt}.yaml"}))
    (work / "killed.yaml").write_text("base: whole.yaml\n")
    return work


CASES = {
    "xlsr lora": ("xlsr_greek", CTC, "lora"),
    "whisper qlora": ("whisper", SEQ2SEQ, "qlora"),
    "mms partial": ("mms", CTC | {"language_adapter": "ell"}, "partial"),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    work = prepare(tones, tmp_path_factory.mktemp("adapted"), *CASES[request.param])
    done = step(work, "steps.train", "--data", "data/tones", "--conf", "whole.yaml", "--ngpu", "0")
    assert done.returncode == 0, done.stdout
    return Case(work, work / "exp" / "tones" / "whole", done.stdout)


def test_the_adapter_is_saved_alone_and_its_size_is_told(case: Case) -> None:
    record = read_json(case.exp / "run.json")
    trained, every = record["trained_parameters"], record["parameters"]
    assert f"{every:,} parameters, {trained:,} of them trained" in case.output
    state = torch.load(case.exp / "model.pt", weights_only=True)
    assert sum(value.numel() for value in state.values() if value.is_floating_point()) == trained < every / 2
    assert (case.exp / "model.pt").stat().st_size < 4 * trained + 600 * len(state) + 2000


def test_a_killed_run_resumes_to_the_same_weights_bit_by_bit(case: Case) -> None:
    if "partial" in (case.work / "whole.yaml").read_text():
        return  # nothing new beside tests/test_training.py
    command = [sys.executable, "-m", "steps.train", "--data", "data/tones", "--conf", "killed.yaml", "--ngpu", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1"}
    exp = case.work / "exp" / "tones" / "killed"
    with subprocess.Popen(command, cwd=case.work, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not list((exp / "checkpoints").glob("state_*.pt")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = step(case.work, "steps.train", "--data", "data/tones", "--conf", "killed.yaml", "--ngpu", "0")
    assert process.returncode == -signal.SIGKILL and done.returncode == 0 and "resumed from" in done.stdout, done.stdout
    expected, found = (torch.load(path / "model.pt", weights_only=True) for path in (case.exp, exp))
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_merged_model_is_a_plain_checkpoint_that_says_the_same(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(case.work)
    monkeypatch.setattr(sys, "argv", ["steps.merge", "--exp", "exp/tones/whole", "--out", "merged"])
    steps.merge.main()
    assert "scores of 3 utterances differ by at most" in capsys.readouterr().out
    assert read_json(Path("merged/origin.json"))["largest_difference"] < 1e-4
    with pytest.raises(UsageError, match="merged: exists already"):
        steps.merge.main()

    expected = transcripts(restore(case.exp))
    assert all(expected) and by_transformers(Path("merged"), restore(case.exp).conf.system) == [one[:30] for one in expected]

    keys = yaml.safe_load(Path("whole.yaml").read_text()) | {"pretrained": "merged", "adapt": {"kind": "full"}}
    keys.pop("language_adapter", None)
    Path("again.yaml").write_text(yaml.safe_dump(keys))
    conf = load_conf(Path("again.yaml"))
    assert transcripts(family(conf.system).build(conf, Path("data/tones")).eval()) == expected


def transcripts(system: Any) -> list[str]:
    """Greedy, one cut at a time."""
    return [system.transcribe([cut], DecodeConf(search="greedy"), None)[0][0].hyps[0].text for cut in cuts()]


def cuts() -> list[Cut]:
    return list(islice(CutSet.from_file("data/tones/test.jsonl.gz"), 3))


def by_transformers(directory: Path, system: str) -> list[str]:
    """The beginnings of the same transcripts, with no code of ours but the reading of audio."""
    from transformers import AutoModelForCTC, AutoModelForSpeechSeq2Seq, AutoProcessor

    processor = AutoProcessor.from_pretrained(directory)
    auto = AutoModelForCTC if system == "hf_ctc" else AutoModelForSpeechSeq2Seq
    model = auto.from_pretrained(directory).eval()
    texts = []
    for cut in cuts():
        inputs = processor(load(cut), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        with torch.inference_mode():
            ids = model(**inputs).logits.argmax(-1) if system == "hf_ctc" else model.generate(**inputs, max_new_tokens=40)
        texts.append(" ".join(processor.batch_decode(ids, skip_special_tokens=system != "hf_ctc")[0].split())[:30])
    return texts


def test_other_base_weights_are_noticed_when_it_is_restored(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.work)
    weights = Path("base/model.safetensors")
    old = weights.read_bytes()
    weights.write_bytes(old[: len(old) // 2] + bytes(len(old) - len(old) // 2))
    try:
        with pytest.raises(UsageError, match="not those that it was trained on"):
            restore(case.exp)
    finally:
        weights.write_bytes(old)
