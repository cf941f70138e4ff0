"""Fine-tuning throughput, seconds of speech a second: steps.train against Hugging Face's Trainer.

Equal: model (random weights of transformers' own class, the same directory for both), audio, labels, what is frozen,
dropout, masks, optimiser (fused AdamW), speech in a step. Clips have el-CY's lengths (3.5 to 271 s, 30.6 s on average,
lognormal), the long ones cut into pieces of at most 30 s as our recipe cuts them. Trainer at its best: inputs computed
beforehand and kept in memory (ours reads and computes them anew in each epoch), batches grouped by length, the batch size
of several that is fastest, one process with a thread a core or a process a core; passive waiting. Start-up, evaluation,
checkpoints and the first epoch are excluded. The contestants take turns, round after round; medians.

Beside each speed stands the share of the cores' time that the run got, with the speed over that share in brackets.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from cyasr.cli import run
from cyasr.files import read_jsonl_gz
from tools.bench.train import CORES, Bench, Run, measured, ours, report

LETTERS = "αβγδεζηθικλμνξοπρστυφχψως "
WAVE = {
    "hidden_size": 256, "num_hidden_layers": 8, "num_attention_heads": 4, "intermediate_size": 1024, "conv_dim": [128] * 7,
    "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True, "num_conv_pos_embeddings": 64,
    "hidden_dropout": 0.1, "attention_dropout": 0.1, "activation_dropout": 0.0, "feat_proj_dropout": 0.0,
    "mask_time_prob": 0.05, "layerdrop": 0.0,
}  # fmt: skip
WHISPER = {  # openai/whisper-tiny's
    "d_model": 384, "encoder_layers": 4, "decoder_layers": 4, "encoder_attention_heads": 6, "decoder_attention_heads": 6,
    "encoder_ffn_dim": 1536, "decoder_ffn_dim": 1536, "dropout": 0.0,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=("wav2vec2", "whisper"), default="wav2vec2")
    parser.add_argument("--minutes", type=float, default=8, help="speech used, minutes; also one epoch")
    parser.add_argument("--batch-seconds", type=float, default=120, help="speech in a step, padding included")
    parser.add_argument("--micro", type=int, nargs="+", default=[4, 2], help="Trainer: utterances at once; each is tried")
    parser.add_argument("--window", type=float, default=30, help="seconds measured a run, after the first epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trainer", type=json.loads, help=argparse.SUPPRESS)  # the peer's own process
    arguments = parser.parse_args()
    if arguments.trainer:
        return trainer(**arguments.trainer)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="bench_finetune_") as scratch:
        bench = prepare(Path(scratch), arguments)
        contestants: dict[str, Callable[[], Run]] = {}
        for processes in (1, CORES):
            threads = CORES // processes
            for micro in arguments.micro:
                name = f"trainer {processes} process{'es'[: 2 * (processes > 1)]} x {threads} thread{'s' * (threads > 1)}"
                contestants[f"{name}, {micro}"] = lambda p=processes, m=micro: peer(bench, arguments, p, m)  # type: ignore[misc]
        contestants[f"ours 1 process x {CORES} threads"] = lambda: ours(bench, 1)
        contestants[f"ours {CORES} processes x 1 thread"] = lambda: ours(bench, CORES)
        print(f"{bench.seconds / 60:.1f} minutes of speech, {arguments.batch_seconds:g} s a step, {CORES} cores")
        print(f"OMP_WAIT_POLICY=PASSIVE; {arguments.window:g} s measured after the first epoch; s of speech a second")
        runs: dict[str, list[Run]] = {name: [] for name in contestants}
        for number in range(1, arguments.rounds + 1):
            for name, measure in contestants.items():
                runs[name].append(measure())
                print(f"round {number}  {runs[name][-1].line(name)}", flush=True)
    report(best_of_each(runs), "trainer")


def best_of_each(runs: dict[str, list[Run]]) -> dict[str, list[Run]]:
    """Trainer's best batch size for each number of processes, under the names that the report knows."""
    found: dict[str, list[Run]] = {}
    for name, of_one in runs.items():
        short = name.split(",")[0]
        if short not in found or fmean(run.speed for run in of_one) > fmean(run.speed for run in found[short]):
            found[short] = of_one
    return found


# The data, as both want it


