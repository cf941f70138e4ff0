"""CTC posteriors of audio of any length: overlapping windows through the system, of each its middle kept."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.segment.stream import Samples, regrouped

WINDOW = 16.0  # seconds that the system sees at once
MARGIN = 2.0  # of them at either edge that are seen again in the next window
BATCH = 4  # windows at once
FRAME_SECONDS = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08)  # that encoders are known to have


@dataclass(frozen=True)
class Frames:
    """log_probs: (T, V) natural log. seconds: from one frame's middle to the next's; offset: the middle of the very first."""

    log_probs: NDArray[np.float32]
    seconds: float
    offset: float


def log_probs(system: Any, parts: Iterable[Samples]) -> Iterator[Frames]:
    """Posteriors of the signal that `parts` make up, in order, a batch of windows at a time, all frames once.

    system: whose `transcribe` gives CTC posteriors. Raises RunError where it gives none.
    """
    seconds = 0.0
    for batch in _batches(_windows(parts)):
        found = _transcribe(system, [samples for samples, _, _ in batch])
        kept = []
        for (samples, first, last), one in zip(batch, found, strict=True):
            length = len(samples) / SAMPLE_RATE
            seconds = seconds or _frame_seconds(length, len(one))
            start = 0 if first else round(MARGIN / seconds)
            kept.append(one[start:] if last else one[start : start + round((WINDOW - 2 * MARGIN) / seconds) + (first and 1) * round(MARGIN / seconds)])
        offset = 0.0
        yield Frames(np.concatenate(kept), seconds, offset)


def _windows(parts: Iterable[Samples]) -> Iterator[tuple[Samples, bool, bool]]:
    """(samples, whether it is the first, whether it is the last)."""
    hop, window = round((WINDOW - 2 * MARGIN) * SAMPLE_RATE), round(WINDOW * SAMPLE_RATE)
