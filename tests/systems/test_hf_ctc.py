"""The hf_ctc family on tiny models of its real architectures: trained by the recipe's own steps, and looked into."""

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lhotse import CutSet
from lhotse.cut import Cut
from safetensors.torch import load_file
from torch import nn

from cyasr.adaptation.adapt import count
from cyasr.cli import UsageError
from cyasr.search.conf import DecodeConf
from cyasr.systems import hf_ctc, load_conf
from cyasr.text.tokenizer import SPACE
from tests.conftest import ROOT, WORDS
from tests.systems import checkpoints
from tests.test_recipe import checkout

LETTERS = "".join(sorted({letter for word in WORDS for letter in word}))
MAKE: dict[str, Callable[[Path], Path]] = {
    "xls_r": checkpoints.xls_r,
    "xlsr_greek": lambda directory: checkpoints.xlsr_greek(directory, LETTERS),
    "mms": lambda directory: checkpoints.mms(directory, LETTERS),
    "mhubert": checkpoints.mhubert,
    "w2v_bert": checkpoints.w2v_bert,
}
KEYS: dict[str, Any] = {
    "system": "hf_ctc", "tokenizer": "char", "batch_seconds": 4, "buckets": 2, "epochs": 32, "evaluate_epochs": 8, "lr": 3e-3,
    "average": 1, "ranks": 1, "freeze_features": False, "weight_decay": 0.0, "final_lr": 0.1,
}  # fmt: skip
ADAPTERS = {"kind": "partial", "train": ["adapter_layer"]}
GREEDY = DecodeConf(search="greedy")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("bases")
    return {name: make(directory / name) for name, make in MAKE.items()}


@pytest.fixture(scope="module")
def twenty(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/twenty: train, dev and test are the same twenty utterances, too short to count as leaks."""
    work = tmp_path_factory.mktemp("twenty")
    (work / "data").mkdir()
    (work / "data" / "tones").symlink_to(tones / "data" / "tones")
    own = work / "data" / "twenty"
    own.mkdir()
    (own / "tokenizer_char").symlink_to(tones / "data" / "tones" / "tokenizer_char")
    (own / "conf.yaml").write_text((ROOT / "conf" / "data_mini.yaml").read_text() + "profile: t1\n")
    with gzip.open(tones / "data" / "tones" / "train.jsonl.gz", "rt", encoding="utf-8") as rows:
        short = [row for row in rows if len(json.loads(row)["supervisions"][0]["text"].split()) < 5][:20]
    for split in ("train", "dev", "test"):
        with gzip.open(own / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(short)
    return work


@pytest.fixture
def cuts(twenty: Path, monkeypatch: pytest.MonkeyPatch) -> list[Cut]:
    monkeypatch.chdir(twenty)
    return list(CutSet.from_file("data/twenty/train.jsonl.gz"))


def keys(name: str, base: Path, **others: Any) -> dict[str, Any]:
    return KEYS | {"pretrained": str(base)} | ({"language_adapter": "ell"} if name == "mms" else {}) | others


def build(name: str, base: Path, directory: Path, **others: Any) -> hf_ctc.System:
    path = directory / "train_built.yaml"
    path.write_text(yaml.safe_dump(keys(name, base, **others)))
    torch.manual_seed(1)
    return hf_ctc.build(load_conf(path), Path("data/twenty"))


def step(work: Path, module: str, *options: str) -> None:
    """A step's own main function, in this process: libraries are imported once."""
    with contextlib.chdir(work), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *options])
        patch.setenv("OMP_NUM_THREADS", "1")
        importlib.import_module(module).main()


def word_error_rate(exp: Path, decode: str) -> float:
    score = json.loads((exp / decode / "test.score.json").read_text())
    return float(score["wer"])


@pytest.mark.parametrize("name", [name for name in MAKE if name != "xls_r"])
def test_each_architecture_overfits_twenty_utterances(twenty: Path, bases: dict[str, Path], name: str) -> None:
    conf = twenty / f"train_{name}.yaml"
    conf.write_text(yaml.safe_dump(keys(name, bases[name])))
    step(twenty, "steps.train", "--data", "data/twenty", "--conf", conf.name, "--ngpu", "0")
    exp = f"exp/twenty/train_{name}"
    decode = ("--exp", exp, "--conf", str(ROOT / "conf" / "decode_greedy.yaml"), "--splits", "test")
    step(twenty, "steps.decode", *decode)
    step(twenty, "steps.decode", *decode, "--gather")
    step(twenty, "steps.score", "--exp", exp)
    assert word_error_rate(twenty / exp, "decode_greedy") < 5