def prepare(scratch: Path, arguments: argparse.Namespace) -> Bench:
    """Cuts, a tokenizer, a model with random weights, and a conf."""
    from cyasr.text import tokenizer

    data = scratch / "data" / "bench"
    draw = random.Random(1)
    seconds = 0.0
    rows: list[dict[str, Any]] = []
    while seconds < 60 * arguments.minutes:
        clip = min(max(draw.lognormvariate(3.18, 0.7), 3.5), 271.0)
        pieces = int(-(-clip // 30))
        for _ in range(pieces):
            rows.append(cut(scratch, f"u{len(rows):05d}", clip / pieces, draw))
            seconds += clip / pieces
    for split, chosen in (("train", rows), ("dev", rows[:2])):
        data.mkdir(parents=True, exist_ok=True)
        with gzip.open(data / f"{split}.jsonl.gz", "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in chosen)
    tokenizer.train([LETTERS], "char", data / "tokenizer_char")
    base = scratch / "base"
    keys = {"pretrained": str(base), "batch_seconds": arguments.batch_seconds, "lr": 1e-5, "buckets": 10, "speed": [1.0]}
    if arguments.family == "wav2vec2":
        wave_checkpoint(base, data / "tokenizer_char" / "tokens.txt")
        keys |= {"system": "hf_ctc", "tokenizer": "char", "mask_share": 0.05}
    else:
        from tests.systems.whisper_checkpoint import whisper

        whisper(base, [row["supervisions"][0]["text"] for row in rows], window=30, sizes=WHISPER)
        keys |= {"system": "hf_seq2seq", "tokenizer": "pretrained", "select": "loss", "time_masks": 0, "frequency_masks": 0}
    return Bench(scratch, keys, Path("data/bench"), Path(), seconds, arguments.window)


def cut(scratch: Path, name: str, seconds: float, draw: random.Random) -> dict[str, Any]:
    """A cut of noise, with twelve letters a second of text."""
    import numpy as np
    import soundfile

    samples = int(seconds * 16000)
    path = scratch / "wav" / f"{name}.wav"
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(len(name) + samples).standard_normal(samples), 16000)
    text = " ".join("".join(draw.choices(LETTERS, k=int(12 * seconds))).split())
    source = {"type": "file", "channels": [0], "source": str(path)}
    length = samples / 16000
    recording = {"id": name, "sources": [source], "sampling_rate": 16000, "num_samples": samples, "duration": length}
    supervision = {"id": name, "recording_id": name, "start": 0.0, "duration": length, "channel": 0, "text": text}
    return {
        "id": name, "start": 0.0, "duration": length, "channel": 0, "supervisions": [supervision],
        "recording": recording, "type": "MonoCut",
    }  # fmt: skip


def wave_checkpoint(directory: Path, tokens: Path) -> None:
    """A wav2vec 2.0 with a head over our tokens: no row of it is new to either side."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    names = tokens.read_text(encoding="utf-8").split("\n")[:-1]
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**WAVE, vocab_size=len(names), pad_token_id=0, ctc_zero_infinity=True))
    model.save_pretrained(directory)
    (directory / "vocab.json").write_text(json.dumps({name: row for row, name in enumerate(names)}), encoding="utf-8")


# Hugging Face's Trainer


def peer(bench: Bench, arguments: argparse.Namespace, processes: int, micro: int) -> Run:
    """A run of Trainer with that many processes, `micro` utterances in a forward pass."""
    mean = bench.seconds / sum(1 for _ in read_jsonl_gz(bench.directory / bench.data / "train.jsonl.gz"))
    mean = 30 if arguments.family == "whisper" else mean  # as both pad it
    accumulate = max(1, round(arguments.batch_seconds / (mean * micro * processes)))
    options = {"family": arguments.family, "micro": micro, "accumulate": accumulate, "scratch": str(bench.directory)}
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", "tools.bench.finetune"] if processes == 1 else ["--module", "tools.bench.finetune"]
    log = bench.directory / f"trainer_{processes}_{micro}.log"
    process = bench.start([*command, "--trainer", json.dumps(options)], log, CORES // processes)

    def lines() -> list[tuple[float, float]]:
        """(speech, seconds) of each step after the first epoch, over all processes."""
        found = [line.split() for line in log.read_text(errors="replace").splitlines() if line.startswith("step ")]
        return [(float(speech), float(spent)) for _, epoch, speech, spent in found if float(epoch) >= 1]

    steps, share = measured([process], log, lines, lambda steps: sum(spent for _, spent in steps) >= bench.window)
    size = next(line for line in log.read_text(errors="replace").splitlines() if line.startswith("parameters "))
    return Run(sum(speech for speech, _ in steps) / sum(spent for _, spent in steps), share, size.split()[1])


def trainer(family: str, micro: int, accumulate: int, scratch: str) -> None:
    """Trainer, saying after each step how much speech it saw and how long it took."""
    import numpy as np
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.trainer_pt_utils import LengthGroupedSampler

    from cyasr.data.audio import load
    from cyasr.text.tokenizer import Tokenizer

    directory = Path(scratch)
    from lhotse import CutSet

    cuts = list(CutSet.from_file(directory / "data/bench/train.jsonl.gz"))
    heard: list[float] = []

    class Rows(torch.utils.data.Dataset[dict[str, Any]]):
        def __init__(self, rows: list[dict[str, Any]]) -> None:
            self.rows = rows

        def __len__(self) -> int:
            return len(self.rows)

        def __getitem__(self, index: int) -> dict[str, Any]:
            return self.rows[index]

    def pad(batch: list[torch.Tensor], value: float) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=value)

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        heard.append(sum(row["seconds"] for row in rows))
        labels = pad([row["labels"] for row in rows], -100)
        if family == "whisper":
            return {"input_features": torch.stack([row["inputs"] for row in rows]), "labels": labels}
        inside = pad([torch.ones(len(row["inputs"]), dtype=torch.long) for row in rows], 0)
        return {"input_values": pad([row["inputs"] for row in rows], 0.0), "attention_mask": inside, "labels": labels}

    model: Any
    if family == "whisper":
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        model = WhisperForConditionalGeneration.from_pretrained(directory / "base")
        processor: Any = WhisperProcessor.from_pretrained(directory / "base", language="el", task="transcribe")

        def row(one: Any) -> dict[str, Any]:
            inputs = processor.feature_extractor(load(one), sampling_rate=16000, return_tensors="pt")["input_features"][0]
            return {"inputs": inputs, "labels": torch.tensor(processor.tokenizer(one.supervisions[0].text).input_ids[1:])}
    else:
        from transformers import Wav2Vec2ForCTC

        model = Wav2Vec2ForCTC.from_pretrained(directory / "base", ctc_loss_reduction="sum")
        model.freeze_feature_encoder()
        tokenizer = Tokenizer.load(directory / "data/bench/tokenizer_char")

        def row(one: Any) -> dict[str, Any]:
            audio = load(one)
            audio = ((audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)).astype(np.float32)
            return {"inputs": torch.from_numpy(audio), "labels": torch.tensor(tokenizer.encode(one.supervisions[0].text))}

    rows = Rows([row(one) | {"seconds": one.duration, "length": int(100 * one.duration)} for one in cuts])

    class Grouped(Trainer):
        """Its own sampler by length, whose lengths it takes from `datasets` only."""

        def _get_train_sampler(self, *_: Any) -> Any:
            return LengthGroupedSampler(micro * accumulate, lengths=[row["length"] for row in rows.rows])

    class Steps(TrainerCallback):
        before = time.monotonic()

        def on_step_end(self, _: Any, state: Any, __: Any, **___: Any) -> None:
            speech = torch.tensor(sum(heard))
            heard.clear()
            if torch.distributed.is_initialized():
                torch.distributed.all_reduce(speech)
            now = time.monotonic()
            if int(os.environ.get("RANK", 0)) == 0:
                print(f"step {state.epoch:.4f} {float(speech):.3f} {now - self.before:.4f}", flush=True)
            self.before = now

    settings = TrainingArguments(
        output_dir=str(directory / "trainer"), per_device_train_batch_size=micro, gradient_accumulation_steps=accumulate,
        learning_rate=1e-5, num_train_epochs=10_000,
        save_strategy="no", logging_strategy="no", report_to=[], use_cpu=True, remove_unused_columns=False, disable_tqdm=True,
        ddp_backend="gloo" if "RANK" in os.environ else None, ddp_find_unused_parameters=False,
    )  # fmt: skip
    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"parameters {size:.2f}", flush=True)
    Grouped(model=model, args=settings, train_dataset=rows, data_collator=collate, callbacks=[Steps()]).train()


if __name__ == "__main__":
    run(main)
