"""Speech that can be made and read exactly: each letter is a tone, and a system reads them off the spectrum."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cyasr.data.audio import load
from cyasr.text.normalize import normalize
from cyasr.text.tokenizer import BLANK, SOS_EOS, SPACE, UNK, Tokenizer

RATE = 16_000
LETTERS = "αβγδεζηικλμνοπρστυφχ"
FRAME = 640  # samples: 40 ms
LETTER_FRAMES = 3
TOKENS = [BLANK, UNK, *LETTERS, SPACE, SOS_EOS]
FREQUENCIES = {letter: 400 + 200 * n for n, letter in enumerate(LETTERS)}  # multiples of 25 Hz: a bin of FRAME samples


@dataclass
class Speech:
    """A recording in the making. times: (text, start, end) of each sentence, in seconds."""

    samples: list[np.ndarray] = field(default_factory=list)
    times: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(map(len, self.samples)) / RATE

    def pause(self, seconds: float) -> Speech:
        self.samples.append(np.zeros(round(seconds * RATE), np.float32))
        return self

    def say(self, text: str, pause: float = 0.4) -> Speech:
        """A sentence, letter by letter, 80 ms between words, and a pause after it."""
        start = self.seconds
        for n, word in enumerate(normalize(text).split()):
            self.pause(0.08 if n else 0)
            for letter in re.sub("[ςάέήίόύώ]", lambda match: dict(zip("ςάέήίόύώ", "σαεηιουο", strict=True))[match[0]], word):
                self.samples.append(tone(FREQUENCIES[letter]))
                self.pause(0.08)
        self.times.append((text, start, self.seconds - 0.08))
        return self.pause(pause)

    def signal(self, noise: float = 0.001) -> np.ndarray:
        joined = np.concatenate(self.samples)
        return joined + noise * np.random.default_rng(0).standard_normal(len(joined)).astype(np.float32)

    def recording(self, path: Path, rate: int = RATE) -> dict[str, Any]:
        """Written to `path`; its row in Lhotse's manifests."""
        soundfile.write(path, self.signal(), rate)
        return row_of(path)


def tone(frequency: float) -> np.ndarray:
    seconds = np.arange(FRAME * LETTER_FRAMES) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency * seconds)).astype(np.float32)


def row_of(path: Path) -> dict[str, Any]:
    info = soundfile.info(path)
    channels = list(range(info.channels))
    source = {"type": "file", "channels": channels, "source": str(path)}
    return {
        "id": path.stem, "sources": [source], "sampling_rate": info.samplerate, "num_samples": info.frames,
        "duration": info.frames / info.samplerate, "channel_ids": channels,
    }  # fmt: skip


def supervision(recording: dict[str, Any], text: str, **others: Any) -> dict[str, Any]:
    custom = {"corpus": "tones", "licence": "CC0-1.0", "dialect": "cypriot", "label": "gold", "where": "table.tsv:1"}
    row = {"id": recording["id"], "recording_id": recording["id"], "start": 0.0, "duration": recording["duration"], "channel": 0}
    return row | {"text": text, "language": "el", "speaker": "s1", "custom": custom | others.pop("custom", {})} | others


class Reader:
    """A system as cyasr/systems/ has them, as far as segmentation asks."""

    def __init__(self, sure: float = 0.999) -> None:
        self.tokenizer = Tokenizer(TOKENS)
        self.sure = sure  # probability of what is read

    def transcribe(self, cuts: list[Any], conf: Any, lm: Any) -> list[tuple[None, np.ndarray]]:
        return [(None, self.log_probs(load(cut))) for cut in cuts]

    def log_probs(self, samples: np.ndarray) -> np.ndarray:
        frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
        spectrum = np.abs(np.fft.rfft(frames, axis=1))
        bins = [round(frequency * FRAME / RATE) for frequency in FREQUENCIES.values()]
        letters = spectrum[:, bins].argmax(1)
        read = np.where(np.sqrt(np.mean(frames**2, axis=1)) > 0.05, 2 + letters, 0)
        read[1:][read[1:] == read[:-1]] = 0  # as CTC models do: a peak where the letter begins, and blanks
        probs = np.full((len(frames), len(TOKENS)), (1 - self.sure) / (len(TOKENS) - 1), np.float32)
        probs[np.arange(len(frames)), read] = self.sure
        return np.log(probs)

    def read(self, samples: np.ndarray) -> str:
        """Greedy: the letters that are heard."""
        best = self.log_probs(samples).argmax(1)
        return "".join(TOKENS[i] for i in best[np.flatnonzero(np.diff(best, prepend=-1))] if i)
