"""Bootstrap intervals of error rates (Bisani & Ney, ICASSP 2004, doi:10.1109/ICASSP.2004.1326009).

What is drawn anew is the speaker where there are six or more of them: utterances of one speaker are no independent
evidence. With fewer, utterances are drawn, and the interval holds within these speakers only.

Percentiles of few units are too narrow: of 1,500 simulated tests with 6, 10 and 20 speakers, 95 % intervals held the true
rate in 85, 90 and 93 %. So they are expanded as Hesterberg does (The American Statistician 69(4), 2015,
doi:10.1080/00031305.2015.1089789), to Student's t with one degree of freedom less than units, and held it in 94, 93 and
95 %. With hundreds of units this changes nothing that is printed.
"""

from __future__ import annotations

import math
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
    """An interval of a rate in percent (None where there is nothing to divide by)."""

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

    p: two-sided, from the share of resamples in which the difference is gone, expanded as the interval is; where it is
    gone in none, from the mean and the spread of the resamples.
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
    rates, units, unit, note = _rates(np.asarray(errors), np.asarray(words), speakers, resamples, seed)
    return Interval(*_percentiles(rates, units), unit, note, LEVEL, resamples, seed)


def product_interval(
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    speakers: Sequence[str | None],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """95 % interval of sum(counts) / sum(first) x sum(counts) / sum(second), as WIP is; all (N,), one draw for both rates."""
    rates, units, unit, note = _rates(counts, first, speakers, resamples, seed)
    others = _rates(counts, second, speakers, resamples, seed)[0]
    return Interval(*_percentiles(rates * np.nan_to_num(others), units), unit, note, LEVEL, resamples, seed)


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
    rates, units, unit, note = _rates(change, np.asarray(words), speakers, resamples, seed)
    spread = Interval(*_percentiles(rates, units), unit, note, LEVEL, resamples, seed)
    return Comparison(100 * float(change.sum()) / total, spread, _two_sided(rates, units))


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
) -> tuple[Floats, int, str, str | None]:
    """The resampled rates (resamples,), NaN where no words were drawn; how many units there are, their name; the note."""
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
    return rates, len(values), unit, note


def _percentiles(rates: Floats, units: int) -> tuple[float | None, float | None]:
    """The expanded interval of `rates` in percent."""
    from scipy.special import ndtr, stdtrit

    rates = rates[~np.isnan(rates)]
    if not len(rates):
        return None, None
    tail = (1 - LEVEL) / 2
    if units > 1:
        tail = float(ndtr(math.sqrt(units / (units - 1)) * stdtrit(units - 1, tail)))
    low, high = np.quantile(rates, [tail, 1 - tail])
    return round(100 * float(low), 4), round(100 * float(high), 4)


def _two_sided(rates: Floats, units: int) -> float:
    from scipy.special import ndtri, stdtr

    if units < 2:
        return 1.0
    # a resample without any words says nothing about the difference, but may not count for it either
    gone = min(float(np.mean(~(rates > 0))), float(np.mean(~(rates < 0))))
    z = -float(ndtri(min(0.5, max(gone, 1 / len(rates)))))
    deviation = float(np.std(rates)) if gone == 0 else 0.0
    if deviation > 0:
        z = max(z, abs(float(np.mean(rates))) / deviation)
    return 2 * float(stdtr(units - 1, -z * math.sqrt((units - 1) / units)))
