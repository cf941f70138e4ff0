"""The hf_seq2seq family on tiny models of its real architecture, through the recipe's own steps."""

from __future__ import annotations

import random
from pathlib import Path

import yaml

from tests.conftest import WORDS
from tests.systems import checkpoints
from tests.systems.running import step

KEYS = {
    "system": "hf_seq2seq", "tokenizer": "pretrained", "pretrained": "base", "batch_seconds": 20, "buckets": 2, "epochs": 30,
    "lr": 3e-3, "average": 1, "ranks": 1, "weight_decay": 0.0, "final_lr": 0.1, "select": "loss",
}  # fmt: skip


def test_it_learns_the_tones(tones: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(tones / "data")
    checkpoints.whisper(tmp_path / "base", [" ".join(random.Random(n).choices(list(WORDS), k=4)) for n in range(100)])
    (tmp_path / "train_small.yaml").write_text(yaml.safe_dump(KEYS))
    done = step(tmp_path, "steps.train", "--data", "data/tones", "--conf", "train_small.yaml", "--ngpu", "0")
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout
