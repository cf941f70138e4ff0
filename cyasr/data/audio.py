"""Waveforms of cuts at 16 kHz, augmented the same way whichever process or worker loads them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from lhotse.cut import Cut
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.data.augment.noise import Noise, add_at

if TYPE_CHECKING:
    from cyasr.experiment import TrainConf


@dataclass(frozen=True)
class Augment:
    """What becomes of a waveform, in this order: factors, [lowest, highest] or probabilities of conf/train_*.yaml."""

    seed: int
    speed: tuple[float, ...] = (1.0,)
    tempo: tuple[float, ...] = ()
    pitch: tuple[float, ...] = ()  # semitones
    reverb: float = 0.0
    reverb_decay: tuple[float, ...] = (0.1, 0.6)  # seconds
    noise_snr: tuple[float, ...] = ()  # dB
    noise_from: tuple[Noise, ...] = ()
    volume: tuple[float, ...] = ()  # dB
    telephone: float = 0.0

    @classmethod
    def of(cls, conf: TrainConf, train: bool = True) -> Augment:
        """What the conf says, in evaluation nothing. Raises UsageError where a source of noise is missing or empty."""
        if not train:
            return cls(conf.seed)
        noises = tuple(Noise(each) for each in conf.noise_from)
        for noise in noises:
            assert noise.stretches  # read now, once, before workers are started
        return cls(
            conf.seed,
            tuple(conf.speed),
            tuple(conf.tempo),
            tuple(conf.pitch),
            conf.reverb,
            tuple(conf.reverb_decay),
            tuple(conf.noise_snr),
            noises,
            tuple(conf.volume),
            conf.telephone,
        )

    def random(self, epoch: int, cut: Cut) -> np.random.Generator:
        """A generator for one cut in one epoch: independent of workers, ranks and what was loaded before."""
        digest = hashlib.blake2b(f"{self.seed} {epoch} {cut.id}".encode(), digest_size=8).digest()
        return np.random.default_rng(int.from_bytes(digest, "little"))

    def pace(self, random: np.random.Generator) -> tuple[float, float]:
        """Speed and tempo of a cut: the first numbers that its generator gives."""
        speed = float(random.choice(self.speed))
        return speed, _between(self.tempo, random) if self.tempo else 1.0

    def heard(self, epoch: int, cut: Cut) -> float:
        """Seconds that the cut lasts in this epoch, once speed and tempo have changed it."""
        speed, tempo = self.pace(self.random(epoch, cut))
        return float(cut.duration / (speed * tempo))


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


def load_noisy(cuts: Sequence[Cut], snr: float | None) -> list[NDArray[np.float32]]:
    """`load` of each cut, with noise `snr` dB below it, the same for a cut whatever is loaded beside it; None: without."""
    if snr is None:
        return [load(cut) for cut in cuts]
    noise = Augment(0)
    return [add_noise(load(cut), snr, noise.random(0, cut)) for cut in cuts]


def load_augmented(cut: Cut, augment: Augment, random: np.random.Generator) -> NDArray[np.float32]:
    """`load`, with speed perturbation (Ko et al., Interspeech 2015), then `distort`."""
    speed, tempo = augment.pace(random)
    if speed != 1.0:
        cut = cut.perturb_speed(speed)
    return distort(load(cut), tempo, augment, random)


def distort(audio: NDArray[np.float32], tempo: float, augment: Augment, random: np.random.Generator) -> NDArray[np.float32]:
    """The voice, the room, what else sounds in it, the microphone and the line. What is off draws no number."""
    if augment.pitch or tempo != 1.0:
        from cyasr.data.augment.stretch import shift_pitch, stretch

        audio = shift_pitch(audio, _between(augment.pitch, random), tempo) if augment.pitch else stretch(audio, tempo)
    if augment.reverb and random.random() < augment.reverb:
        from cyasr.data.augment.room import draw_room, reverberate

        audio = reverberate(audio, draw_room(random, _between(augment.reverb_decay, random)))
    if augment.noise_snr:
        audio = add_noise(audio, _between(augment.noise_snr, random), random)
    for noise in augment.noise_from:
        if random.random() < noise.conf.probability:
            audio = add_at(audio, noise.draw(random, len(audio)), _between(noise.conf.snr, random))
    if augment.volume:
        gain = np.float32(10 ** (_between(augment.volume, random) / 20))
        audio = np.clip(gain * audio, np.float32(-1.0), np.float32(1.0))
    if augment.telephone and random.random() < augment.telephone:
        from cyasr.data.augment.telephone import CODECS, telephone

        audio = telephone(audio, CODECS[int(random.integers(len(CODECS)))])
    return audio


def _between(bounds: Sequence[float], random: np.random.Generator) -> float:
    return float(random.uniform(bounds[0], bounds[1]))


def add_noise(audio: NDArray[np.float32], snr: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Add Gaussian noise between white and low-pass, at random, `snr` dB below the signal's mean power."""
    from scipy.signal import lfilter

    white = random.standard_normal(len(audio), dtype=np.float32)
    return add_at(audio, lfilter([1.0], [1.0, -random.uniform(0.0, 0.95)], white).astype(np.float32), snr)
