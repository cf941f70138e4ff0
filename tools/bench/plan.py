"""The memory that steps.plan foresees against what steps.train takes at its peak, less what the process held after its imports.

    python -m tools.bench.plan                           # four architectures at their full sizes, random weights
    python -m tools.bench.plan --only xls_r_300m --seconds 12 --utterances 1

Each training is a process of its own: one rank, no workers, three steps of two micro-batches and an evaluation. On a GPU
what torch allocated there at its peak is taken instead, under bf16. Memory does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cyasr.cli import RunError, run

ROOT = Path(__file__).resolve().parents[2]
CTC = {"system": "hf_ctc", "tokenizer": "char", "mask_share": 0.05}


@dataclass(frozen=True)
class Model:
    keys: dict[str, Any]
    sizes: str  # conf/architectures/<sizes>.json


MODELS = {
    "wav2vec2_base": Model(CTC, "wav2vec2-base"),
    "mhubert147": Model(CTC, "mHuBERT-147"),
    "xls_r_300m": Model(CTC, "wav2vec2-xls-r-300m"),
    "whisper_base": Model({"system": "hf_seq2seq", "tokenizer": "pretrained", "select": "loss"}, "whisper-base"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=8, help="of an utterance (Whisper pads it to 30)")
    parser.add_argument("--utterances", type=int, nargs="+", default=[1, 3], help="in a step; each number is tried")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)  # the measured process
    arguments = parser.parse_args()
    if arguments.train:
        return train(arguments.train)
    print(f"{'':16}{'utterances':>10}{'planned, GB':>14}{'measured, GB':>14}{'ratio':>8}")
    for name in arguments.only:
        for count in arguments.utterances:
            with tempfile.TemporaryDirectory(prefix="bench_plan_") as scratch:
                planned, measured = compare(Path(scratch), MODELS[name], arguments.seconds, count)
            print(f"{name:16}{count:10d}{planned / 1e9:14.2f}{measured / 1e9:14.2f}{planned / measured:8.2f}", flush=True)


def compare(scratch: Path, model: Model, seconds: float, count: int) -> tuple[int, int]:
    """Bytes at the peak: planned, measured."""
    import torch

    from cyasr.planning.plan import padded, plan
    from cyasr.systems import load_conf

    data = prepare(scratch, seconds, 6 * count)
    pretrained = str(ROOT / "conf" / "architectures" / f"{model.sizes}.json")
    if model.keys["system"] == "hf_seq2seq":
        pretrained = str(whisper_checkpoint(scratch / "base", json.loads(Path(pretrained).read_text(encoding="utf-8"))))
    keys = model.keys | {"pretrained": pretrained, "buckets": 1, "speed": [1.0], "epochs": 1, "ranks": 1, "workers": 0}
    conf_path = scratch / "train_bench.yaml"
    conf_path.write_text(yaml.safe_dump(keys | {"batch_seconds": count * seconds}))
    conf = load_conf(conf_path)
    gpu = torch.cuda.is_available()
    foreseen = plan(conf, data, seconds, gpu).peak(count)
    micro = 1.01 * count * padded(conf, seconds)  # two a step, so that gradients wait for those of the second
    conf_path.write_text(yaml.safe_dump(keys | {"batch_seconds": 2 * micro, "micro_batch_seconds": micro}))
    command = [sys.executable, "-m", "tools.bench.plan", "--train", conf_path.name]
    done = subprocess.run(command, cwd=scratch, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"training ended: {done.stdout[-600:]}{done.stderr[-600:]}")
    return foreseen, int(done.stdout.rpartition("peak ")[2])


def prepare(scratch: Path, seconds: float, count: int) -> Path:
    """data/bench: cuts of noise for training, one of them for dev."""
    from cyasr.files import write_jsonl_gz
    from cyasr.text import tokenizer
    from tools.bench.finetune import LETTERS, cut

    data, draw = scratch / "data" / "bench", random.Random(1)
    rows = [cut(scratch, f"u{number:02}", seconds, draw) for number in range(count)]
    write_jsonl_gz(data / "train.jsonl.gz", rows)
    write_jsonl_gz(data / "dev.jsonl.gz", rows[:1])
    tokenizer.train([LETTERS], "char", data / "tokenizer_char")
    return data


def whisper_checkpoint(directory: Path, sizes: dict[str, Any]) -> Path:
    """Random weights of these sizes under a small tokenizer; the published vocabulary's rows are there all the same."""
    from tests.systems.whisper_checkpoint import whisper
    from tools.bench.finetune import LETTERS

    kept = ("d_model", "encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads")
    units = ("encoder_ffn_dim", "decoder_ffn_dim")
    whisper(directory, [LETTERS], window=30, sizes={name: sizes[name] for name in (*kept, *units)})
    return directory


def train(conf_path: Path) -> None:
    """steps.train in this process, then the bytes at its peak."""
    import psutil
    import torch

    import steps.train
    from cyasr.planning.architecture import build
    from cyasr.process import peak_memory_mb
    from cyasr.systems import load_conf
    from cyasr.training import Trainer  # noqa: F401  # what training imports

    data = Path("data/bench")
    build(load_conf(conf_path), data)  # imports the model's own code
    before = psutil.Process().memory_info().rss
    sys.argv = ["steps.train", "--data", str(data), "--conf", str(conf_path)]
    steps.train.main()
    gpu = torch.cuda.is_available()
    print("peak", torch.cuda.max_memory_allocated() if gpu else round(2**20 * peak_memory_mb()) - before)


if __name__ == "__main__":
    run(main)