def test_run_sh_takes_xls_r_from_tokenizer_to_table(twenty: Path, bases: dict[str, Path], tmp_path: Path) -> None:
    work = checkout(tmp_path)
    for name in ("tones", "twenty"):
        (work / "data" / name).parent.mkdir(exist_ok=True)
        (work / "data" / name).symlink_to((twenty / "data" / name).resolve())
    (work / "conf" / "data_twenty.yaml").write_text((ROOT / "conf" / "data_mini.yaml").read_text())
    (work / "conf" / "train_small.yaml").write_text(yaml.safe_dump(keys("xls_r", bases["xls_r"])))
    options = ["--systems", "small", "--decodes", "greedy ctc_ngram", "--fuses", "ctc_word3", "--nj", "1", "--ngpu", "0"]
    done = subprocess.run(
        ["egs/cypriot/run.sh", "--corpus", "twenty", "--stage", "3", *options],
        cwd=work, env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}, text=True, capture_output=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    exp = work / "exp" / "twenty" / "train_small"
    assert max(word_error_rate(exp, name) for name in ("decode_greedy", "decode_ctc_ngram", "fuse_ctc_word3")) < 5
    assert "decode_ctc_ngram" in (work / "egs" / "cypriot" / "RESULTS.md").read_text()


def test_a_killed_run_resumes_to_the_same_weights_bit_by_bit(twenty: Path, bases: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(twenty / "data")
    moving = {"native": {"hidden_dropout": 0.1, "attention_dropout": 0.1}, "mask_share": 0.2, "speed": [0.9, 1.0, 1.1]}
    made = keys("xls_r", bases["xls_r"], **moving, epochs=6, evaluate_epochs=1, micro_batch_seconds=2)
    for name in ("whole", "killed"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(made))
    step(tmp_path, "steps.train", "--data", "data/twenty", "--conf", "whole.yaml", "--ngpu", "0")
    command = [sys.executable, "-m", "steps.train", "--data", "data/twenty", "--conf", "killed.yaml", "--ngpu", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    run = tmp_path / "exp" / "twenty" / "killed"
    while process.poll() is None and not list((run / "checkpoints").glob("state_*.pt")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (run / "model.pt").exists()
    step(tmp_path, "steps.train", "--data", "data/twenty", "--conf", "killed.yaml", "--ngpu", "0")
    assert "resumed from" in (run / "train.log").read_text()
    expected, found = (torch.load(path / "model.pt", weights_only=True) for path in (run.with_name("whole"), run))
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.mark.parametrize("name", MAKE)
def test_posteriors_do_not_depend_on_neighbours(cuts: list[Cut], bases: dict[str, Path], tmp_path: Path, name: str) -> None:
    system = build(name, bases[name], tmp_path).eval()
    few = sorted(cuts, key=lambda cut: cut.duration)[::6]
    assert few[0].duration < few[-1].duration
    together = [log_probs for _, log_probs in system.transcribe(few, GREEDY, None)]
    for cut, expected in zip(few, together, strict=True):
        alone = system.transcribe([cut], GREEDY, None)[0][1]
        assert alone.shape == expected.shape and abs(alone - expected).max() < 1e-4


@pytest.mark.parametrize("name", ["xlsr_greek", "mms"])
def test_rows_of_characters_that_both_know_are_kept(cuts: list[Cut], bases: dict[str, Path], tmp_path: Path, name: str) -> None:
    system = build(name, bases[name], tmp_path)
    if name == "mms":
        old = load_file(bases[name] / "adapter.ell.safetensors")
        rows = json.loads((bases[name] / "vocab.json").read_text())["ell"]
    else:
        old = load_file(bases[name] / "model.safetensors")
        rows = json.loads((bases[name] / "vocab.json").read_text())
    theirs = {"<blank>": "<pad>", SPACE: "|"}
    kept = [
        (row, rows[theirs.get(token, token)]) for row, token in enumerate(system.vocabulary) if theirs.get(token, token) in rows
    ]
    assert len(kept) == len(system.vocabulary) - 3  # all but the end and two letters with a combining breve
    for ours, other in kept:
        assert torch.equal(system.model.lm_head.weight[ours], old["lm_head.weight"][other])
        assert torch.equal(system.model.lm_head.bias[ours], old["lm_head.bias"][other])


def test_mms_starts_from_its_language_and_trains_adapters_and_head_alone(
    cuts: list[Cut], bases: dict[str, Path], tmp_path: Path
) -> None:
    system = build("mms", bases["mms"], tmp_path, adapt=ADAPTERS)
    trained = {name for name, parameter in system.model.named_parameters() if parameter.requires_grad}
    assert trained == {
        name for name, _ in system.model.named_parameters() if "adapter_layer" in name or name.startswith("lm_head")
    }
    greek = load_file(bases["mms"] / "adapter.ell.safetensors")
    state = system.model.state_dict()
    assert all(torch.equal(state[name], greek[name]) for name in greek if "adapter_layer" in name)
    with pytest.raises(UsageError, match="no language adapters"):
        build("xls_r", bases["xls_r"], tmp_path, language_adapter="ell")


def test_a_model_that_writes_only_blanks_is_told_so_with_what_helps(twenty: Path, bases: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(twenty / "data")
    (tmp_path / "silent.yaml").write_text(yaml.safe_dump(keys("xls_r", bases["xls_r"], epochs=10, evaluate_epochs=1)))
    step(tmp_path, "steps.train", "--data", "data/twenty", "--conf", "silent.yaml", "--ngpu", "0")
    log = (tmp_path / "exp" / "twenty" / "silent" / "train.log").read_text()
    assert "nothing but blanks at 3 evaluations in a row" in log and "try a third of `lr`" in log


def full_size(name: str) -> nn.Module:
    """The published architecture: config.json of facebook/wav2vec2-xls-r-300m, facebook/mms-1b-all,
    utter-project/mHuBERT-147 and facebook/w2v-bert-2.0, without weights."""
    import transformers

    stable = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True, "mask_time_prob": 0.05}
    large = stable | {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    billion = stable | {"hidden_size": 1280, "num_hidden_layers": 48, "num_attention_heads": 16, "intermediate_size": 5120}
    with torch.device("meta"):
        if name == "mhubert":
            return transformers.HubertForCTC(transformers.HubertConfig(vocab_size=40))
        if name == "w2v_bert":
            return transformers.Wav2Vec2BertForCTC(transformers.Wav2Vec2BertConfig(vocab_size=40, mask_time_prob=0.05))
        sizes: dict[str, Any] = billion | {"adapter_attn_dim": 16} if name == "mms" else large
        return transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(**sizes, vocab_size=40))


@pytest.mark.parametrize("name", MAKE)
def test_names_are_those_of_the_full_size_model(cuts: list[Cut], bases: dict[str, Path], tmp_path: Path, name: str) -> None:
    full = {re.sub(r"layers\.\d+\.", "layers.N.", one) for one in full_size(name).state_dict()}
    tiny = {re.sub(r"layers\.\d+\.", "layers.N.", one) for one in build(name, bases[name], tmp_path).model.state_dict()}
    assert tiny == full


@pytest.mark.parametrize("name", ["xls_r", "mhubert", "w2v_bert"])
def test_recomputing_activations_changes_no_gradient(cuts: list[Cut], bases: dict[str, Path], tmp_path: Path, name: str) -> None:
    def gradients(**others: Any) -> dict[str, torch.Tensor]:
        system = build(name, bases[name], tmp_path, freeze_features=True, **others).train()
        torch.manual_seed(2)
        system(system.collator(train=True)(cuts[:3])).total.backward()
        return {name: one.grad for name, one in system.named_parameters() if one.grad is not None}

    plain, again = gradients(), gradients(checkpoint_activations=True)
    assert plain.keys() == again.keys()
    assert all(torch.allclose(plain[name], again[name], atol=1e-5, rtol=1e-4) for name in plain)


@pytest.mark.parametrize("name", ["xls_r", "w2v_bert"])
def test_a_clip_shorter_than_a_frame_is_left_out_of_training_and_decoded(
    cuts: list[Cut], bases: dict[str, Path], tmp_path: Path, name: str
) -> None:
    system = build(name, bases[name], tmp_path, speed=[1.0, 1.1]).eval()
    least = system.inputs.least / 16_000
    short, enough = cuts[0].truncate(duration=least - 0.002), cuts[0].truncate(duration=least * 1.11)
    reason = system.unusable(short)
    assert reason is not None and reason.startswith("shorter than the model's first frame")
    assert system.unusable(enough) is None
    (nbest, log_probs), (_, longer) = system.transcribe([short, cuts[1]], GREEDY, None)
    assert len(nbest.hyps) == 1 and len(log_probs) == 1 < len(longer)


@pytest.mark.parametrize("conf", sorted((ROOT / "conf").glob("train_mms_1b*.yaml")), ids=lambda path: path.stem)
def test_mms_confs_train_the_adapters(cuts: list[Cut], bases: dict[str, Path], tmp_path: Path, conf: Path) -> None:
    adapt = yaml.safe_load(conf.read_text())["adapt"]
    system = build("mms", bases["mms"], tmp_path, adapt=adapt)
    trained, every = count(system)
    assert 0 < trained < every and system.model.lm_head.weight.requires_grad
