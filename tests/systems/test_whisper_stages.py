"""Whisper through the recipe's own steps, and its published sizes beside the tiny one that is trained."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from cyasr.modules import hub
from tests.conftest import ROOT
from tests.systems.running import step
from tests.systems.whisper_checkpoint import whisper

KEYS: dict[str, Any] = {
    "system": "hf_seq2seq", "tokenizer": "pretrained", "pretrained": "base", "batch_seconds": 12, "buckets": 2, "epochs": 30,
    "evaluate_epochs": 6, "lr": 2e-3, "average": 1, "ranks": 1, "weight_decay": 0.0, "time_masks": 0, "frequency_masks": 0,
}  # fmt: skip
TRAIN = ("--data", "data/twenty", "--ngpu", "0", "--conf")


@pytest.fixture(scope="module")
def twenty(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/twenty, where train, dev and test are the same twenty utterances, and a tiny Whisper in base/."""
    work = tmp_path_factory.mktemp("twenty")
    own = work / "data" / "twenty"
    own.mkdir(parents=True)
    (work / "data" / "tones").symlink_to(tones / "data" / "tones")
    (own / "conf.yaml").write_text((ROOT / "conf" / "data_mini.yaml").read_text() + "profile: t1\n")
    with gzip.open(tones / "data" / "tones" / "train.jsonl.gz", "rt", encoding="utf-8") as rows:
        first = [next(rows) for _ in range(20)]
    for split in ("train", "dev", "test"):
        with gzip.open(own / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(first)
    whisper(work / "base")
    return work


def run(work: Path, module: str, *options: str) -> None:
    """A step's own main function, in this process: libraries are imported once."""
    with contextlib.chdir(work), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *options])
        importlib.import_module(module).main()


def test_it_overfits_twenty_utterances(twenty: Path) -> None:
    (twenty / "train_whisper.yaml").write_text(yaml.safe_dump(KEYS))
    run(twenty, "steps.train", *TRAIN, "train_whisper.yaml")
    exp = twenty / "exp" / "twenty" / "train_whisper"
    for name in ("decode_whisper", "decode_whisper_greedy"):
        conf = str(ROOT / "conf" / f"{name}.yaml")
        for gather in ([], ["--gather"]):
            run(twenty, "steps.decode", "--exp", str(exp.relative_to(twenty)), "--conf", conf, "--splits", "test", *gather)
    run(twenty, "steps.score", "--exp", "exp/twenty")
    for name in ("decode_whisper", "decode_whisper_greedy"):
        assert json.loads((exp / name / "test.score.json").read_text())["wer"] < 5
    with gzip.open(exp / "decode_whisper" / "test.nbest.jsonl.gz", "rt", encoding="utf-8") as rows:
        lists = [json.loads(row)["hyps"] for row in rows]
    assert all(len(hyps) > 1 and hyps[0]["total"] >= hyps[1]["total"] for hyps in lists)


def test_a_killed_run_resumes_to_the_same_weights_bit_by_bit(twenty: Path) -> None:
    keys = KEYS | {"epochs": 4, "evaluate_epochs": 1, "time_masks": 2, "frequency_masks": 2, "save_minutes": 0.001}
    keys |= {"native": {"dropout": 0.1}, "micro_batch_seconds": 6}
    for name in ("whole", "killed"):
        (twenty / f"{name}.yaml").write_text(yaml.safe_dump(keys))
    assert step(twenty, "steps.train", *TRAIN, "whole.yaml").returncode == 0
    command = [sys.executable, "-m", "steps.train", *TRAIN, "killed.yaml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1"}
    whole, killed = (twenty / "exp" / "twenty" / name for name in ("whole", "killed"))
    with subprocess.Popen(command, cwd=twenty, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not list((killed / "checkpoints").glob("state_*.pt")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = step(twenty, "steps.train", *TRAIN, "killed.yaml")
    assert process.returncode == -signal.SIGKILL and done.returncode == 0 and "resumed from" in done.stdout, done.stdout
    expected, found = (torch.load(exp / "model.pt", weights_only=True) for exp in (whole, killed))
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)


# width, encoder's and decoder's layers, heads, vocabulary, mel bins: config.json of openai/whisper-* and distil-whisper/*;
# million parameters: as on the hub
PUBLISHED = {
    "tiny": (384, 4, 4, 6, 51865, 80, 37.8),
    "base": (512, 6, 6, 8, 51865, 80, 72.6),
    "small": (768, 12, 12, 12, 51865, 80, 241.7),
    "medium": (1024, 24, 24, 16, 51865, 80, 763.9),
    "large-v3": (1280, 32, 32, 20, 51866, 128, 1543.5),
    "large-v3-turbo": (1280, 32, 4, 20, 51866, 128, 808.9),
    "distil-large-v3": (1280, 32, 2, 20, 51866, 128, 756.4),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_tiny_model_has_the_tensors_of_the_published_ones(twenty: Path, name: str) -> None:
    width, encoder, decoder, heads, vocabulary, mels, millions = PUBLISHED[name]
    library = hub.transformers()
    with torch.device("meta"):
        tiny = library.WhisperForConditionalGeneration(library.WhisperConfig.from_pretrained(twenty / "base"))
        full = library.WhisperForConditionalGeneration(
            library.WhisperConfig(
                d_model=width, encoder_layers=encoder, decoder_layers=decoder, encoder_attention_heads=heads,
                decoder_attention_heads=heads, encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width,
                vocab_size=vocabulary, num_mel_bins=mels,
            )
        )  # fmt: skip
    assert tensors(full) == tensors(tiny)
    assert sum(parameter.numel() for parameter in full.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)


def tensors(model: torch.nn.Module) -> set[str]:
    """Names, and how many dimensions each has, whatever the layer."""
    return {f"{re.sub(r'[.][0-9]+[.]', '.N.', name)} {value.dim()}" for name, value in model.state_dict().items()}
