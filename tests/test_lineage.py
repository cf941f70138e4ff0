"""Systems that start from others: a chain through the recipe's steps, of each family, and what is refused."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lhotse import CutSet

from cyasr.cli import UsageError
from cyasr.files import read_json
from cyasr.lineage import ancestors
from cyasr.search.conf import DecodeConf
from cyasr.systems import load_conf, restore
from cyasr.text import tokenizer
from tests.conftest import ROOT, WORDS
from tests.systems.checkpoints import STABLE, WAVE
from tests.systems.whisper_checkpoint import whisper

COMMON = {"batch_seconds": 12, "buckets": 2, "epochs": 2, "average": 1, "ranks": 1}
WAVE_CTC = COMMON | {"system": "hf_ctc", "pretrained": "tiny.json", "tokenizer": "char", "freeze_features": False}
ESPNET = COMMON | {
    "system": "espnet", "tokenizer": "char", "size": 32, "heads": 2, "encoder_layers": 1, "encoder_units": 48, "kernel": 7,
    "decoder_layers": 1, "decoder_units": 40, "select": "loss",
}  # fmt: skip
LORA = {"kind": "lora", "targets": ["attention"], "rank": 4}
CHAINS: dict[str, list[dict[str, Any]]] = {
    "wav2vec2": [
        WAVE_CTC | {"tokenizer": "none", "loss": {"contrastive": 1.0, "negatives": 10}, "select": "loss", "mask_share": 0.5},
        WAVE_CTC,
        WAVE_CTC | {"adapt": LORA},
        WAVE_CTC | {"adapt": LORA | {"kind": "qlora", "rank": 2}},
    ],
    "espnet": [ESPNET, ESPNET | {"adapt": LORA | {"train": ["ctc_lo"]}}],
    "whisper": [
        COMMON | {"system": "hf_seq2seq", "pretrained": "whisper", "tokenizer": "pretrained", "select": "loss", "adapt": LORA},
        COMMON | {"system": "hf_seq2seq", "pretrained": "whisper", "tokenizer": "pretrained", "select": "loss", "adapt": LORA},
    ],
}


@pytest.fixture(scope="module")
def work(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/first, and data/second whose tokenizer has a letter more; architectures to start from."""
    directory = tmp_path_factory.mktemp("lineage")
    (directory / "data").mkdir()
    for name, letters in (("first", ""), ("second", "ξ")):
        data = directory / "data" / name
        data.mkdir()
        for split in ("train", "dev", "test"):
            (data / f"{split}.jsonl.gz").symlink_to(tones / "data" / "tones" / f"{split}.jsonl.gz")
        tokenizer.train([" ".join([*WORDS, letters])], "char", data / "tokenizer_char")
    (directory / "data" / "tones").symlink_to(tones / "data" / "tones")
    (directory / "tiny.json").write_text(json.dumps({"model_type": "wav2vec2", **WAVE, **STABLE}))
    whisper(directory / "whisper")
    return directory


def train(work: Path, name: str, keys: dict[str, Any], data: str) -> Path:
    """exp/<data>/train_<name>, made by steps.train in this process."""
    conf = work / f"train_{name}.yaml"
    conf.write_text(yaml.safe_dump(keys))
    with contextlib.chdir(work), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["steps.train", "--data", f"data/{data}", "--conf", conf.name, "--ngpu", "0"])
        importlib.import_module("steps.train").main()
    return Path("exp", data, f"train_{name}")


@pytest.mark.parametrize("family", CHAINS)
def test_each_system_of_a_chain_starts_from_the_one_before(work: Path, family: str) -> None:
    older: Path | None = None
    for number, keys in enumerate(CHAINS[family]):
        start = {} if older is None else {"init_from": str(older)}
        # with no step to speak of: what was there before is what is there after
        keys = keys | start | ({"lr": 1e-9, "weight_decay": 0.0} if older else {})
        exp = train(work, f"{family}{number}", keys, "second" if number > 1 else "first")
        with contextlib.chdir(work):
            system = restore(exp)
            if older is not None:
                inherited(restore(older), system)
                assert next(ancestors(exp)) == older
                assert f"{older}/model.pt" in read_json(exp / "run.json")["inputs"]
            assert all(value.isfinite().all() for value in system.state_dict().values() if value.is_floating_point())
        older = exp
    assert older is not None
    with contextlib.chdir(work):
        cuts = list(CutSet.from_file("data/tones/test.jsonl.gz"))[:2]
        conf = DecodeConf(search="greedy") if family != "whisper" else DecodeConf(beam=1, nbest=1, ctc_weight=0.0)
        assert len(restore(older).transcribe(cuts, conf, None)) == 2
        assert len(list(ancestors(older))) == len(CHAINS[family]) - 1


