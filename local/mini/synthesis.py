"""One sentence as one recording: phonemes, a pseudo-speaker, silence around it, noise and level as a room gives them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from cyasr.files import replacing
from cyasr.text.g2p import espeak, phonemes
from local.mini.espeak import synthesise
from local.mini.grammar import Sentence
from local.mini.speakers import Speaker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLING_RATE = 16_000  # hertz
SNR = (20.0, 35.0)  # dB
LEVEL = (-32.0, -18.0)  # dB full scale, root mean square
SILENCE = (0.08, 0.28)  # seconds, before and after
PACE = (0.92, 1.08)  # of the speaker's own
PITCH_SPREAD = 3  # of espeak's scale, either way


def inline(sentence: Sentence) -> str:
    """What espeak-ng is given: inline phonemes for Greek, plain text for English; a question mark where due."""
    if sentence.dialect == "english":
        said = sentence.text
    else:
        said = espeak(phonemes(sentence.text, "cypriot" if sentence.dialect == "cypriot" else "standard"))
    return f"{said}{'?' if sentence.question else ''}"


def speak(sentence: Sentence, speaker: Speaker, seed: int) -> NDArray[np.int16]:
    """Samples at 16 kHz; they depend on nothing but the arguments."""
    import numpy as np
    from scipy.signal import lfilter, resample_poly

    draw = random.Random(f"{seed} {speaker.id} {sentence.text}")
    language = "en" if sentence.dialect == "english" else "el"
    pitch = speaker.pitch + draw.randint(-PITCH_SPREAD, PITCH_SPREAD)
    rate = round(speaker.rate * draw.uniform(*PACE))
    raw, source_rate = synthesise(inline(sentence), f"{language}+{speaker.variant}", pitch, rate)
    common = int(np.gcd(SAMPLING_RATE, source_rate))
    speech = resample_poly(trimmed(raw.astype(np.float64)), SAMPLING_RATE // common, source_rate // common)
    before, after = (round(draw.uniform(*SILENCE) * SAMPLING_RATE) for _ in range(2))
    speech = np.pad(speech, (before, after))

    noise = np.random.default_rng(draw.getrandbits(64)).standard_normal(len(speech))
    noise = lfilter([1.0], [1.0, -draw.uniform(0.3, 0.9)], noise)  # from nearly white to a low hum
    power = float(np.sum(speech**2)) / (len(speech) - before - after)
    noise *= np.sqrt(power / np.mean(noise**2)) * 10 ** (-draw.uniform(*SNR) / 20)
    mixed = speech + noise
    mixed *= 32768 * 10 ** (draw.uniform(*LEVEL) / 20) / np.sqrt(np.mean(mixed**2))
    return np.clip(np.round(mixed), -32768, 32767).astype(np.int16)


def trimmed(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the silence that espeak-ng puts around an utterance."""
    import numpy as np

    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def record(path: Path, sentence: Sentence, speaker: Speaker, seed: int) -> None:
    """Speak into a 16-bit WAV file that is whole or absent."""
    import soundfile

    samples = speak(sentence, speaker, seed)
    with replacing(path) as temporary:
        soundfile.write(str(temporary), samples, SAMPLING_RATE, subtype="PCM_16", format="WAV")
