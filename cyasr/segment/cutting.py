"""Where to cut: at pauses, at sentence ends, into segments as few as may be and none longer than allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.segment.stream import Samples
from cyasr.segment.vad import FRAME_SECONDS, Stretch

LEVEL_SECONDS = 0.01
SMOOTHED = 5  # levels averaged to find a pause in
QUIET = 0.3  # what of the way from the quietest to the loud still counts as pause
LEAST_RISE = 3.0  # dB above the quietest that are pause in any case

GOOD_PAUSE = 0.2  # seconds; a cut in less costs up to SHORT_PAUSE segments
SHORT_PAUSE = 2.0
UNFINISHED = 1.0  # segments that a cut within a sentence costs
SHORT = 5.0  # seconds; a segment shorter than that costs up to one more
IDLE = 1.0  # seconds of a pause within a segment that cost nothing; each one more costs IDLE_COST segments
IDLE_COST = 0.5


class Levels:
    """Loudness of a signal that passes by: dB in steps of 10 ms, two bytes each."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.float16]] = []
        self._rest = np.empty(0, np.float32)
        self._joined: NDArray[np.float16] | None = None

    @property
    def seconds(self) -> float:
        """How much has passed by."""
        return LEVEL_SECONDS * sum(map(len, self._parts))

    def listening(self, parts: Iterable[Samples]) -> Iterator[Samples]:
        """`parts`, heard on the way."""
        step = round(LEVEL_SECONDS * SAMPLE_RATE)
        for part in parts:
            held = np.concatenate([self._rest, part])
            whole = len(held) - len(held) % step
            power = np.square(held[:whole]).reshape(-1, step).mean(axis=1)
            self._parts.append((10 * np.log10(power + 1e-10)).astype(np.float16))
            self._rest = held[whole:]
            yield part

    def pause(self, start: float, end: float) -> Stretch:
        """The quietest stretch between two seconds, as far as it is quiet; of no length where there is no room."""
        if self._joined is None:
            self._joined = np.concatenate([*self._parts, np.empty(0, np.float16)])
        first, last = (round(second / LEVEL_SECONDS) for second in (start, end))
        last = min(last, len(self._joined))
        if last - first < 2:
            return Stretch((start + end) / 2, (start + end) / 2)
        around = round(1 / LEVEL_SECONDS)
        near = self._joined[max(0, first - around) : last + around].astype(np.float32)
        width = min(SMOOTHED, last - first)
        levels = _smoothed(self._joined[first:last].astype(np.float32), width)
        quietest = int(levels.argmin())
        limit = levels[quietest] + max(LEAST_RISE, QUIET * (float(np.percentile(near, 90)) - float(levels[quietest])))
        loud = np.flatnonzero(levels > limit)
        before, after = loud[loud < quietest], loud[loud > quietest]
        begin = first + (int(before[-1]) + 1 if len(before) else 0)
        stop = first + (int(after[0]) if len(after) else last - first)
        return Stretch(begin * LEVEL_SECONDS, stop * LEVEL_SECONDS)


@dataclass(frozen=True)
class Span:
    """Speech not to be cut, from `start` to `end` seconds. complete: a sentence ends with it."""

    start: float
    end: float
    complete: bool = False


def pack(spans: Sequence[Span], longest: float) -> list[tuple[int, int]]:
    """`spans` in segments (first, one past the last) of at most `longest` seconds, at the least cost; a span that is
    longer stands alone."""
    costs = [0.0]
    begins = [0]
    for stop in range(1, len(spans) + 1):
        last = spans[stop - 1]
        ending = _cut_cost(last, spans[stop]) if stop < len(spans) else 0.0
        best, begin = np.inf, stop - 1
        idle = 0.0
        for first in range(stop - 1, -1, -1):
            seconds = last.end - spans[first].start
            if first < stop - 1:
                if seconds > longest:
                    break
                idle += max(0.0, spans[first + 1].start - spans[first].end - IDLE)
            cost = costs[first] + 1 + ending + IDLE_COST * idle + max(0.0, 1 - seconds / SHORT)
            if cost < best:
                best, begin = cost, first
        costs.append(best)
        begins.append(begin)
    segments = []
    stop = len(spans)
    while stop:
        segments.append((begins[stop], stop))
        stop = begins[stop]
    return segments[::-1]


def padded(stretches: Sequence[Stretch], pad: float, start: float, end: float) -> list[Stretch]:
    """`stretches` with up to `pad` seconds more on either side: to the middle of a pause at most, within start and end."""
    if not stretches:
        return []
    edges = [start, *((one.end + two.start) / 2 for one, two in pairwise(stretches)), end]
    return [
        Stretch(min(max(before, one.start - pad), one.start), max(min(after, one.end + pad), one.end))
        for one, before, after in zip(stretches, edges[:-1], edges[1:], strict=True)
    ]


def divided(stretch: Stretch, probs: NDArray[np.float32], longest: float) -> list[Stretch]:
    """`stretch` in parts of at most `longest` seconds, cut where speech is least probable. probs: (frames,) from second 0."""
    if stretch.seconds <= longest:
        return [stretch]
    quarter = stretch.seconds / 4
    low, high = stretch.start + quarter, stretch.end - quarter
    if stretch.seconds < 2 * longest:
        low, high = max(low, stretch.end - longest), min(high, stretch.start + longest)
    first, last = (round(second / FRAME_SECONDS) for second in (low, high))
    window = _smoothed(probs[first : max(last, first + 1)], 3)
    cut = (first + int(window.argmin()) + 0.5) * FRAME_SECONDS
    cut = min(max(cut, low), high)
    return divided(Stretch(stretch.start, cut), probs, longest) + divided(Stretch(cut, stretch.end), probs, longest)


def _cut_cost(before: Span, after: Span) -> float:
    pause = after.start - before.end
    return (0.0 if before.complete else UNFINISHED) + SHORT_PAUSE * max(0.0, 1 - pause / GOOD_PAUSE)


def _smoothed(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Means over `width` neighbours, as many as `values`; at the edges of those there are."""
    ones = np.ones(min(width, len(values)))
    return np.asarray(np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same"), np.float32)
