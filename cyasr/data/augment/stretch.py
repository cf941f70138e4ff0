"""Speech faster or slower at its own pitch, and higher or lower at its own speed."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from cyasr.data.audiofile import SAMPLE_RATE

FRAME = 640  # samples, 40 ms: two periods of a low voice
HOP = FRAME // 2
REACH = 160  # samples searched to both sides, together one period of 50 Hz
COARSE = 4  # samples averaged into one for the search's first pass


def stretch(audio: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """`audio` played `factor` times as fast, pitch and formants kept (WSOLA: Verhelst & Roelands, ICASSP 1993)."""
    samples = round(len(audio) / factor)
    if factor == 1.0 or len(audio) < 2 * FRAME:
        return audio
    frames = -(-samples // HOP) + 1
    behind = round(frames * HOP * factor) + REACH + 2 * FRAME - len(audio)
    padded = np.pad(audio, (HOP + REACH, max(0, behind)))
    coarse = padded[: len(padded) // COARSE * COARSE].reshape(-1, COARSE).mean(1)
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    return _overlap_add(padded, coarse, window, frames, factor)[HOP : HOP + samples]


def shift_pitch(audio: NDArray[np.float32], semitones: float, tempo: float = 1.0) -> NDArray[np.float32]:
    """`audio` higher by `semitones`, formants too, and `tempo` times as fast."""
    import soxr

    ratio = 2.0 ** (semitones / 12)
    moved: NDArray[np.float32] = soxr.resample(audio, SAMPLE_RATE * ratio, SAMPLE_RATE, quality="MQ")
    samples = round(len(audio) / tempo)
    return np.pad(stretch(moved, tempo / ratio), (0, 2))[:samples]  # two roundings may leave it a sample short


@numba.njit(cache=True, fastmath={"contract", "reassoc"})
def _overlap_add(
    audio: NDArray[np.float32], coarse: NDArray[np.float32], window: NDArray[np.float32], frames: int, factor: float
) -> NDArray[np.float32]:
    """Frames of `audio`, each the one within reach that goes on best from the one before, every HOP samples.

    audio: with HOP + REACH samples before its beginning, and as many behind its end as the last frame may want.
    """
    out = np.zeros((frames + 1) * HOP, dtype=np.float32)
    place = REACH  # of the frame, in `audio`
    for n in range(frames):
        if n:
            follow = place + HOP
            place = _best(audio, coarse, follow, int(n * HOP * factor + 0.5) + REACH)
        for i in range(FRAME):
            out[n * HOP + i] += window[i] * audio[place + i]
    return out


@numba.njit(cache=True, fastmath={"contract", "reassoc"})
def _best(audio: NDArray[np.float32], coarse: NDArray[np.float32], follow: int, about: int) -> int:
    """The place within REACH of `about` whose frame is most like (correlation over energy) the one at `follow`."""
    length, target = FRAME // COARSE, follow // COARSE
    best, found = np.float32(-np.inf), about // COARSE
    for place in range((about - REACH) // COARSE, (about + REACH) // COARSE + 1):
        product, energy = np.float32(0.0), np.float32(1e-6)
        for i in range(length):
            product += coarse[target + i] * coarse[place + i]
            energy += coarse[place + i] * coarse[place + i]
        likeness = product / np.sqrt(energy)
        if likeness > best:
            best, found = likeness, place
    centre = found * COARSE + follow % COARSE
    best, fine = np.float32(-np.inf), centre
    for place in range(max(0, centre - COARSE + 1), min(centre + COARSE, len(audio) - FRAME)):
        product, energy = np.float32(0.0), np.float32(1e-6)
        for i in range(FRAME):
            product += audio[follow + i] * audio[place + i]
            energy += audio[place + i] * audio[place + i]
        likeness = product / np.sqrt(energy)
        if likeness > best:
            best, fine = likeness, place
    return fine
