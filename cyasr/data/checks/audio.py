"""Measures of a recording, taken while it is decoded, in memory that does not grow with it.

A recording is cut into steps of 16 ms, each seen through a Hann window of 32 ms. Levels are mean squares in dB below
full scale, a square wave of full scale being 0 dBFS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from cyasr.data.checks.clipping import Clipping
from cyasr.data.checks.fingerprint import FILTERS, LONGEST, Fingerprint, filters_of, fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 0.016  # seconds
LONGEST_STEP = 1 << 14  # samples, whatever rate a header claims
STEPS_AT_ONCE = 256  # their spectra fit a processor's cache
HIGHEST = 8000.0  # Hz, what is left of any audio once loaded

LOUDEST = 16.0  # of full scale
SILENT = -60.0  # dBFS: quieter steps are silence
SILENT_BELOW = 40.0  # dB below the loud steps (95 % are quieter): so are these
NOTHING = -95.0  # dBFS: quieter steps are digital silence, which tells nothing of the noise elsewhere

BANDS = 16  # in which noise is looked for, equally wide in mel from 60 Hz to HIGHEST
QUIET, QUIETER = 0.4, 0.1  # shares of a band's steps, by level, that are taken for noise alone
NOISE_SHARES = np.array([1.0, 0.8, 0.6, 0.5, 0.4, 0.35, 0.3])  # of a band's steps that may be noise alone
LOWEST_DB, DB_BINS = -130, 280  # of half a dB each
SNR_LIMITS = (-10.0, 60.0)  # dB; what lies outside cannot be told

EDGE_FROM = 1500.0  # Hz: below it spectra of speech fall steeply by themselves
EDGE_DROP = 25.0  # dB by which a spectrum falls, and stays fallen, where the content ends
EDGE_WIDTH = 500.0  # Hz in which it does so
EDGE_FLOOR = 70.0  # dB below the strongest: there is nothing


@dataclass(frozen=True)
class AudioMeasures:
    """Of one audio file.

    clipped: share of samples cut off. silent: share of steps below SILENT, or SILENT_BELOW under the loud ones.
    snr: dB of speech over steady noise, estimated up to 8 kHz: the noise is what 16 bands hold in their quietest steps
    (as in minimum statistics, Martin 2001), the speech what is there besides. bandwidth: Hz up to which there is content.
    level: dBFS, mean. fingerprint: for near-duplicates; None where there is too little to compare.
    """

    clipped: float
    silent: float
    snr: float
    bandwidth: float
    level: float
    fingerprint: Fingerprint | None = None


class AudioMeter:
    """`add` block after block, then `result` once."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._frame = frame_of(rate)
        self._rest = np.empty(0, dtype=np.float32)  # samples of the block before that more windows begin in
        self._clipping = Clipping()
        self._samples = 0
        self._sum = self._squares = 0.0
        self._spectrum = np.zeros(self._frame.fft // 2 + 1)  # summed over steps
        self._steps = 0
        self._levels = np.zeros(DB_BINS, dtype=np.int64)  # histogram over steps
        self._bands = np.zeros((BANDS, DB_BINS), dtype=np.int64)
        self._energies = np.zeros(BANDS)  # summed over steps that are not digital silence
        self._filtered: list[NDArray[np.float32]] = []  # (steps, FILTERS) of the recording's beginning
        self._kept = 0

    def add(self, block: NDArray[np.float32]) -> None:
        """block: (n, channels) in -1..1; channels are averaged, except for clipping."""
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = float(np.dot(mono, mono))
        if not squares <= LOUDEST**2 * len(mono):  # floating point allows it, and no power could be taken of it
            self.add(np.clip(block, -LOUDEST, LOUDEST))
            return
        self._clipping.add(block)
        self._samples += len(mono)
        self._sum += float(mono.sum(dtype=np.float64))
        self._squares += squares
        samples = np.concatenate([self._rest, mono])
        step, size = self._frame.step, 2 * self._frame.step
        count = max(0, (len(samples) - size) // step + 1)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(samples, size)[::step]
            for start in range(0, count, STEPS_AT_ONCE):
                self._analyse(windows[start : start + STEPS_AT_ONCE])
        self._rest = samples[count * step :].copy()

    def result(self) -> AudioMeasures:
        if not self._steps:
            self._analyse(np.pad(self._rest, (0, 2 * self._frame.step - len(self._rest)))[None])
        mean = self._sum / max(1, self._samples)
        level = 10 * math.log10(max(self._squares / max(1, self._samples) - mean**2, 1e-13))
        return AudioMeasures(
            clipped=self._clipping.share(),
            silent=self._silent(),
            snr=self._snr(),
            bandwidth=bandwidth(self._spectrum / self._steps, self.rate),
            level=round(level, 2),
            fingerprint=fingerprint(np.concatenate(self._filtered)[: round(LONGEST / STEP)], STEP),
        )

    def _analyse(self, windows: NDArray[np.float32]) -> None:
        """windows: (steps, samples)."""
        import scipy.fft

        frame = self._frame
        spectra = scipy.fft.rfft(windows * frame.window, n=frame.fft)
        filtered = np.zeros((len(spectra), FILTERS), dtype=np.float32)
        _count(spectra, frame.weights, frame.places, self._spectrum, self._levels, self._bands, self._energies, filtered)
        self._steps += len(spectra)
        if self._kept * STEP < LONGEST:
            self._filtered.append(filtered)
            self._kept += len(filtered)

    def _silent(self) -> float:
        loud = _quantile(self._levels, 0.95)
        below = round(2 * (max(SILENT, loud - SILENT_BELOW) - LOWEST_DB))
        return round(float(self._levels[:below].sum()) / self._steps, 4)

    def _snr(self) -> float:
        lowest, highest = SNR_LIMITS
        steps = int(self._bands[0].sum())
        noise = _noise(self._bands, self._frame.noise) if steps else 0.0
        speech = float(self._energies.sum()) / max(1, steps) - noise
        if speech <= 0:
            return lowest
        return round(min(max(10 * math.log10(speech / max(noise, 1e-14)), lowest), highest), 1)


@dataclass(frozen=True)
class Frame:
    """How audio of one rate is analysed.

    places: (bins up to HIGHEST, 2) the band of each bin and the lower of its two filters. weights: (the same, 3)
    that turn its power into mean squares: in its band, its lower and its upper filter. noise: (BANDS, 2, NOISE_SHARES) dB
    by which the QUIETER and QUIET quantiles lie above the noise's mean, where so much of a band's steps is noise.
    """

    step: int  # samples
    fft: int
    window: NDArray[np.float32]
    places: NDArray[np.int64]
    weights: NDArray[np.float32]
    noise: NDArray[np.float64]


@lru_cache(maxsize=16)
def frame_of(rate: int) -> Frame:
    import scipy.fft
    from scipy.special import gammaincinv

    step = min(max(1, round(rate * STEP)), LONGEST_STEP)
    fft = scipy.fft.next_fast_len(2 * step, real=True)
    window = np.hanning(2 * step + 1)[:-1].astype(np.float32)
    frequencies = np.arange(fft // 2 + 1) * rate / fft
    highest = min(HIGHEST, rate / 2)
    edges = hertz(np.linspace(mel(min(60.0, highest / 2)), mel(highest), BANDS + 1))
    frequencies = frequencies[frequencies <= highest]
    bands = np.minimum(np.searchsorted(edges, frequencies, side="right") - 1, BANDS - 1)
    lower, shares = filters_of(frequencies)
    weights = np.stack([bands >= 0, shares, (1 - shares) * (lower < FILTERS)], axis=1)
    scale = 2 / (fft * float((window**2).sum()))
    # Power of noise in a bin is exponential; its mean over n bins, which a Hann window correlates, gamma of fewer.
    n = np.maximum(np.bincount(bands[bands >= 0], minlength=BANDS) * 2 * step / fft, 1)
    shape = (n**2 / (n + 2 * (4 / 9) * (n - 1) + 2 / 36 * np.maximum(n - 2, 0)))[:, None, None]
    quantiles = np.minimum(np.array([QUIETER, QUIET])[:, None] / NOISE_SHARES, 0.999)
    noise = 10 * np.log10(gammaincinv(shape, quantiles) / shape)
    places = np.stack([np.maximum(bands, 0), lower], axis=1)
    return Frame(step, fft, window, places, (weights * scale).astype(np.float32), noise)


def bandwidth(spectrum: NDArray[np.float64], rate: int) -> float:
    """Hz of the highest content in a mean power spectrum: where it falls off a cliff, or half of `rate`."""
    width = rate / 2 / (len(spectrum) - 1)
    smooth = max(1, round(60 / width))
    power = np.convolve(spectrum, np.ones(smooth) / smooth, "same")
    level = 10 * np.log10(np.maximum(power, max(power.max() * 10 ** (-EDGE_FLOOR / 10), 1e-20)))
    side, gap = round(400 / width), round(EDGE_WIDTH / width)
    above = np.maximum.accumulate(level[::-1])[::-1]  # the highest from here up
    sums = np.concatenate([[0.0], np.cumsum(level)])
    first, last = max(side, round(EDGE_FROM / width)), len(level) - gap - smooth
    if last <= first or not side:
        return rate / 2
    places = np.arange(first, last)
    below = (sums[places] - sums[places - side]) / side
    drops = below - above[places + gap]
    if drops.max() < EDGE_DROP:
        return rate / 2
    best = int(np.flatnonzero(drops >= drops.max() - 3)[0])
    return float(np.flatnonzero(level > below[best] - 10)[-1] * width)


def mel(hertz: Any) -> Any:
    return 2595 * np.log10(1 + hertz / 700)


def hertz(mel: Any) -> Any:
    return 700 * (10 ** (mel / 2595) - 1)


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _count(
    spectra: NDArray[np.complex64],
    weights: NDArray[np.float32],
    places: NDArray[np.int64],
    total: NDArray[np.float64],
    levels: NDArray[np.int64],
    bands: NDArray[np.int64],
    energies: NDArray[np.float64],
    filtered: NDArray[np.float32],
) -> None:
    """Add steps to the sums and histograms of an AudioMeter; filtered: (steps, FILTERS), zeros, is filled."""
    found = np.empty(BANDS)
    for step in range(len(spectra)):
        found[:] = 0
        for i in range(spectra.shape[1]):
            value = spectra[step, i]
            power = value.real * value.real + value.imag * value.imag
            total[i] += power
            if i < len(weights):
                found[places[i, 0]] += power * weights[i, 0]
                lower = places[i, 1]
                if 0 <= lower < FILTERS:
                    filtered[step, lower] += power * weights[i, 1]
                if lower + 1 < FILTERS:
                    filtered[step, lower + 1] += power * weights[i, 2]
        level = _half_decibels(found.sum())
        levels[level] += 1
        if level > 2 * (NOTHING - LOWEST_DB):
            for band in range(BANDS):
                energies[band] += found[band]
                bands[band, _half_decibels(found[band])] += 1


@numba.njit(cache=True, nogil=True)
def _half_decibels(power: float) -> int:
    """Above LOWEST_DB."""
    return min(max(int(20 * np.log10(power + 1e-14) - 2 * LOWEST_DB), 0), DB_BINS - 1)


@numba.njit(cache=True, nogil=True)
def _noise(bands: NDArray[np.int64], above: NDArray[np.float64]) -> float:
    """Mean power of the noise; how far two quantiles of a band lie apart tells what share of its steps is noise."""
    power = 0.0
    for band in range(BANDS):
        quieter, quiet = _quantile(bands[band], QUIETER), _quantile(bands[band], QUIET)
        lies = np.interp(quiet - quieter, above[band, 1] - above[band, 0], above[band, 0])
        power += 10 ** ((quieter - lies) / 10)
    return power


@numba.njit(cache=True, nogil=True)
def _quantile(histogram: NDArray[np.int64], share: float) -> float:
    """dB below which `share` of a histogram of half decibels lies."""
    left = share * histogram.sum()
    for place in range(len(histogram)):
        if histogram[place] >= left and histogram[place] > 0:
            return LOWEST_DB + 0.5 * (place + left / histogram[place])
        left -= histogram[place]
    return LOWEST_DB + 0.5 * len(histogram)
