"""Tiny systems of every family on the tones, in the test's own process."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import yaml
from lhotse import CutSet
from lhotse.cut import Cut

from cyasr import conf as confs
from cyasr.losses.extra import Extras
from cyasr.losses.teacher import ask
from cyasr.systems import family, load_conf
from tests.systems import checkpoints, nemo_checkpoint
from tests.systems.whisper_checkpoint import whisper

DATA = Path("data/tones")
ESPNET: dict[str, Any] = {
    "system": "espnet", "tokenizer": "char", "size": 32, "heads": 2, "encoder_layers": 1, "encoder_units": 32, "kernel": 7,
    "decoder_layers": 1, "decoder_units": 32, "dropout": 0.0, "attention_dropout": 0.0,
}  # fmt: skip
HF_CTC: dict[str, Any] = {"system": "hf_ctc", "tokenizer": "char", "pretrained": "bases/xls_r", "mask_share": 0.65}
KEYS: dict[str, dict[str, Any]] = {
    "espnet": ESPNET,
    "hf_ctc": HF_CTC,
    "hf_seq2seq": {"system": "hf_seq2seq", "tokenizer": "pretrained", "pretrained": "bases/whisper"},
    "nemo": {"system": "nemo", "tokenizer": "pretrained", "pretrained": "bases/canary.nemo", "language": "el"},
    "nemo_transducer": {"system": "nemo_transducer", "tokenizer": "pretrained", "pretrained": "bases/parakeet.nemo"},
}


def workplace(tones: Path, directory: Path) -> None:
    """The tones' data and pretrained checkpoints, for relative paths in `directory`."""
    (directory / "data").symlink_to(tones / "data")
    bases = tones / "bases"
    if not bases.exists():
        checkpoints.xls_r(bases / "xls_r")
        checkpoints.mhubert(bases / "mhubert")
        whisper(bases / "whisper")
        nemo_checkpoint.canary_unified(bases / "canary.nemo")
        nemo_checkpoint.parakeet(bases / "parakeet.nemo")
    (directory / "bases").symlink_to(bases)


def conf(name: str, **keys: Any) -> Any:
    """A family's conf as a file would give it."""
    path = Path("train_small.yaml")
    path.write_text(yaml.safe_dump(KEYS[name] | keys, allow_unicode=True))
    return load_conf(path)


def system(made: Any) -> Any:
    """What training would train, with what its loss learns from besides transcripts."""
    torch.manual_seed(1)
    built = family(made.system).build(made, DATA)
    if made.loss.extras:
        ask(made.loss, DATA)
        built.extras = Extras(made.loss, made.seed, DATA, Path("exp"), built.vocabulary)
    return built


def experiment(name: str, **keys: Any) -> str:
    """A directory as training leaves it, with weights that nobody trained."""
    made = conf(name, **keys)
    directory = Path("exp/tones") / f"train_{name}"
    built = system(made)
    directory.mkdir(parents=True, exist_ok=True)
    if made.tokenizer != "pretrained":
        shutil.copytree(DATA / f"tokenizer_{made.tokenizer}", directory / "tokenizer", dirs_exist_ok=True)
    built.save_assets(directory)
    torch.manual_seed(7)
    weights = {
        key: value + 0.05 * torch.randn_like(value) if value.is_floating_point() else value
        for key, value in built.state_dict().items()
    }
    torch.save(weights, directory / "model.pt")
    confs.freeze(made, directory / "conf.yaml")
    return str(directory)


def some_cuts(count: int) -> list[Cut]:
    """Training cuts, each with a translation of its text."""
    cuts = list(CutSet.from_file(DATA / "train.jsonl.gz"))[:count]
    for cut in cuts:
        cut.supervisions[0].custom = {"translation": {"en": cut.supervisions[0].text[::-1].replace("̆", "")}}
    return cuts
