"""Measures of a recording, taken while it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class AudioMeasures:
    """Of one audio file.

    clipped, silent: shares, 0 to 1. snr: dB, estimated. bandwidth: Hz, up to which there is anything. level: dBFS.
    """

    clipped: float
    silent: float
    snr: float
    bandwidth: float
    level: float


class AudioMeter:
    """Fed block by block; memory does not grow with the recording."""

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def add(self, block: NDArray[np.float32]) -> None:
        """block: (n, channels) in -1..1."""

    def result(self) -> AudioMeasures:
        return AudioMeasures(0.0, 0.0, 0.0, self.rate / 2, 0.0)
