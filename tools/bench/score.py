"""Scoring against jiwer and sclite: ours, the peer's and the ratio, from one run, rounds interleaved, medians.

    python tools/bench/score.py --utterances 20000 --rounds 5

The set is made here: sentences of 17.5 words on the average, Zipf's law over Greek-looking words, hypotheses with some
15 % of errors and spelling variants among them. Everything runs in one process and thread; seconds are CPU time, which
other work on the machine does not stretch. Imports and compilation (shown apart) are in neither side's seconds.

  jiwer   process_words: alignments and counts, from lists of texts in memory; ours: wer.align_texts and a breakdown
  sclite  trn files to counts by speaker (-o rsum); ours: the same files read, joined, aligned, counted by speaker
  lenient the whole ladder, strict, fold and lenient rungs with what was used, from those files; the peer is sclite again
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from cyasr.score import ladder, wer
from cyasr.score.formats import nist
from cyasr.score.join import Joined
from cyasr.score.statistics import bootstrap
from cyasr.text import variants

SYLLABLES = [onset + vowel for onset in "β γ δ θ κ κκ λ μ μμ ν π ππ ρ σ σ̆ τ ττ τζ̆ φ χ".split() for vowel in "αειο"]  # noqa: SIM905
VARIANTS = (("σ̆", "σι"), ("τζ̆", "τζι"), ("κκ", "κ"), ("ππ", "π"))
SPEAKERS = 40

PAIRS = (
    ("ours, in memory", "jiwer process_words"),
    ("ours, in memory", "sclite"),
    ("ours, trn files", "sclite"),
    ("ours, ladder", "sclite"),
)

Texts = tuple[list[str], list[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    texts = make(arguments.utterances)
    speakers = [f"s{i % SPEAKERS:02}" for i in range(arguments.utterances)]
    words = sum(len(text.split()) for text in texts[0])
    print(f"{arguments.utterances:,} utterances, {words:,} words, {SPEAKERS} speakers; CPU seconds, median of {arguments.rounds}")
    start = time.process_time()
    aligned, rungs = in_memory(texts), ladder.climb(*split(texts))
    bootstrap.interval(aligned.errors[:2], aligned.errors[:2], ["a", "b"])
    print(f"first call, imports, compiled code loaded or made: {time.process_time() - start:.2f} s")
    print(f"errors: strict {aligned.errors.sum():,}, fold {rungs.fold_errors.sum():,}, lenient {rungs.lenient_errors.sum():,}")
    with tempfile.TemporaryDirectory() as work:
        files = Path(work) / "ref.trn", Path(work) / "hyp.trn"
        for path, side in zip(files, texts, strict=True):
            lines = (f"{text} ({speaker}-{i})\n" for i, (text, speaker) in enumerate(zip(side, speakers, strict=True)))
            path.write_text("".join(lines), encoding="utf-8")
        runs: dict[str, Callable[[], object]] = {
            "ours, in memory": lambda: in_memory(texts),
            "ours, trn files": lambda: from_files(files),
            "ours, ladder": lambda: climbed(files),
            "ours, 10,000 resamples": lambda: resampled(aligned, speakers),
        }
        if importlib.util.find_spec("jiwer"):
            runs["jiwer process_words"] = lambda: jiwer_words(texts)
        sclite = shutil.which("sctk")
        if sclite:
            runs["sclite"] = lambda: sclite_sum(files)
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        errors: dict[str, object] = {}
        for _ in range(arguments.rounds):
            for name, work_of in runs.items():
                start = cpu()
                errors[name] = work_of()
                seconds[name].append(cpu() - start)
    took = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in took.items():
        print(f"  {name:24}{value:8.3f} s   (from {min(seconds[name]):.3f} to {max(seconds[name]):.3f})")
    for ours, peer in PAIRS:
        if peer in took:
            print(f"  {ours} is {took[peer] / took[ours]:.1f} times as fast as {peer}")
        else:
            print(f"  {peer.split()[0]} is not installed: no peer for {ours}")
    for name in ("jiwer process_words", "sclite"):
        if name in errors:
            print(f"  total errors: ours {int(aligned.errors.sum()):,}, {name} {errors[name]}")


def make(utterances: int) -> Texts:
    """Texts of both sides."""
    draw = random.Random(1)
    vocabulary = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(30_000)]
    ranks = np.minimum(np.random.default_rng(1).zipf(1.25, 40 * utterances), len(vocabulary)) - 1
    words = iter([vocabulary[rank] for rank in ranks.tolist()])
    licensed = variants.licences()
    refs, hyps = [], []
    for _ in range(utterances):
        ref = [next(words) for _ in range(max(1, min(35, round(draw.gauss(17.5, 7)))))]
        hyp = []
        for word in ref:
            kind = draw.random()
            if kind < 0.06:
                hyp.append(draw.choice(vocabulary))
            elif kind < 0.12:
                hyp.append(respelled(word))
            elif kind < 0.14:
                hyp += [word, draw.choice(vocabulary)]
            elif kind > 0.97:
                continue
            else:
                hyp.append(word)
        if draw.random() < 0.1:  # a phrase and what it is licensed to stand for
            one, other, _ = draw.choice(licensed)
            ref.append(one)
            hyp.append(other)
        refs.append(" ".join(ref))
        hyps.append(" ".join(hyp))
    return refs, hyps


def respelled(word: str) -> str:
    for one, other in VARIANTS:
        if one in word:
            return word.replace(one, other)
    return f"{word}ν"


def in_memory(texts: Texts) -> wer.Alignments:
    aligned = wer.align_texts(*texts)
    aligned.counts.sum(axis=0)
    return aligned


def chunks(files: tuple[Path, Path], size: int) -> Iterator[tuple[Texts, list[str]]]:
    """Both sides' texts brought together by id, and their speakers, as steps.score reads them."""
    pairs = Joined(nist.read_trn(files[0]), nist.read_trn(files[1]), ("ref", "hyp")).pairs()
    while chunk := list(islice(pairs, size)):
        yield ([one.text for one, _ in chunk], [one.text for _, one in chunk]), [one.speaker or "" for one, _ in chunk]


