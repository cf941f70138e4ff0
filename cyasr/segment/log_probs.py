"""CTC posteriors of audio of any length: overlapping windows through the system, of each its middle kept."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.segment.stream import Samples

STEP = 0.24  # seconds; windows are made of such, a multiple of every frame below
FRAME_SECONDS = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08)  # that encoders are known to have
SHORTEST, LONGEST = 4.8, 19.2  # seconds of a window
BATCH = 4  # windows at once


@dataclass(frozen=True)
class Frames:
    """log_probs: (T, V) natural log. seconds: from one frame's middle to the next's; offset: the middle of the very first."""

    log_probs: NDArray[np.float32]
    seconds: float
    offset: float


@dataclass(frozen=True)
class Window:
    """What a system sees at once, and how much of it at either edge is seen again by its neighbour. Seconds."""

    seconds: float
    margin: float

    @classmethod
    def like(cls, longest: float | None) -> Window:
        """For a system that was trained on utterances up to `longest` seconds: it reads longer ones badly."""
        seconds = min(max(longest or LONGEST, SHORTEST), LONGEST)
        steps = round(seconds / STEP)
        return cls(steps * STEP, max(steps // 8, 3) * STEP)


def log_probs(system: Any, parts: Iterable[Samples], window: Window) -> Iterator[Frames]:
    """Posteriors of the signal that `parts` make up, in order, a batch of windows at a time, each frame once.

    system: whose `transcribe` gives CTC posteriors. Raises RunError where it gives none.
    """
    frame = offset = 0.0
    windows = _windows(parts, window)
    while batch := list(islice(windows, BATCH)):
        kept = []
        for (samples, first, last), one in zip(batch, _transcribe(system, [each[0] for each in batch]), strict=True):
            if not frame:
                frame, offset = _frame(len(samples) / SAMPLE_RATE, len(one))
            start = 0 if first else round(window.margin / frame)
            stop = len(one) if last else round((window.seconds - window.margin) / frame)
            kept.append(one[start:stop])
        yield Frames(np.concatenate(kept), frame, offset)


def _windows(parts: Iterable[Samples], window: Window) -> Iterator[tuple[Samples, bool, bool]]:
    """(samples, whether it is the first, whether it is the last). The last is longer than two margins, or the only one."""
    size, hop = (round(seconds * SAMPLE_RATE) for seconds in (window.seconds, window.seconds - 2 * window.margin))
    held = np.empty(0, np.float32)
    first = True
    for part in parts:
        held = np.concatenate([held, part])
        start = 0
        while len(held) - start > size:
            yield held[start : start + size], first, False
            start, first = start + hop, False
        held = held[start:]
    if len(held):
        yield held, first, True


def _frame(seconds: float, frames: int) -> tuple[float, float]:
    """Length of a frame and the middle of the first, from how many there are in so many seconds."""
    if not frames:
        raise RunError(f"the aligner gives no CTC posteriors for {seconds:.2f} s of audio")
    frame = min(FRAME_SECONDS, key=lambda known: abs(seconds / frames - known) / known)
    return frame, (seconds - frames * frame + frame) / 2


def _transcribe(system: Any, windows: list[Samples]) -> list[NDArray[np.float32]]:
    """(T, V) natural-log posteriors of each window. The system's own front end loads them, from memory."""
    import soundfile
    from lhotse import AudioSource, Recording

    from cyasr.search.conf import DecodeConf

    cuts = []
    for number, samples in enumerate(windows):
        wav = io.BytesIO()
        soundfile.write(wav, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")
        source = AudioSource("memory", [0], wav.getvalue())
        recording = Recording(str(number), [source], SAMPLE_RATE, len(samples), len(samples) / SAMPLE_RATE)
        cuts.append(recording.to_cut())
    return [log_probs for _, log_probs in system.transcribe(cuts, DecodeConf(search="greedy"), None)]