def inherited(older: Any, newer: Any) -> None:
    """Raises where a tensor of `newer` is not the one of `older`, or, over tokens, not the older's row for row."""
    before, after = older.state_dict(), newer.state_dict()
    shared = {name for name in after if name in before and "lora" not in name and not name.endswith("adapted_base")}
    assert len(shared) > 20
    for name in shared:
        old, new = before[name], after[name]
        if old.dtype == torch.uint8 or new.dtype == torch.uint8 or "absmax" in name or "quant" in name:
            continue  # in four bits: not the same numbers
        if old.shape != new.shape:
            assert len(newer.tokenizer.tokens) == len(older.tokenizer.tokens) + 1
            rows = [newer.tokenizer.tokens.index(token) for token in older.tokenizer.tokens]
            new = new[rows]
        assert torch.allclose(old.float(), new.float(), atol=1e-5), name


def test_what_does_not_fit_is_refused_in_a_line(work: Path) -> None:
    wide = json.loads((work / "tiny.json").read_text()) | {"intermediate_size": 96}
    (work / "wide.json").write_text(json.dumps(wide))
    adapters = {"adapt": {"kind": "adapters", "targets": ["block_outputs"], "bottleneck": 4}}
    bottleneck = COMMON | {"system": "hf_seq2seq", "pretrained": "whisper", "tokenizer": "pretrained", "select": "loss"}
    base = train(work, "base", ESPNET | {"epochs": 1}, "first")
    held = train(work, "held", bottleneck | adapters, "first")
    refused = [
        (ESPNET | {"init_from": "exp/first/train_none"}, "exp/first/train_none/model.pt"),
        (WAVE_CTC | {"init_from": str(base)}, "is of the family espnet, and this conf's is hf_ctc"),
        (
            ESPNET | {"init_from": str(base), "decoder_units": 44},
            r"does not fit: decoder.*feed_forward.* there and .* here",
        ),
        (bottleneck | {"init_from": str(held)}, "bottleneck adapters cannot be merged"),
        (ESPNET | {"adapt": LORA}, "adapt: kind: lora needs weights to adapt"),
        (WAVE_CTC | {"adapt": LORA}, "adapt: kind: lora needs weights to adapt"),
        (WAVE_CTC | {"tokenizer": "none"}, "tokenizer: none writes nothing, and ctc learns to write"),
        (WAVE_CTC | {"pretrained": "none.json"}, "none.json is no architecture"),
    ]
    for number, (keys, message) in enumerate(refused):
        with pytest.raises(UsageError, match=message) as error:
            train(work, f"refused{number}", keys, "first")
        assert "\n" not in str(error.value)
    (work / "train_elsewhere.yaml").write_text(yaml.safe_dump(ESPNET | {"init_from": "somewhere"}))
    with pytest.raises(UsageError, match="init_from: an experiment's directory, exp/<set>/train_<system>, not 'somewhere'"):
        load_conf(work / "train_elsewhere.yaml")


def test_an_ancestor_trained_anew_is_noticed_by_training_and_by_restoring(work: Path) -> None:
    base = train(work, "root", ESPNET | {"epochs": 1}, "first")
    keys = ESPNET | {"epochs": 1, "init_from": str(base), "adapt": LORA}
    child = train(work, "child", keys, "first")
    (work / base).rename(work / "kept")
    train(work, "root", ESPNET | {"epochs": 1, "seed": 2}, "first")
    with contextlib.chdir(work), pytest.raises(UsageError, match="`init_from:` is another model now"):
        restore(child)
    with pytest.raises(UsageError, match=r"root/model\.pt: its content changed"):
        train(work, "child", keys, "first")


def test_what_a_chain_ships_with_names_the_experiments_that_it_makes() -> None:
    confs = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "conf").glob("*.yaml")}
    starts = {stem: keys["init_from"] for stem, keys in confs.items() if stem.startswith("train_") and "init_from" in keys}
    assert len(starts) == 5
    for start in starts.values():
        _, data, train_conf = Path(start).parts
        assert f"data_{data}" in confs and train_conf in confs
