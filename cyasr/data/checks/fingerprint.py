"""What a recording sounds like, in half a kilobyte: the same after a change of volume, a lossy codec, or a cut at its ends.

Two parts. A summary over the whole recording, without time: mean, spread and correlations (also over 0.1 to 0.4 s) of
its spectrum's shape; it is a vector, and duplicates are near one another. And the first seconds in bits, one for each
pair of neighbouring bands and each moment: does the difference of the two grow? (Haitsma and Kalker, ISMIR 2002).
Bits of small differences are left out of a comparison, since any change of the signal flips them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILTERS = 24  # triangular, in mel from LOWEST to HIGHEST
LOWEST, HIGHEST = 250.0, 3400.0  # Hz: what a telephone lets through
LONGEST = 120.0  # seconds from the beginning that are looked at
SHORTEST = 1.0  # seconds of speech, with less of which nothing can be told apart

SMOOTH = 5  # steps averaged
FLOOR = 30.0  # dB below the loud steps: what is quieter counts as this
ACTIVE = 25.0  # dB below the loud steps: the summary is of steps above
SHAPE = 6  # cosine coefficients of a spectrum, after the first
LAGS = (6, 12, 24)  # steps

BIT_FLOOR = 35.0  # dB below the loud steps
BIT_LAG = 4  # steps before and after
STRIDE = 4  # of the steps, one in so many is kept in bits
KEPT = 128  # moments kept at most: 8 seconds
CLEAR = 2.0  # dB: differences below it say nothing
MOVED = 24  # steps that duplicates may be apart, besides what their beginnings differ in
ENOUGH = 150  # bits that a comparison needs

# How much the summary of one recording differs after codecs and small shifts (standard deviation); measured on speech.
SPREAD = np.repeat(np.array([0.3, 0.25, 0.03, 0.03]), [SHAPE, SHAPE, 21, 42]).astype(np.float32)
SUMMARY = len(SPREAD)
NEAR = 5.0  # root mean square of summaries' differences, in SPREAD, up to which two may be the same recording
SAME = 0.1  # share of bits that may differ in the same recording; different ones differ in 0.2 to 0.5
BOTH = 1.2  # sum of the two, relative to these limits: re-encoded speech has 1.1 at most


@dataclass(frozen=True)
class Fingerprint:
    """summary: (SUMMARY,) in units of SPREAD. seconds: of speech.

    clear: (moments, 23) -1, 0, 1, the sign of each difference that is clear, at every step of the first seconds.
    """

    summary: NDArray[np.float32]
    seconds: float
    clear: NDArray[np.int8]

    @property
    def bits(self) -> NDArray[np.int8]:
        """(up to KEPT, 23): what is kept of `clear` to compare others with."""
        return self.clear[::STRIDE][:KEPT]


def fingerprint(energies: NDArray[np.float32], step: float) -> Fingerprint | None:
    """energies: (steps, FILTERS) mean squares, `step` seconds apart. None where there is too little speech."""
    if len(energies) * step < SHORTEST:
        return None
    sums = np.cumsum(np.concatenate([np.zeros((1, FILTERS)), energies]), axis=0)
    smooth = (sums[SMOOTH:] - sums[:-SMOOTH]) / SMOOTH
    total = smooth.sum(axis=1)
    loud = float(np.quantile(total, 0.95))
    active = np.flatnonzero(total > loud * 10 ** (-ACTIVE / 10))
    if loud <= 1e-10 or len(active) * step < SHORTEST:
        return None
    level = 10 * np.log10(smooth + loud * 10 ** (-FLOOR / 10) / FILTERS)
    energy = 10 * np.log10(total + loud * 10 ** (-FLOOR / 10))
    shape = np.concatenate([level @ _cosines(), energy[:, None]], axis=1)
    summary = _summary(shape, active)
    return Fingerprint((summary / SPREAD).astype(np.float32), len(active) * step, _clear(smooth, loud))


def distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Root mean square difference of two summaries."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def same(summary: NDArray[np.float32], kept: NDArray[np.int8], other: Fingerprint) -> bool:
    """Is the recording that `summary` and `kept`, its bits, were taken of the one that `other` was?"""
    far = distance(summary, other.summary) / NEAR
    return far <= 1 and far + differing(kept, other.clear) / SAME <= BOTH


def differing(kept: NDArray[np.int8], clear: NDArray[np.int8]) -> float:
    """Share of clear bits that differ between one's `bits` and another's `clear`, at the shift where it is least."""
    best = 1.0
    span = STRIDE * (len(kept) - 1) + 1
    for shift in range(-MOVED, MOVED + 1):
        first = max(0, -(shift // STRIDE)) if shift < 0 else 0
        theirs = clear[first * STRIDE + shift : span + shift : STRIDE]
        ours = kept[first : first + len(theirs)]
        agreement = ours[: len(theirs)].astype(np.int16) * theirs
        compared = int(np.count_nonzero(agreement))
        if compared >= ENOUGH:
            best = min(best, float(np.count_nonzero(agreement < 0)) / compared)
    return best


def filters_of(frequencies: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which two filters, of triangles equally wide in mel, a frequency belongs to: (the lower one, its share).

    The upper one is the next. -1: below the first's peak; FILTERS: outside all.
    """
    edges = 700 * (10 ** (np.linspace(_mel(LOWEST), _mel(HIGHEST), FILTERS + 2) / 2595) - 1)
    upper = np.searchsorted(edges, frequencies, side="right") - 1
    inside = (upper >= 0) & (upper <= FILTERS)
    place = np.clip(upper, 0, FILTERS)
    falling = (edges[place + 1] - frequencies) / (edges[place + 1] - edges[place])
    lower = np.where(inside, place - 1, FILTERS)
    return lower, np.where(inside, falling, 0.0)


def _summary(shape: NDArray[np.float64], active: NDArray[np.intp]) -> NDArray[np.float64]:
    """shape: (steps, SHAPE + 1), the last one the energy."""
    mean = shape[active].mean(axis=0)
    centred = shape - mean
    spoken = centred[active]
    spread = np.sqrt((spoken**2).mean(axis=0))
    scale = np.outer(spread, spread) + 1
    parts = [mean[:SHAPE], spread[:SHAPE], (spoken.T @ spoken / len(spoken) / scale)[np.tril_indices(SHAPE + 1, -1)]]
    for lag in LAGS:
        pairs = active[active + lag < len(shape)]
        later = centred[pairs].T @ centred[pairs + lag] / max(1, len(pairs)) / scale
        parts += [np.diagonal(later), later[np.arange(SHAPE + 1), (np.arange(SHAPE + 1) + 1) % (SHAPE + 1)]]
    return np.concatenate(parts)


def _clear(smooth: NDArray[np.float64], loud: float) -> NDArray[np.int8]:
    steps = STRIDE * KEPT + MOVED + 2 * BIT_LAG
    level = 10 * np.log10(smooth[:steps] + loud * 10 ** (-BIT_FLOOR / 10) / FILTERS)
    slope = level[:, :-1] - level[:, 1:]
    grows = slope[2 * BIT_LAG :] - slope[: -2 * BIT_LAG]
    return (np.sign(grows) * (np.abs(grows) > CLEAR)).astype(np.int8)


@cache
def _cosines() -> NDArray[np.float64]:
    """(FILTERS, SHAPE), orthonormal; the first coefficient, the volume, is left out."""
    places = (np.arange(FILTERS) + 0.5) / FILTERS
    return np.sqrt(2 / FILTERS) * np.cos(np.pi * np.outer(places, np.arange(1, SHAPE + 1)))


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
