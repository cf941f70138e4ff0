"""The keys of a train conf that say how speech is varied; all off unless asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any

PITCH = 2.0  # semitones; beyond it a voice is no longer a possible speaker's
TEMPO = (0.8, 1.25)  # 0.9 to 1.1 is what speakers do; beyond these bounds pieces of it repeat audibly


@dataclass
class NoiseConf:
    """One row of `noise_from`."""

    path: str  # a folder of audio, or a Lhotse manifest of recordings or cuts (.jsonl.gz)
    snr: list[float]  # [lowest, highest] dB
    probability: float = 0.5  # share of utterances that get it
    voices: list[int] = field(default_factory=lambda: [1, 1])  # [fewest, most] files at once; [3, 7] speakers make babble
    licence: str = ""  # of the recordings; noted in exp/…/conf.yaml

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability: above 0, at most 1, not {self.probability}")
        check_range("snr", self.snr, -20, 60)
        check_range("voices", self.voices, 1, 20)
        if not self.snr or not self.voices:
            raise ValueError("snr and voices: [lowest, highest]")


def check(conf: Any) -> None:
    """Raises ValueError where a TrainConf's augmentation keys are beyond what speech can bear."""
    if any(not 0.5 <= factor <= 2 for factor in conf.speed) or not conf.speed:
        raise ValueError(f"speed: factors from 0.5 to 2, not {conf.speed}")
    for key, low, high in (("tempo", *TEMPO), ("pitch", -PITCH, PITCH), ("volume", -40, 20)):
        check_range(key, getattr(conf, key), low, high)
    check_range("noise_snr", conf.noise_snr, -inf, inf)
    check_range("reverb_decay", conf.reverb_decay, 0.05, 3)
    for key in ("reverb", "telephone"):
        if not 0 <= getattr(conf, key) <= 1:
            raise ValueError(f"{key}: a probability, not {getattr(conf, key)}")
    if conf.reverb and not conf.reverb_decay:
        raise ValueError("reverb: needs reverb_decay, [lowest, highest] seconds")


def check_range(key: str, values: list[float] | list[int], low: float, high: float) -> None:
    """Raises ValueError where `values` are neither [] nor [lowest, highest] between `low` and `high`."""
    if values and (len(values) != 2 or not low <= values[0] <= values[1] <= high):
        bounds = f" between {low:g} and {high:g}" if high < inf else ""
        raise ValueError(f"{key}: [lowest, highest]{bounds}, not {values}")
