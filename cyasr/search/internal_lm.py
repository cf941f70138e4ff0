"""What an attention decoder knows of the language by itself: its next token where it hears nothing.

Internal language model estimation, Meng et al. 2021, "Internal Language Model Estimation for Domain-Adaptive End-to-End
Speech Recognition": the encoder's output is replaced by zeros, or by its mean over speech (Zeineldeen et al. 2021,
"Investigating Methods to Improve Language Model Integration for Attention-based Encoder-Decoder ASR Models").
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.search.interfaces import AttentionDecoder

Ints = NDArray[np.int64]


class InternalLm:
    """A TokenLm (cyasr.search.interfaces) whose states are those of its last call only.

    decoder: for this alone, since it steps its own hypotheses; context: (D,) what it hears at its only frame.
    """

    def __init__(self, decoder: AttentionDecoder, context: torch.Tensor, sos: int) -> None:
        self._decoder, self._context, self._sos = decoder, context, sos
        self._last = np.zeros(0, np.int64)

    def start(self, count: int) -> Ints:
        self._decoder.start(self._context.expand(count, 1, -1), torch.ones(count, dtype=torch.long))
        self._last = np.full(count, self._sos, np.int64)
        return np.arange(count)

    def rows(self, states: Ints) -> tuple[NDArray[np.float32], Ints]:
        """Once for each step."""
        said = self._decoder.step(torch.from_numpy(self._last).to(self._context.device))
        return said.float().cpu().numpy(), states

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        rows = torch.from_numpy(states).to(self._context.device)
        self._decoder.select(rows, rows)  # to the decoder, every hypothesis is an utterance of its own
        self._last = tokens.copy()
        return np.arange(len(tokens))
