"""Whisper over speech longer than its window: one window after another, each begun where the last one's timestamps end.

The rules are those of Radford et al. (ICML 2023), section 3.8, without their fallback to sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.modules import whisper

STEP = 0.02  # seconds between two timestamps
LEAST = 0.1  # seconds that a word needs; what is left of the speech after the last timestamp may be less


@dataclass
class Segment:
    """tokens: of its text; start, end: seconds; log_prob: natural log, of the tokens and the timestamps around them."""

    tokens: list[int]
    start: float
    end: float
    log_prob: float
    mean: float  # log_prob over the tokens that it is the sum of


def transcribe(
    model: Any, prefix: list[int], audio: NDArray[np.float32], window: Callable[[NDArray[np.float32]], Tensor],
    window_seconds: float, beam: int,
) -> list[Segment]:  # fmt: skip
    """audio: (samples,) at 16 kHz, of any length; prefix: start, language and task; window: audio to (mels, frames)."""
    found: list[Segment] = []
    offset, device = 0.0, next(model.parameters()).device
    first = model.generation_config.no_timestamps_token_id + 1
    while offset + LEAST < len(audio) / SAMPLE_RATE:
        piece = audio[round(offset * SAMPLE_RATE) : round((offset + window_seconds) * SAMPLE_RATE)]
        seconds = len(piece) / SAMPLE_RATE
        encoded = model.model.encoder(window(piece)[None].to(device)).last_hidden_state
        ((tokens, _),) = whisper.search(model, encoded, prefix, beam, 1, timed=True)[0]
        cuts, forward = cut(tokens, first, seconds)
        sequence = torch.tensor([[*prefix, *tokens]], device=device)
        logs = whisper.log_probs(model, encoded, sequence, len(prefix))[0].tolist() if tokens else []
        for begin, end, start, stop in cuts:
            total = sum(logs[begin:end])
            text = [token for token in tokens[begin:end] if token < first]
            if text:
                found.append(Segment(text, offset + start, offset + stop, total, total / (end - begin)))
        offset += forward
    return found


def cut(tokens: list[int], first: int, seconds: float) -> tuple[list[tuple[int, int, float, float]], float]:
    """A window's segments, (begin, end) in `tokens` and (start, stop) in seconds, and how far to go from here.

    first: the timestamp of 0 s; what follows it are later ones. seconds: of speech in the window. Two timestamps in a row
    part two segments; a segment that is still open at the window's end is left to the next window.
    """
    timed = [token >= first for token in tokens]
    parts = [n for n in range(1, len(tokens)) if timed[n] and timed[n - 1]]

    def at(n: int) -> float:
        return min((tokens[n] - first) * STEP, seconds)

    closed = timed[-2:] == [False, True]
    if parts and (closed or at(parts[-1] - 1) > 0):
        bounds = [0, *parts, *([len(tokens)] if closed else [])]
        segments = [(begin, end, at(begin), at(end - 1)) for begin, end in pairwise(bounds)]
        return segments, seconds if closed else at(parts[-1] - 1)
    last = [n for n, one in enumerate(timed) if one and tokens[n] > first]
    start = at(0) if tokens and timed[0] and len(last) > 1 else 0.0
    return [(0, len(tokens), start, at(last[-1]) if last else seconds)] if tokens else [], seconds
