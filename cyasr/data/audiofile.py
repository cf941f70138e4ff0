"""What an audio file claims to be, and what can be read of it."""

from __future__ import annotations

import hashlib
import struct
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # of all audio once loaded
TELEPHONE_RATE = 8_000
UNKNOWN_SIZE = 0x7FFF0000  # writers into pipes put such sizes: the true one was not known yet
BLOCK = 1 << 18  # frames read at once


class AudioError(Exception):
    """One line on what is wrong with a file."""


@dataclass(frozen=True)
class Header:
    """What a file claims: `frames` samples in each of `channels` channels, `rate` a second."""

    rate: int
    frames: int
    channels: int


def read_header(path: Path) -> Header:
    """Claims of `path`, unverified. Raises AudioError: missing, empty, unreadable, or no samples."""
    import soundfile

    try:
        if path.stat().st_size == 0:
            raise AudioError("empty file")
        info = soundfile.info(str(path))
    except FileNotFoundError:
        raise AudioError("audio is missing") from None
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"unreadable audio: {_reason(error)}") from None
    frames = max(info.frames, _wav_frames(path) or 0)
    if frames <= 0:
        raise AudioError("no samples")
    return Header(info.samplerate, frames, info.channels)


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


def _wav_frames(path: Path) -> int | None:
    """Frames that a RIFF header claims, which libsndfile corrects silently; None where it claims none."""
    with open(path, "rb") as f:
        if f.read(4) != b"RIFF" or len(f.read(8)) != 8:
            return None
        block = 0
        while len(head := f.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"fmt " and size >= 16:
                block = struct.unpack("<H", f.read(size + size % 2)[12:14])[0]
            elif name == b"data":
                return size // block if block and size < UNKNOWN_SIZE else None
            else:
                f.seek(size + size % 2, 1)
    return None
