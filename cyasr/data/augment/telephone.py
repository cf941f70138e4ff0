"""Speech as a telephone brings it: 300 to 3400 Hz at 8 kHz, through a codec."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.data.audiofile import SAMPLE_RATE, TELEPHONE_RATE

BAND = (300.0, 3400.0)  # Hz
CODECS = ("ALAW", "ULAW", "GSM610")  # G.711 as in Europe and in America; GSM full rate. libsndfile's names


def telephone(audio: NDArray[np.float32], codec: str) -> NDArray[np.float32]:
    """`audio` through the band and one of CODECS, at 16 kHz again. Whatever exceeds full scale is clipped."""
    import soxr
    from scipy.signal import sosfilt

    narrow = soxr.resample(audio, SAMPLE_RATE, TELEPHONE_RATE, quality="MQ")
    narrow = sosfilt(_band(), narrow)
    samples = np.rint(np.clip(narrow, -1.0, 1.0) * 32767).astype(np.int16)
    coded = _through(codec, samples) if codec == "GSM610" else _table(codec)[samples.view(np.uint16)]
    wide: NDArray[np.float32] = soxr.resample(coded.astype(np.float32) / 32768, TELEPHONE_RATE, SAMPLE_RATE, quality="MQ")
    return np.pad(wide, (0, max(0, len(audio) - len(wide))))[: len(audio)]


@cache
def _band() -> NDArray[np.float32]:
    from scipy.signal import butter

    sections: NDArray[np.float32] = butter(4, BAND, "bandpass", fs=TELEPHONE_RATE, output="sos").astype(np.float32)
    return sections


@cache
def _table(codec: str) -> NDArray[np.int16]:
    """What becomes of each 16-bit sample (as unsigned), for a codec that takes them one by one."""
    return _through(codec, np.arange(1 << 16, dtype=np.uint16).view(np.int16))


def _through(codec: str, samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """samples: (n,) at 8 kHz, coded and decoded."""
    import soundfile

    raw: dict[str, Any] = {"samplerate": TELEPHONE_RATE, "format": "RAW", "subtype": codec}
    coded = io.BytesIO()
    soundfile.write(coded, samples, **raw)
    coded.seek(0)
    decoded: NDArray[np.int16] = soundfile.read(coded, dtype="int16", channels=1, **raw)[0]
    return np.pad(decoded, (0, max(0, len(samples) - len(decoded))))[: len(samples)]