def from_files(files: tuple[Path, Path]) -> int:
    counted: Counter[str] = Counter()
    for texts, speakers in chunks(files, 512):
        aligned = in_memory(texts)
        names, codes = np.unique(speakers, return_inverse=True)
        by_speaker = np.stack([np.bincount(codes, column, len(names)) for column in aligned.counts.T], axis=1)
        counted.update(dict(zip(names.tolist(), by_speaker[:, 1:].sum(axis=1).tolist(), strict=True)))
    return int(sum(counted.values()))


def climbed(files: tuple[Path, Path]) -> int:
    total = 0
    for texts, _ in chunks(files, 4096):
        rungs = ladder.climb(*split(texts), wer.align_texts(*texts))
        total += int(rungs.lenient_errors.sum()) + len(rungs.used)
    return total


def split(texts: Texts) -> tuple[list[list[str]], list[list[str]]]:
    return [text.split() for text in texts[0]], [text.split() for text in texts[1]]


def resampled(aligned: wer.Alignments, speakers: list[str]) -> bootstrap.Interval:
    """At utterance level, the more costly one: as if there were one speaker."""
    return bootstrap.interval(aligned.errors, aligned.counts[:, : wer.INSERTION].sum(axis=1), [speakers[0]] * len(speakers))


def jiwer_words(texts: Texts) -> int:
    import jiwer

    out = jiwer.process_words(*texts)
    return int(out.substitutions + out.deletions + out.insertions)


def sclite_sum(files: tuple[Path, Path]) -> str:
    """Its own count of errors: the last column but one of the sum, in percent of words."""
    sides = ["-r", str(files[0]), "trn", "-h", str(files[1]), "trn"]
    command = ["sctk", "sclite", *sides, "-i", "spu_id", "-e", "utf-8", "-s", "-o", "rsum", "stdout"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    total = next(line for line in out.splitlines() if line.lstrip("| ").startswith("Sum "))
    return total.replace("|", " ").split()[-2]


def cpu() -> float:
    """Seconds of this process and its children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
