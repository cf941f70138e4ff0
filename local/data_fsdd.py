"""Free Spoken Digit Dataset (real speech, 8 kHz): strings of digits put together from one speaker's clips.

A clip {digit}_{speaker}_{index}.wav belongs by its index to the train, dev or test pool of its speaker. In each of a
pool's `uses` all of its clips are shuffled and cut into strings of 3 to 7 digits, with gaps of 0.05 to 0.3 s of
noise at the level of the clips' own background; so every clip is heard, equally often.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.audiofile import AudioError, read_header, write_wav
from cyasr.data.corpus import SPLITS, DataConf, Reject, Utterance, main

GET = (
    "Free Spoken Digit Dataset (CC BY-SA 4.0): get the GitHub project Jakobovski/free-spoken-digit-dataset and give the "
    "folder with its recordings/{digit}_{speaker}_{index}.wav"
)
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLIP = re.compile(r"(\d)_([^_]+)_(\d+)")
RATE = 8000
GAP_SECONDS = (0.05, 0.3)
FADE = RATE // 200  # 5 ms, so that a clip does not start with a click
Samples = NDArray[np.float32]


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """Write the strings to `raw`/audio and yield them; clips that cannot be used are rejects."""
    options = read_options(conf)
    shutil.rmtree(raw / "audio", ignore_errors=True)
    (raw / "audio").mkdir(parents=True)
    pools: dict[tuple[str, str], dict[str, Samples]] = {}  # (speaker, pool) -> clip name -> samples
    folder = corpus_dir / "recordings"
    for path in sorted((folder if folder.is_dir() else corpus_dir).glob("*.wav")):
        match = CLIP.fullmatch(path.stem)
        samples = read_clip(path) if match else "file name is not {digit}_{speaker}_{index}.wav"
        if isinstance(samples, str) or not match:
            yield Reject(path.stem, str(path), str(samples))
            continue
        for pool in (pool for pool, (first, last) in options.clips.items() if first <= int(match[3]) <= last):
            pools.setdefault((match[2], pool), {})[path.stem] = samples
    for (speaker, pool), clips in sorted(pools.items()):
        seed = hashlib.sha256(f"{conf.seed} {speaker} {pool}".encode()).digest()
        random = np.random.default_rng(list(seed))
        names = [string for _ in range(options.uses[pool]) for string in deal(sorted(clips), options.digits, random)]
        for number, string in enumerate(names):
            audio = raw / "audio" / f"{speaker}-{pool}-{number:04}.wav"
            write_wav(audio, join([clips[name] for name in string], random), RATE)
            text = " ".join(WORDS[int(name[0])] for name in string)
            yield Utterance(audio.stem, audio, text, speaker, split=pool, sources=tuple(string))


@dataclass
class Options:
    """conf.options. clips: pool -> [first, last] index; uses: pool -> how often each clip is heard; digits: [3, 7]."""

    clips: dict[str, list[int]]
    uses: dict[str, int]
    digits: list[int]

    def __post_init__(self) -> None:
        if set(self.clips) != set(SPLITS) or set(self.uses) != set(SPLITS) or {len(pair) for pair in self.clips.values()} != {2}:
            raise ValueError("clips and uses need train, dev and test; clips a first and a last index of each")
        if len(self.digits) != 2 or not 1 <= self.digits[0] * 2 - 1 <= self.digits[1]:
            raise ValueError("digits: needs [shortest, longest], longest at least twice the shortest less one")

    def overlap(self, first: str, second: str) -> bool:
        """Whether two pools have a clip in common."""
        pools = self.clips[first], self.clips[second]
        return max(pool[0] for pool in pools) <= min(pool[1] for pool in pools)


def read_options(conf: DataConf) -> Options:
    """Raises UsageError, also where a clip would come into two splits."""
    options = confs.build(conf.options, Options, Path("options"))
    for first, second in combinations(SPLITS, 2):
        other_speakers = conf.split == "folds" and second == "test"
        if options.overlap(first, second) and not other_speakers:
            raise UsageError(f"options: clips: {first} and {second} overlap; no clip may be in two splits")
    return options


def read_clip(path: Path) -> Samples | str:
    """(samples,) in -1..1, or what is wrong with the file."""
    try:
        header = read_header(path)
        samples: Samples = soundfile.read(str(path), dtype="float32")[0]
    except (AudioError, soundfile.LibsndfileError) as error:
        return str(error)
    if header.rate != RATE or header.channels != 1:
        return f"expected {RATE} Hz mono, got {header.rate} Hz and {header.channels} channels"
    if len(samples) < header.frames or len(samples) < 4 * FADE:
        return f"truncated: claims {header.frames} samples, has {len(samples)}"
    return samples


def deal(names: list[str], digits: list[int], random: np.random.Generator) -> Iterator[list[str]]:
    """All `names` in random order, in strings of digits[0] to digits[1] (fewer names than that make one string)."""
    order = [names[index] for index in random.permutation(len(names))]
    while order:
        length = int(random.integers(digits[0], digits[1] + 1))
        if len(order) - length < digits[0]:
            length = len(order) if len(order) <= digits[1] else len(order) - digits[0]
        yield order[:length]
        order = order[length:]


def join(clips: list[Samples], random: np.random.Generator) -> Samples:
    """The clips one after another over a bed of faint noise, with a gap before, between and behind them."""
    gaps = (random.uniform(*GAP_SECONDS, size=len(clips) + 1) * RATE).astype(int)
    level = float(np.median([background(clip) for clip in clips]))
    noise = random.standard_normal(sum(map(len, clips)) + int(gaps.sum()) + 2)
    string: Samples = (level * np.convolve(noise, [0.41, 0.82, 0.41], mode="valid")).astype(np.float32)  # unit variance
    ramp = np.linspace(0.0, 1.0, FADE, dtype=np.float32)
    at = 0
    for gap, clip in zip(gaps, clips, strict=False):
        at += int(gap)
        shape = np.concatenate([ramp, np.ones(len(clip) - 2 * FADE, np.float32), ramp[::-1]])
        string[at : at + len(clip)] = string[at : at + len(clip)] * (1 - shape) + clip * shape
        at += len(clip)
    return string


def background(clip: Samples) -> float:
    """Root mean square of the clip's quiet 10 ms frames (10th percentile), within -72 to -46 dB of full scale."""
    frames = clip[: len(clip) // (RATE // 100) * (RATE // 100)].reshape(-1, RATE // 100)
    return float(np.clip(np.percentile(np.sqrt((frames**2).mean(axis=1)), 10), 2.5e-4, 5e-3))


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
