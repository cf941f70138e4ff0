"""How many samples of a recording were cut off because they were too loud.

Two traces of it: samples that stand still at the highest or lowest value of the file, as a converter leaves them; and,
where a lossy codec came afterwards and made them tremble, a crowd of samples just below the peak that speech has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIETEST = 0.05  # of full scale: values nearer to zero are no rail, and others where no three in a row stand still
RAIL = 0.0005  # thickness of a rail, relative
FEW = 4_000  # samples in the histogram: fewer may crowd by chance
CROWDED = 1.5  # times as many as of smaller amplitudes; 3 to 5 % of clipped samples make it so, speech alone hardly ever
BINS = 512  # of amplitude, a full scale wide; as many again above full scale


class Clipping:
    """Fed blocks of (n, channels)."""

    def __init__(self) -> None:
        self._states: NDArray[np.float64] | None = None  # (channels, 8), see _scan
        self._amplitudes = np.zeros(2 * BINS, dtype=np.int64)  # histogram
        self._samples = 0

    def add(self, block: NDArray[np.float32]) -> None:
        if not block.size:
            return
        if self._states is None:
            self._states = np.zeros((block.shape[1], 8))
            self._states[:, 0], self._states[:, 3] = QUIETEST, -QUIETEST
        _scan(block, self._states, self._amplitudes)
        self._samples += block.size

    def share(self) -> float:
        """Of all samples, 0 to 1."""
        if self._states is None or not self._samples:
            return 0.0
        _, at_high, still_high, _, at_low, still_low, _, _ = self._states.T
        standing = float((at_high * (still_high > 0) + at_low * (still_low > 0)).sum()) / self._samples
        return round(standing or crowd(self._amplitudes), 6)


def crowd(amplitudes: NDArray[np.int64]) -> float:
    """Share of samples that stand where a clipped signal has them after a lossy codec: around a mode near the peak.

    amplitudes: histogram of absolute values. Unclipped speech has the fewer samples of an amplitude the larger it is.
    """
    total = amplitudes.sum()
    loud = np.flatnonzero(amplitudes)
    if total < FEW or loud[-1] < BINS // 4:
        return 0.0
    smooth = np.convolve(amplitudes, np.ones(9) / 9, "same")
    peak = int(loud[-1])
    places = np.arange(int(0.4 * peak), peak + 1)
    mode = int(places[np.argmax(smooth[places] * places)])
    if smooth[mode] < CROWDED * smooth[int(0.5 * mode) : int(0.85 * mode)].mean():
        return 0.0
    first, usual = int(0.9 * mode), float(smooth[int(0.6 * mode) : int(0.8 * mode)].min())
    return max(0.0, float(amplitudes[first:].sum() - usual * (mode - first)) / float(total))


@numba.njit(cache=True, nogil=True)
def _scan(block: NDArray[np.float32], states: NDArray[np.float64], amplitudes: NDArray[np.int64]) -> None:
    """states, of each channel: highest value, samples there, whether some stand still there; the same of the lowest; the
    two last values. amplitudes: of every fourth sample."""
    last_bin = len(amplitudes) - 1
    samples = block.shape[0]
    for channel in range(block.shape[1]):
        high, at_high, still_high, low, at_low, still_low, before, last = states[channel]
        above, below = np.float32((1 - RAIL) * high), np.float32((1 - RAIL) * low)
        for i in range(samples):
            value = block[i, channel]
            if value < above and value > below:
                continue
            one = block[i - 1, channel] if i > 0 else last
            two = block[i - 2, channel] if i > 1 else last if i else before
            still = value == one and value == two
            if value >= above:
                if value > high:
                    if value > (1 + RAIL) * high:
                        at_high = still_high = 0.0
                    high = value
                    above = np.float32((1 - RAIL) * high)
                at_high += 1
                still_high += still
            else:
                if value < low:
                    if value < (1 + RAIL) * low:
                        at_low = still_low = 0.0
                    low = value
                    below = np.float32((1 - RAIL) * low)
                at_low += 1
                still_low += still
        states[channel, :6] = high, at_high, still_high, low, at_low, still_low
        states[channel, 6] = block[samples - 2, channel] if samples > 1 else last
        states[channel, 7] = block[samples - 1, channel]
        for i in range(0, samples, 4):
            amplitudes[int(min(abs(block[i, channel]) * BINS, last_bin))] += 1
