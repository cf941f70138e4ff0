"""Recorded noise, music and talk, added at a given distance below the speech."""

from __future__ import annotations

import hashlib
import heapq
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError, UsageError
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.data.augment.conf import NoiseConf
from cyasr.data.seen import hash64
from cyasr.files import read_jsonl_gz

AUDIO = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".au", ".sph"})
MOST = 10_000  # stretches of a source that are used; of more, those that a hash of their names draws


@dataclass(frozen=True)
class Stretch:
    """A file from `start` on, for `seconds` (None: to its end)."""

    path: str
    start: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True)
class Noise:
    """One of a conf's `noise_from`."""

    conf: NoiseConf

    @cached_property
    def stretches(self) -> list[Stretch]:
        """All there is to draw from, in an order that depends on names alone. Raises UsageError where there is nothing."""
        path = Path(self.conf.path)
        if path.is_dir():
            found = {name: Stretch(os.path.join(path, name)) for name in _files(path)}
        elif path.name.endswith(".jsonl.gz"):
            found = _listed(path)
        else:
            raise UsageError(f"noise_from: {path} is neither a folder nor a Lhotse manifest (.jsonl.gz)")
        if not found:
            raise UsageError(f"noise_from: {path} holds no audio")
        return [found[name] for name in heapq.nsmallest(MOST, found, key=lambda name: (hash64(name), name))]

    def digest(self) -> str:
        """Of what is drawn from: names, and sizes of files."""
        lines = (f"{one.path}\0{one.start}\0{one.seconds}\0{_size(one.path)}\n" for one in self.stretches)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def draw(self, random: np.random.Generator, samples: int) -> NDArray[np.float32]:
        """(samples,) of one stretch, or of several voices at once, each as loud as the others."""
        low, high = self.conf.voices
        voices = []
        for _ in range(int(random.integers(low, high + 1))):
            one = self.stretches[int(random.integers(len(self.stretches)))]
            voices.append(excerpt(one, random, samples))
        if len(voices) == 1:
            return voices[0]
        loudness = [np.float32(np.sqrt(np.dot(voice, voice) / samples) + 1e-6) for voice in voices]
        total: NDArray[np.float32] = sum(voice / rms for voice, rms in zip(voices, loudness, strict=True))  # type: ignore[assignment]
        return total


def digests(sources: Iterable[NoiseConf]) -> dict[str, str]:
    """Digest by source, for an experiment's inputs. Raises UsageError where one is missing or empty."""
    return {f"noise_from: {source.path}": Noise(source).digest() for source in sources}


def add_at(audio: NDArray[np.float32], noise: NDArray[np.float32], snr: float) -> NDArray[np.float32]:
    """`audio` with `noise`, whose mean power is brought `snr` dB below the audio's. Silence is not amplified."""
    gain = np.sqrt(np.mean(audio**2) / (10 ** (snr / 10) * np.mean(noise**2) + 1e-12))
    return audio + np.float32(gain) * noise


def excerpt(stretch: Stretch, random: np.random.Generator, samples: int) -> NDArray[np.float32]:
    """(samples,) at 16 kHz from anywhere in `stretch`, which goes round where it is shorter. Raises RunError, naming it."""
    import soundfile
    import soxr

    try:
        with soundfile.SoundFile(stretch.path) as sound:
            rate = sound.samplerate
            first = round(stretch.start * rate)
            there = sound.frames - first
            if stretch.seconds is not None:
                there = min(there, round(stretch.seconds * rate))
            wanted = -(-samples * rate // SAMPLE_RATE) + 1
            offset = int(random.integers(max(1, there - wanted + 1)))
            sound.seek(first + offset)
            audio: NDArray[np.float32] = sound.read(min(wanted, there), dtype="float32", always_2d=True)[:, 0]
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        raise RunError(f"noise_from: {stretch.path} cannot be read ({error}); take it out") from error
    if not len(audio):
        raise RunError(f"noise_from: {stretch.path} holds no samples; take it out")
    if rate != SAMPLE_RATE:
        audio = soxr.resample(audio, rate, SAMPLE_RATE, quality="MQ")
    if len(audio) < samples:
        return np.resize(np.roll(audio, -int(random.integers(len(audio)))), samples)
    return audio[:samples]


def _files(folder: Path) -> list[str]:
    """Audio below `folder`, in whatever depth."""
    return [
        os.path.relpath(os.path.join(directory, name), folder)
        for directory, _, names in os.walk(folder)
        for name in names
        if os.path.splitext(name)[1].lower() in AUDIO
    ]


def _listed(path: Path) -> dict[str, Stretch]:
    """What a manifest of recordings or cuts names. A large one is thinned on the way."""
    found: dict[str, Stretch] = {}
    limit = 1 << 64
    for row in read_jsonl_gz(path):
        name = str(row.get("id", ""))
        recording = row.get("recording", row)
        if hash64(name) > limit or "sources" not in recording:
            continue
        start, seconds = (row["start"], row["duration"]) if "recording" in row else (0.0, None)
        found[name] = Stretch(str(recording["sources"][0]["source"]), start, seconds)
        if len(found) > 2 * MOST:
            found = {name: found[name] for name in heapq.nsmallest(MOST, found, key=hash64)}
            limit = max(map(hash64, found))
    return found


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise UsageError(f"noise_from: {path}: {error.strerror}") from None
