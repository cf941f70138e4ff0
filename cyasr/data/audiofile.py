"""Audio files read and written; what they claim to be is in headers/."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cyasr.data.headers import AudioError as AudioError
from cyasr.data.headers import Header as Header
from cyasr.data.headers import read_header as read_header

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # of all audio once loaded
TELEPHONE_RATE = 8_000
BLOCK = 1 << 18  # frames read at once


class Meter(Protocol):
    """Something that listens while a file is decoded."""

    def add(self, block: NDArray[np.float32]) -> None:
        """block: (frames, channels) in -1..1."""


def read_through(path: Path, meter: Meter | None = None) -> tuple[int, str]:
    """Decode all of `path`: (frames that could be read, digest of the samples). Raises AudioError.

    Every block decoded is given to `meter`. A file of one constant value, or with samples that are no numbers, holds no
    speech and is an error too.
    """
    import numpy as np
    import soundfile

    frames, digest = 0, hashlib.blake2b(digest_size=16)
    low, high = np.inf, -np.inf
    try:
        with soundfile.SoundFile(str(path)) as sound:
            while len(block := sound.read(BLOCK, dtype="float32", always_2d=True)):
                frames += len(block)
                digest.update(block.data)
                low, high = min(low, float(block.min())), max(high, float(block.max()))
                if meter and np.isfinite(low + high):
                    meter.add(block)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise AudioError(f"unreadable audio: {_reason(error)} after {frames} samples") from None
    if not frames:
        raise AudioError("no samples")
    if not np.isfinite(low + high):
        raise AudioError("samples that are no numbers")
    if low == high:
        raise AudioError("digital silence")
    return frames, digest.hexdigest()


def write_wav(path: Path, samples: NDArray[np.float32], rate: int) -> None:
    """samples: (n,) in -1..1, as 16 bit; the same bytes whatever library is installed, and OSError when the disk is full."""
    import numpy as np

    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error).rstrip(".")
