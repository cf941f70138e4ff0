"""espeak-ng as a function, through the shared library that the espeakng-loader wheel brings along.

The library keeps state from one utterance to the next (phases, random numbers), so that the same words come out with
other samples. It is loaded afresh for each call and its generator seeded: a few milliseconds, and the same words, voice
and settings always give the same samples.
"""

from __future__ import annotations

import _ctypes
import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AUDIO_OUTPUT_SYNCHRONOUS = 2
DONT_EXIT = 0x8000
RATE, PITCH = 1, 3
UTF8, PHONEMES = 0x1, 0x100
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class SynthesisError(Exception):
    """espeak-ng refused a call."""


def synthesise(text: str, voice: str, pitch: int, rate: int) -> tuple[NDArray[np.int16], int]:
    """Samples of `text` and their sampling rate (hertz).

    text: words, or inline phonemes in double square brackets. voice: "el+m1". pitch: 0-99. rate: words a minute.
    Raises SynthesisError.
    """
    import espeakng_loader
    import numpy as np

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    chunks: list[bytes] = []

    def receive(samples: int | None, count: int, events: int | None) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = CALLBACK(receive)
    try:
        sampling_rate = library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), DONT_EXIT
        )
        if sampling_rate <= 0:
            raise SynthesisError("espeak-ng finds no data; is the espeakng-loader wheel whole?")
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.encode()):
            raise SynthesisError(f"espeak-ng has no voice {voice}")
        library.espeak_SetParameter(RATE, rate, 0)
        library.espeak_SetParameter(PITCH, pitch, 0)
        data = text.encode()
        size, start = ctypes.c_size_t(len(data) + 1), ctypes.c_uint(0)
        if library.espeak_Synth(data, size, start, 1, ctypes.c_uint(0), UTF8 | PHONEMES, None, None):
            raise SynthesisError(f"espeak-ng does not speak {text!r}")
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)
    return np.frombuffer(b"".join(chunks), dtype=np.int16), sampling_rate
