"""Waveforms of cuts at 16 kHz, augmented the same way whichever process or worker loads them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from lhotse.cut import Cut
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE


@dataclass(frozen=True)
class Augment:
    """speed: factors to choose from (pitch moves with them); noise_snr: [lowest, highest] dB of added noise, or empty."""

    seed: int
    speed: tuple[float, ...] = (1.0,)
    noise_snr: tuple[float, ...] = ()

    def random(self, epoch: int, cut: Cut) -> np.random.Generator:
        """A generator for one cut in one epoch: independent of workers, ranks and what was loaded before."""
        digest = hashlib.blake2b(f"{self.seed} {epoch} {cut.id}".encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest, "little"))


def load(cut: Cut) -> NDArray[np.float32]:
    """The cut's first channel, (samples,) at 16 kHz in -1..1. Raises RunError naming the cut where it cannot be read."""
    if cut.sampling_rate != SAMPLE_RATE:
        cut = cut.resample(SAMPLE_RATE)
    try:
        audio: NDArray[np.float32] = cut.load_audio()
    except Exception as error:  # lhotse passes on whatever its backends raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RunError(f"{cut.id}: {cut.recording.sources[0].source} cannot be read ({reason}); run stage 2 again") from error
    return audio[0]


def load_augmented(cut: Cut, augment: Augment, random: np.random.Generator) -> NDArray[np.float32]:
    """`load`, then speed perturbation (Ko et al., Interspeech 2015) and noise with a random spectral tilt."""
    factor = float(random.choice(augment.speed))
    if factor != 1.0:
        cut = cut.perturb_speed(factor)
    audio = load(cut)
    if augment.noise_snr:
        audio = add_noise(audio, random.uniform(augment.noise_snr[0], augment.noise_snr[1]), random)
    return audio


def add_noise(audio: NDArray[np.float32], snr: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Add Gaussian noise between white and low-pass, at random, `snr` dB below the signal's mean power."""
    from scipy.signal import lfilter

    white = random.standard_normal(len(audio), dtype=np.float32)
    noise = lfilter([1.0], [1.0, -random.uniform(0.0, 0.95)], white).astype(np.float32)
    gain = np.sqrt(np.mean(audio**2) / (10 ** (snr / 10) * np.mean(noise**2) + 1e-12))
    return audio + np.float32(gain) * noise
