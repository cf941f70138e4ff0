"""The hf_ctc family on tiny models of its real architectures, through the recipe's own steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import WORDS
from tests.systems import checkpoints
from tests.systems.running import step

LETTERS = "".join(sorted({letter for word in WORDS for letter in word}))
MAKE = {
    "xls_r": lambda directory: checkpoints.xls_r(directory),
    "xlsr_greek": lambda directory: checkpoints.xlsr_greek(directory, LETTERS),
    "mms": lambda directory: checkpoints.mms(directory, LETTERS),
    "mhubert": checkpoints.mhubert,
    "w2v_bert": checkpoints.w2v_bert,
}
KEYS = {
    "system": "hf_ctc", "tokenizer": "char", "batch_seconds": 20, "buckets": 2, "epochs": 30, "lr": 3e-3, "average": 1,
    "ranks": 1, "freeze_features": False, "weight_decay": 0.0, "final_lr": 0.1,
}  # fmt: skip


@pytest.mark.parametrize("name", MAKE)
def test_each_architecture_learns_the_tones(tones: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "data").symlink_to(tones / "data")
    MAKE[name](tmp_path / "base")
    keys = KEYS | {"pretrained": "base"} | ({"language_adapter": "ell"} if name == "mms" else {})
    (tmp_path / "train_small.yaml").write_text(yaml.safe_dump(keys))
    done = step(tmp_path, "steps.train", "--data", "data/tones", "--conf", "train_small.yaml", "--ngpu", "0")
    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout
