"""Bootstrap intervals of error rates (Bisani & Ney, ICASSP 2004, doi:10.1109/ICASSP.2004.1326009).

What is drawn anew is the speaker where there are six or more of them: utterances of one speaker are no independent
evidence. With fewer, utterances are drawn, and the interval holds within these speakers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
SPEAKERS_NEEDED = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A percentile interval of a rate in percent (None where there is nothing to divide by)."""

    low: float | None
    high: float | None
    unit: str  # what was drawn: "speaker" or "utterance"
    note: str | None  # what the interval does not say
    level: float = LEVEL
    resamples: int = RESAMPLES
    seed: int = 0


@dataclass(frozen=True)
class Comparison:
    """System b's rate minus system a's on the same utterances, in percentage points; below zero: b is better.

    p: two-sided, the share of resamples in which the difference is gone, doubled; never below 2 / resamples.
    """

    difference: float
    interval: Interval
    p: float

    @property
    def shown(self) -> bool:
        """False where the interval holds zero: no difference shown."""
        low, high = self.interval.low, self.interval.high
        return low is not None and high is not None and (low > 0 or high < 0)


def interval(
    errors: Sequence[int] | NDArray[np.int64],
    words: Sequence[int] | NDArray[np.int64],
    speakers: Sequence[str | None],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """95 % interval of sum(errors) / sum(words); errors, words: (N,) counts by utterance; speakers: N names."""
    rates, unit, note = _rates(np.asarray(errors), np.asarray(words), speakers, resamples, seed)
    return _percentiles(rates, unit, note, resamples, seed)


def compare(
    errors_a: Sequence[int] | NDArray[np.int64],
    errors_b: Sequence[int] | NDArray[np.int64],
    words: Sequence[int] | NDArray[np.int64],
    speakers: Sequence[str | None],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Paired bootstrap of two systems over the same N utterances. Raises ValueError where there are no words."""
    change = np.asarray(errors_b) - np.asarray(errors_a)
    total = int(np.sum(words))
    if total == 0:
        raise ValueError("no reference words to compare on")
    rates, unit, note = _rates(change, np.asarray(words), speakers, resamples, seed)
    # a resample without any words says nothing about the difference, but may not count for it either
    gone = min(float(np.mean(~(rates > 0))), float(np.mean(~(rates < 0))))
    p = min(1.0, 2 * max(gone, 1 / resamples))
    return Comparison(100 * float(change.sum()) / total, _percentiles(rates, unit, note, resamples, seed), p)


def drawing_unit(speakers: Sequence[str | None]) -> tuple[str, str | None]:
    """What to draw ("speaker" or "utterance") and the note that belongs to the interval."""
    known = set(speakers)
    if None in known:
        return "utterance", "speakers unknown"
    if len(known) < SPEAKERS_NEEDED:
        return "utterance", "within these speakers"
    return "speaker", None


def _rates(
    errors: NDArray[np.int64], words: NDArray[np.int64], speakers: Sequence[str | None], resamples: int, seed: int
) -> tuple[Floats, str, str | None]:
    """The resampled rates (resamples,), NaN where no words were drawn; the unit drawn; the note."""
    from cyasr.score.kernel import resampled_sums

    unit, note = drawing_unit(speakers)
    values = np.stack([errors, words], axis=1).astype(np.float64)
    if unit == "speaker":
        clusters = np.unique(np.array(speakers, dtype=str), return_inverse=True)[1]
        grouped = np.zeros((clusters.max() + 1, 2))
        np.add.at(grouped, clusters, values)
        values = grouped
    sums = resampled_sums(values, resamples, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: Floats = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan)
    return rates, unit, note


def _percentiles(rates: Floats, unit: str, note: str | None, resamples: int, seed: int) -> Interval:
    rates = rates[~np.isnan(rates)]
    if not len(rates):
        return Interval(None, None, unit, note, LEVEL, resamples, seed)
    low, high = np.quantile(rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(round(100 * float(low), 4), round(100 * float(high), 4), unit, note, LEVEL, resamples, seed)
