"""How exactly long recordings are segmented, where the truth is known: utterances joined with short gaps, in noise.

    python tools/bench/segment.py --exp exp/mini/train_ebranchformer_mini

The utterances of a split, in random order, with gaps of 0 to 0.3 s, noise at 10 dB over all of it. A tenth of the sentences
is missing from the transcript (said, not written) or extra in it (written, not said, taken from another split). Printed:
how far the boundaries of sentences lie from those of the speech that was put there (silence at the edges of an
utterance taken off, sentences that were not found counted as wrong), and which missing and extra ones were found.

Beside it the best path to which the transcript is all of the speech and nothing else, what torchaudio.functional's
forced_align gives (whose compiled part the CPU build of the lock lacks): ours with all else at a prohibitive price.
The same again with a faithful transcript.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

RATE = 16_000
NOISE_SECONDS = 0.4  # as cyasr.segment.segmenter: shorter speech outside the transcript is not told
NEVER = 1e6  # a price that nothing is worth
MISSED = 1e3  # seconds off of a sentence that was not found


@dataclass(frozen=True)
class Said:
    """An utterance in the recording, from its first sound to its last, in seconds; sentence: its place in the transcript."""

    start: float
    end: float
    sentence: int | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/train_<system>, trained")
    parser.add_argument("--data", type=Path, help="data/<set> (default: the one it was trained on)")
    parser.add_argument("--split", default="test")
    parser.add_argument("--extra-from", default="dev", help="split whose sentences are written and not said")
    parser.add_argument("--utterances", type=int, default=1000, help="at most (default: all)")
    parser.add_argument("--gap", type=float, default=0.3, help="seconds, at most (default: 0.3)")
    parser.add_argument("--snr", type=float, default=10.0, help="dB (default: 10)")
    parser.add_argument("--wrong", type=float, default=0.1, help="share of sentences missing or extra (default: 0.1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--costs", default="", help="other prices: filler=20,skip=8")
    arguments = parser.parse_args()
    from cyasr.files import read_json
    from cyasr.segment.aligner import Aligner
    from cyasr.segment.graph import LOOSE, Costs

    data = arguments.data or Path(str(read_json(arguments.exp / "run.json")["data"]))
    changed = {key: float(value) for key, _, value in (one.partition("=") for one in arguments.costs.split(",") if one)}
    if unknown := changed.keys() - {field.name for field in fields(Costs)}:
        sys.exit(f"--costs: there is no {', '.join(sorted(unknown))}")
    aligner = Aligner(arguments.exp)
    prices = {
        "ours, for transcripts to be trusted": replace(Costs(), **changed),
        "ours, for loose ones": replace(LOOSE, **changed),
        "nothing missing, nothing extra": Costs(0.0, NEVER, NEVER, NEVER, NEVER, beam=1e9),
    }
    for wrong in (arguments.wrong, 0.0):
        audio, transcript, said = joined(data, arguments, wrong)
        seconds = len(audio) / RATE
        print(f"\n{len(said)} utterances, {seconds:.0f} s, gaps to {arguments.gap} s, noise {arguments.snr:g} dB,", end=" ")
        print(f"{wrong:.0%} of the sentences missing or extra; windows of {aligner.window.seconds:g} s")
        for name, costs in prices.items():
            heard, spent = timed(aligner, transcript, audio, costs)
            print(f"{name}: {spent:.1f} s, real-time factor {spent / seconds:.4f}")
            report(heard, transcript, said)


def joined(data: Path, arguments: argparse.Namespace, share: float) -> tuple[np.ndarray, list[str], list[Said]]:
    """(samples, sentences as written, utterances as said)."""
    from lhotse import CutSet

    from cyasr.data.audio import load

    draw = random.Random(arguments.seed)
    cuts = list(CutSet.from_file(data / f"{arguments.split}.jsonl.gz"))[: arguments.utterances]
    draw.shuffle(cuts)
    others = [cut.supervisions[0].text for cut in CutSet.from_file(data / f"{arguments.extra_from}.jsonl.gz")]
    spoken = {cut.supervisions[0].text for cut in cuts}
    others = draw.sample([text for text in others if text not in spoken], len(cuts))
    wrong = set(draw.sample(range(len(cuts)), round(share * len(cuts))))
    missing = set(draw.sample(sorted(wrong), len(wrong) // 2))
    parts: list[np.ndarray] = []
    transcript: list[str] = []
    said: list[Said] = []
    at = 0
    for n, cut in enumerate(cuts):
        samples = load(cut)
        first, last = sounding(samples)
        sentence = None
        if n not in missing:
            sentence = len(transcript)
            transcript.append(cut.supervisions[0].text)
        if n in wrong - missing:
            transcript.append(others[n])
        said.append(Said((at + first) / RATE, (at + last) / RATE, sentence))
        gap = np.zeros(int(draw.uniform(0, arguments.gap) * RATE), np.float32)
        parts += [samples, gap]
        at += len(samples) + len(gap)
    audio = np.concatenate(parts)
    noise = np.random.default_rng(arguments.seed).standard_normal(len(audio)).astype(np.float32)
    noise *= np.sqrt(np.mean(audio**2) / np.mean(noise**2)) * 10 ** (-arguments.snr / 20)
    return audio + noise, transcript, said


def sounding(samples: np.ndarray) -> tuple[int, int]:
    """First and one past the last sample that is no silence: within 35 dB of the loudest 10 ms, and 6 dB above the softest
    (the embedded corpus has noise of its own)."""
    step = RATE // 100
    power = np.square(samples[: len(samples) // step * step]).reshape(-1, step).mean(axis=1)
    loud = np.flatnonzero(power > max(power.max() * 10**-3.5, np.percentile(power, 5) * 10**0.6))
    return int(loud[0]) * step, (int(loud[-1]) + 1) * step


def timed(aligner: Any, transcript: list[str], audio: np.ndarray, costs: Any) -> tuple[list[Any], float]:
    """What was heard, and the seconds it took (compiled before)."""
    from cyasr.segment.transcript import sentences

    found = [sentence for text in transcript for sentence in sentences(text)]
    assert len(found) == len(transcript)
    blocks = [audio[first : first + 20 * RATE] for first in range(0, len(audio), 20 * RATE)]
    aligner.align(found[:2], blocks[:1], costs)
    started = time.perf_counter()
    heard = aligner.align(found, blocks, costs)
    return heard, time.perf_counter() - started


def report(heard: list[Any], transcript: list[str], said: list[Said]) -> None:
    spans: dict[int, list[float]] = {}
    for one in heard:
        if one.sentence is not None:
            spans.setdefault(one.sentence, [one.start, one.end])[1] = one.end
    off = [
        abs(found - true)
        for one in said
        if one.sentence is not None
        for found, true in zip(spans.get(one.sentence, (np.inf, np.inf)), (one.start, one.end), strict=True)
    ]
    off = [min(one, MISSED) for one in off]
    within = " ".join(f"{np.mean(np.array(off) <= limit):.1%} within {limit} s," for limit in (0.05, 0.1, 0.2, 0.5))
    print(f"  boundaries of sentences: {within} median {np.median(off):.3f} s, 90 % below {np.percentile(off, 90):.3f} s")
    spoken = {one.sentence for one in said if one.sentence is not None}
    unheard = set(range(len(transcript))) - spans.keys()
    extra = set(range(len(transcript))) - spoken
    found_and_all("written, not said", len(unheard & extra), len(unheard), len(extra))
    loose = [one for one in heard if one.sentence is None and one.end - one.start >= NOISE_SECONDS]
    missing = [one for one in said if one.sentence is None]
    right = sum(any(overlap(one, true) >= 0.5 * (one.end - one.start) for true in missing) for one in loose)
    recalled = sum(sum(overlap(one, true) for one in loose) >= 0.5 * (true.end - true.start) for true in missing)
    found_and_all("said, not written", right, len(loose), len(missing), recalled)


def found_and_all(name: str, right: int, found: int, there: int, recalled: int | None = None) -> None:
    recall = right if recalled is None else recalled
    print(f"  {name}: {there} there, {found} found; precision {right}/{found}, recall {recall}/{there}")


def overlap(one: Any, other: Said) -> float:
    return float(max(0.0, min(one.end, other.end) - max(one.start, other.start)))


if __name__ == "__main__":
    main()
