"""The training data path, seconds of speech a second: flac, speed, noise, filterbank, masks, buckets, batches; ours and lhotse's.

    python -m tools.bench.datapath [--hours 1 --batch-seconds 400 --buckets 30 --workers 2 --rounds 3]

Lengths are el-CY's: 3.5 to 271 s with a mean of 30.6 s (as published), cut to 30 s at most as stage 2 does it; `--whole` leaves
them long. The voice is made up, at 10 dB over noise, so that flac has work to do. Both sides read the same cuts with the same
speeds (0.9, 1.0, 1.1), noise files (10 to 20 dB), 80 log-mel bins and SpecAugment, into the same size of batch from as many
buckets, in `--workers` processes of one thread. lhotse: K2SpeechRecognitionDataset with PerturbSpeed, CutMix, OnTheFlyFeatures
and its SpecAugment, the sampler in the main process. They take turns; figures are medians of the rounds. Beside the wall clock
stands what the CPU time would give on all cores alone, since other work disturbs it less. Start-up and the first batch do not
count. Padding is what the batches' tensors hold beside speech, after speed perturbation.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
import warnings
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from cyasr import conf as confs
from cyasr.cli import run
from cyasr.data.audio import Augment
from cyasr.data.sampler import GlobalBatches, Shares
from cyasr.files import write_jsonl_gz
from cyasr.text import tokenizer
from tools.bench.augment import RATE, voice, write_noise

CORES = len(os.sched_getaffinity(0))
CLIPS = {"mean": 30.6, "shortest": 3.5, "longest": 271.0}  # seconds: Common Voice Spontaneous Speech el-CY
LIMIT = 30.0
FILES = 200


@dataclass
class Run:
    """speech, wall and cpu in seconds; padding as a share of the batches."""

    speech: float
    wall: float
    cpu: float
    padding: float

    def line(self, name: str) -> str:
        alone = self.speech / self.cpu * CORES
        return f"{name:34s} {self.speech / self.wall:7.0f} s/s   {alone:7.0f} of CPU time   padding {100 * self.padding:5.2f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--whole", action="store_true", help="clips as they are published, up to 271 s")
    parser.add_argument("--batch-seconds", type=float, default=400.0)
    parser.add_argument("--buckets", type=int, default=30)
    parser.add_argument("--workers", type=int, default=CORES)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="bench_datapath_") as scratch:
        folder = Path(scratch)
        lengths = seconds_of_clips(arguments.hours * 3600, arguments.whole)
        cuts = write_corpus(folder, lengths)
        sizes = f"mean {np.mean(lengths):.1f} s, longest {max(lengths):.1f} s"
        print(f"{len(lengths)} cuts, {sum(lengths) / 3600:.2f} h, {sizes}")
        print(f"{arguments.workers} workers of one thread on {CORES} cores, {arguments.batch_seconds:g} s a batch")
        sides: dict[str, Callable[[int], Iterable[Any]]] = {
            "ours": lambda epoch: ours(folder, cuts, arguments, epoch, True),
            "ours, bucketed before speed": lambda epoch: ours(folder, cuts, arguments, epoch, False),
            "lhotse": lambda epoch: lhotse(folder, cuts, arguments, epoch),
        }
        runs: dict[str, list[Run]] = {name: [] for name in sides}
        for number in range(arguments.rounds):
            for name, batches in sides.items():
                runs[name].append(measured(batches(number)))
                print(f"round {number + 1}  {runs[name][-1].line(name)}", flush=True)
    print()
    middle = {name: Run(*(median(getattr(one, key) for one in of) for key in Run.__annotations__)) for name, of in runs.items()}
    for name, one in middle.items():
        print(one.line(name))
    ratio = (middle["ours"].speech / middle["ours"].cpu) / (middle["lhotse"].speech / middle["lhotse"].cpu)
    print(f"ours against lhotse, by CPU time: {ratio:.2f}")


def measured(batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Run:
    """Run through (features (N, T, 80), frames (N,)), from the second batch on."""
    padded = frames = 0
    started = 0.0
    before = 0.0
    for number, (features, lengths) in enumerate(batches):
        if number:
            padded += features.shape[0] * features.shape[1]
            frames += int(lengths.sum())
        else:
            started, before = time.monotonic(), cpu_seconds()
    return Run(frames / 100, time.monotonic() - started, cpu_seconds() - before, 1 - frames / padded)


def cpu_seconds() -> float:
    """Of this process and of its workers, living and dead (Linux)."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            values = stat.read_text().rpartition(")")[2].split()  # state, ppid, …, utime, stime
        except OSError:
            continue
        if int(values[1]) == os.getpid():
            total += (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
    return total


# The corpus


def seconds_of_clips(total: float, whole: bool) -> list[float]:
    """Lengths of clips, log-normal between the published bounds and with the published mean; or of what they are cut into."""
    random = np.random.default_rng(0)
    spread = 0.75
    lengths: list[float] = []
    while sum(lengths) < total:
        length = float(np.exp(random.normal(np.log(CLIPS["mean"]) - spread**2 / 2, spread)))
        if not CLIPS["shortest"] <= length <= CLIPS["longest"]:
            continue
        while length > LIMIT and not whole:  # a pause is found somewhere in the last two thirds of what is allowed
            lengths.append(float(random.uniform(LIMIT / 3, min(LIMIT, length - 1.0))))
            length -= lengths[-1]
        lengths.append(length)
    return lengths


def write_corpus(folder: Path, lengths: list[float]) -> Path:
    """flac files and a cuts file; noise/ beside them; a tokenizer."""
    import soundfile

    write_noise(folder)
    speech = voice(60.0)
    noise = np.random.default_rng(1).standard_normal(len(speech)).astype(np.float32)
    speech += noise * np.float32(np.sqrt(np.mean(speech**2) / 10))
    sizes = sorted(lengths)[:: -max(1, len(lengths) // FILES)][::-1]  # of the files; each cut is the beginning of one
    for number, seconds in enumerate(sizes):
        soundfile.write(folder / f"{number}.flac", np.resize(np.roll(speech, 977 * number), round(seconds * RATE)), RATE)
    rows = []
    for number, seconds in enumerate(lengths):
        file = bisect_left(sizes, seconds)
        samples, size = round(seconds * RATE), round(sizes[file] * RATE)
        common = {"id": f"u{number}", "start": 0.0, "duration": samples / RATE, "channel": 0}
        source = {"type": "file", "channels": [0], "source": str(folder / f"{file}.flac")}
        recording = {"id": f"u{number}", "sources": [source], "sampling_rate": RATE, "num_samples": size}
        supervision = common | {"recording_id": f"u{number}", "text": "μια φορά τζι έναν τζαιρόν " * round(seconds / 2 + 1)}
        rows.append(
            common | {"supervisions": [supervision], "type": "MonoCut", "recording": recording | {"duration": size / RATE}}
        )
    np.random.default_rng(2).shuffle(rows)  # type: ignore[arg-type]
    write_jsonl_gz(folder / "train.jsonl.gz", rows)
    tokenizer.train(["μια φορά τζι έναν τζαιρόν"], "char", folder / "tokenizer_char")
    return folder / "train.jsonl.gz"


# We


def ours(
    folder: Path, cuts: Path, arguments: argparse.Namespace, epoch: int, heard: bool
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    from cyasr.systems.espnet import Collate, Conf
    from cyasr.training import Loading

    keys = confs.read(Path("conf/train_ebranchformer_10h.yaml"))
    noise = [{"path": str(folder / "noise"), "snr": [10, 20], "probability": 1.0}]
    conf = confs.build(keys | {"noise_from": noise, "speed": [0.9, 1.0, 1.1]}, Conf, cuts)
    collate = Collate(tokenizer.Tokenizer.load(folder / "tokenizer_char"), conf, train=True)
    batches = GlobalBatches(cuts, arguments.batch_seconds, arguments.buckets, 1, heard=Augment.of(conf).heard if heard else None)
    shares = Shares(batches, epoch, 0, 0, 1, 0.0)
    for item in DataLoader(Loading(collate), sampler=shares, batch_size=None, num_workers=arguments.workers):  # type: ignore[arg-type]
        yield item["batch"].features, item["batch"].feature_lengths


# lhotse


def lhotse(folder: Path, cuts: Path, arguments: argparse.Namespace, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    from lhotse import CutSet, Fbank, FbankConfig, Recording
    from lhotse.dataset import (
        CutMix,
        DynamicBucketingSampler,
        K2SpeechRecognitionDataset,
        OnTheFlyFeatures,
        PerturbSpeed,
        SpecAugment,
    )

    noises = CutSet.from_cuts(Recording.from_file(path).to_cut() for path in sorted((folder / "noise").glob("*.wav")))
    dataset = K2SpeechRecognitionDataset(
        cut_transforms=[PerturbSpeed(factors=[0.9, 1.1], p=2 / 3), CutMix(noises, snr=(10, 20), p=1.0)],
        input_strategy=OnTheFlyFeatures(Fbank(FbankConfig(num_mel_bins=80))),
        input_transforms=[SpecAugment(time_warp_factor=None, num_feature_masks=2, features_mask_size=27, num_frame_masks=5)],
    )
    sampler = DynamicBucketingSampler(
        CutSet.from_jsonl_lazy(cuts), max_duration=arguments.batch_seconds, num_buckets=arguments.buckets, shuffle=True, seed=1
    )
    sampler.set_epoch(epoch)
    for batch in DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=arguments.workers):  # type: ignore[arg-type]
        yield batch["inputs"], batch["supervisions"]["num_frames"]


if __name__ == "__main__":
    run(main)
