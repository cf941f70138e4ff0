"""One channel of an audio file, of any length and rate, as blocks at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE

BLOCK_SECONDS = 20.0

Samples = NDArray[np.float32]


def blocks(recording: dict[str, Any], channel: int = 0, start: float = 0.0, end: float | None = None) -> Iterator[Samples]:
    """(n,) samples at 16 kHz in -1..1 of `recording`, a row of Lhotse's manifest, from `start` to `end` seconds.

    Raises RunError naming the file where it cannot be read.
    """
    import soundfile

    path, column = _source(recording, channel)
    rate = recording["sampling_rate"]
    try:
        with soundfile.SoundFile(str(path)) as sound:
            if start:
                sound.seek(round(start * rate))
            left = round(((recording["duration"] if end is None else end) - start) * rate)
            yield from resampled(_read(sound, left, column), rate)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise RunError(f"{path}: unreadable audio: {str(error).strip().splitlines()[0]}; run stage 1 again") from None


def resampled(parts: Iterable[Samples], rate: int) -> Iterator[Samples]:
    """`parts` of a signal at `rate` Hz as parts of the same at 16 kHz."""
    if rate == SAMPLE_RATE:
        yield from parts
        return
    import soxr

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    for part in parts:
        if len(out := stream.resample_chunk(part)):
            yield out
    if len(out := stream.resample_chunk(np.empty(0, np.float32), last=True)):
        yield out


def regrouped(parts: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same signal in parts of `size` samples, the last one shorter."""
    held: list[Samples] = []
    count = 0
    for part in parts:
        held.append(part)
        count += len(part)
        if count >= size:
            joined = np.concatenate(held)
            whole = count - count % size
            for first in range(0, whole, size):
                yield joined[first : first + size]
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def _read(sound: Any, left: int, column: int) -> Iterator[Samples]:
    while left > 0:
        block = sound.read(min(left, round(BLOCK_SECONDS * sound.samplerate)), dtype="float32", always_2d=True)
        if not len(block):
            return
        left -= len(block)
        yield np.ascontiguousarray(block[:, column])


def _source(recording: dict[str, Any], channel: int) -> tuple[Path, int]:
    """The file that holds `channel`, and its place among the file's channels."""
    for source in recording["sources"]:
        if channel in source["channels"]:
            return Path(source["source"]), source["channels"].index(channel)
    raise RunError(f"{recording['id']}: no channel {channel}")
