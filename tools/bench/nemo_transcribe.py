"""Canary's or Parakeet's transcription: stage 6's greedy search against NeMo's own transcribe(), same cuts, same trained model.

    python -m tools.bench.nemo_transcribe --exp exp/mini_commands/train_canary_small --data data/mini_commands

Text has to be identical. Both in one process with the threads of OMP_NUM_THREADS, loading of audio and features included,
start-up and loading of the model not; NeMo's takes the better of its batch sizes. Interleaved, median of --rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from lhotse import CutSet

from cyasr.modules import nemo_models
from cyasr.modules.nemo_prompt import language_of
from cyasr.search.conf import DecodeConf
from cyasr.systems import restore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/train_<canary>")
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--split", default="test")
    parser.add_argument("--language", default="el", help="cuts in this language only, as NeMo is told one for all")
    parser.add_argument("--utterances", type=int, default=100)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    system = restore(arguments.exp)
    every = CutSet.from_file(arguments.data / f"{arguments.split}.jsonl.gz")
    cuts = [cut for cut in every if language_of(cut, None) == arguments.language]
    cuts = sorted(cuts[: arguments.utterances], key=lambda cut: -cut.duration)
    speech = sum(cut.duration for cut in cuts)
    print(f"{len(cuts)} cuts, {speech:.0f} s of speech, {torch.get_num_threads()} threads")
    sides: dict[str, Any] = {}
    for batch in arguments.batches:
        sides[f"ours, batch {batch}"] = lambda batch=batch: _ours(system, cuts, batch)
        sides[f"NeMo, batch {batch}"] = lambda batch=batch: _theirs(system.model, cuts, batch, arguments.language)
    times: dict[str, list[float]] = {name: [] for name in sides}
    texts: dict[str, list[str]] = {}
    for _ in range(arguments.rounds):
        for name, transcribe in sides.items():
            started = time.perf_counter()
            texts[name] = transcribe()
            times[name].append(time.perf_counter() - started)
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"{name:16} {middle:8.2f} s  {speech / middle:8.1f} s of speech a second")
    ours, theirs = (min(statistics.median(times[name]) for name in times if name.startswith(side)) for side in ("ours", "NeMo"))
    first = next(iter(texts.values()))
    different = sum(len({made[n] for made in texts.values()}) > 1 for n in range(len(first)))
    print(f"ratio {theirs / ours:.2f}; {different} of {len(first)} texts differ between any two runs")


def _ours(system: Any, cuts: list[Any], batch: int) -> list[str]:
    conf = DecodeConf(search="greedy", batch=batch)
    return [
        nbest.hyps[0].text
        for start in range(0, len(cuts), batch)
        for nbest, _ in system.transcribe(cuts[start : start + batch], conf, None)
    ]


def _theirs(model: Any, cuts: list[Any], batch: int, language: str) -> list[str]:
    paths = [cut.recording.sources[0].source for cut in cuts]
    asked = {"source_lang": language, "target_lang": language, "pnc": "no"} if hasattr(model, "prompt") else {}
    with nemo_models.quiet():
        found = model.transcribe(paths, batch_size=batch, verbose=False, num_workers=0, **asked)
    model.eval()  # it leaves the encoder and the decoder as for training, with dropout
    return [" ".join(one.text.split()) for one in found]


if __name__ == "__main__":
    main()
