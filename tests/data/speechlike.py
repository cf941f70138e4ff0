"""Signals with known truth: something like speech, and what happens to recordings of it."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import ellip, lfilter, sosfilt

Audio = NDArray[np.float32]


def speech(seconds: float = 6.0, rate: int = 16_000, seed: int = 0) -> Audio:
    """Voiced and unvoiced syllables of changing formants, a third of the time silent; peak 0.5. The same seed says the same."""
    random = np.random.default_rng(seed)
    pitch = random.uniform(90, 220)
    parts: list[NDArray[np.float64]] = []
    while sum(map(len, parts)) < seconds * rate:
        samples = int(random.uniform(0.12, 0.3) * rate)
        times = np.arange(samples) / rate
        if random.random() < 0.7:
            glide = pitch * random.uniform(0.8, 1.25) * (1 + random.uniform(-0.2, 0.2) * times / times[-1])
            phase = np.cumsum(glide) / rate
            source = (np.diff(np.floor(phase), prepend=0) > 0).astype(float) + 0.01 * random.standard_normal(samples)
        else:
            source = 0.15 * np.diff(random.standard_normal(samples), prepend=0.0)
        for formant in (random.uniform(250, 850), random.uniform(900, 2300), random.uniform(2400, 3300)):
            if formant < 0.45 * rate:
                source = lfilter([1.0], [1.0, -1.9 * np.cos(2 * np.pi * formant / rate), 0.9025], source)
        parts.append(source * np.hanning(samples) / (np.abs(source).max() + 1e-9) * random.uniform(0.3, 1.0))
        parts.append(np.zeros(int(random.uniform(0.02, 0.2) * rate)))
    audio = np.concatenate(parts)[: int(seconds * rate)]
    return (0.5 * audio / np.abs(audio).max()).astype(np.float32)


def noisy(audio: Audio, snr: float, tilt: float = 0.0, seed: int = 1) -> Audio:
    """Steady noise added, `snr` dB below the mean power of all of `audio`; tilt: 0 white, towards 1 low."""
    noise = lfilter([1.0], [1.0, -tilt], np.random.default_rng(seed).standard_normal(len(audio)))
    noise *= np.sqrt(np.mean(audio.astype(float) ** 2) / np.mean(noise**2) / 10 ** (snr / 10))
    return (audio + noise).astype(np.float32)


def low_pass(audio: Audio, cutoff: float, rate: int = 16_000) -> Audio:
    return sosfilt(ellip(10, 0.1, 80, cutoff, fs=rate, output="sos"), audio).astype(np.float32)


def in_16_bits(audio: Audio) -> Audio:
    return (np.rint(np.clip(audio, -1, 1) * 32767) / 32768).astype(np.float32)


def through(audio: Audio, rate: int, container: str, codec: str) -> tuple[Audio, int]:
    """Encoded and decoded again: (audio, its rate)."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format=container, subtype=codec) as out:
        for start in range(0, len(audio), 8000):  # libsndfile's Vorbis and Opus crash on long blocks
            out.write(audio[start : start + 8000])
    file.seek(0)
    return soundfile.read(file, dtype="float32")
