"""How NeMo's models take audio: log-mel features of their own preprocessor, and long recordings in pieces."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.nbest import Word

LEAST = 0.1  # seconds
QUIET = 0.2  # seconds over which loudness is measured where a long recording is cut
SEARCHED = 0.25  # share of a piece, at its end, in which the quietest place is looked for


class Features:
    """A model's preprocessor for one utterance at a time, whatever mode the model is in: without dither.

    least: seconds; shorter audio gets silence on both sides.
    """

    def __init__(self, preprocessor: Any, least: float = LEAST) -> None:
        self.least = least
        self.preprocessor = copy.deepcopy(preprocessor).eval().cpu()
        # NeMo wraps `forward` in the instance: the copy's would be the original's, with its mode, buffers and device
        vars(self.preprocessor.featurizer).pop("forward", None)

    def __call__(self, audio: NDArray[np.float32]) -> Tensor:
        """audio: (samples,) at 16 kHz. Returns (frames, bins)."""
        missing = round(self.least * SAMPLE_RATE) - len(audio)
        if missing > 0:
            audio = np.pad(audio, (missing // 2, missing - missing // 2))
        signal = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))[None]
        with torch.no_grad():
            features, frames = self.preprocessor(input_signal=signal, length=torch.tensor([signal.shape[1]]))
        made: Tensor = features[0, :, : int(frames[0])].T.contiguous()
        return made


def encode(model: Any, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """features: (N, T, bins). Returns (N, T', D) and (N,) frames of the encoder."""
    encoded, frames = model.encoder(audio_signal=features.transpose(1, 2), length=lengths)
    return encoded.transpose(1, 2), frames


def keep_frozen_statistics(system: nn.Module) -> None:
    """Batch normalisation whose weights are frozen keeps its statistics too, also while training."""
    for module in system.modules():
        if isinstance(module, nn.BatchNorm1d) and module.weight is not None and not module.weight.requires_grad:
            module.eval()


def pieces(audio: NDArray[np.float32], most: float) -> list[tuple[int, int]]:
    """Samples (start, end) of pieces of at most `most` seconds that cover `audio`, cut where it is quietest."""
    limit, window = round(most * SAMPLE_RATE), round(QUIET * SAMPLE_RATE)
    found, start = [], 0
    while len(audio) - start > limit:
        first = start + round((1 - SEARCHED) * limit)
        power = np.convolve(audio[first : start + limit].astype(np.float64) ** 2, np.ones(window), "valid")
        cut = first + int(power.argmin()) + window // 2
        found.append((start, cut))
        start = cut
    return [*found, (start, len(audio))]


def shared(text: str, start: float, end: float, confidence: float) -> list[Word]:
    """Words that share the time from `start` to `end`, seconds, by their letters."""
    words = text.split()
    share = (end - start) / max(sum(map(len, words)), 1)
    found = []
    for word in words:
        stop = start + share * len(word)
        found.append(Word(word, round(start, 2), round(stop, 2), round(confidence, 4)))
        start = stop
    return found
