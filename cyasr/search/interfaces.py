"""What a search asks of an attention decoder and of a language model, and the hypotheses it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class AttentionDecoder(Protocol):
    """Steps the hypotheses of N utterances together; row n * width + k is hypothesis k of utterance n."""

    def start(self, encoded: torch.Tensor, lens: torch.Tensor) -> None:
        """encoded: (N, T, D); lens: (N,) frames. One empty hypothesis an utterance."""

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens: (M,) the last token of each row (first: sos) -> (M, V) natural log probabilities of the next."""

    def select(self, rows: torch.Tensor, utterances: torch.Tensor | None) -> None:
        """Go on with `rows` (M',) of the present ones, of these `utterances` (N',), in order; None: all of them."""


class TokenLm(Protocol):
    """A language model over the system's own tokens, with integer states."""

    def start(self, count: int) -> Ints:
        """States (count,) of empty hypotheses."""

    def rows(self, states: Ints) -> tuple[NDArray[np.float32], Ints]:
        """A table (S, V) of natural log probabilities, the end token's included, and each state's row in it."""

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        """States after one more token each; any value where the token is the end."""


@dataclass(frozen=True)
class SearchHypothesis:
    """tokens: without sos and eos; scores: unweighted natural logs (length: tokens scored); total: their weighted sum."""

    tokens: list[int]
    scores: dict[str, float]
    total: float
