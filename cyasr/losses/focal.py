"""Focal loss (Lin et al., ICCV 2017): tokens that are already right count less, rare ones can count more."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from cyasr.cli import UsageError
from cyasr.losses.cross_entropy import IGNORE


def focal(logits: Tensor, targets: Tensor, gamma: float, alpha: Tensor | None = None) -> Tensor:
    """alpha_y (1 - p_y)^gamma (-log p_y), summed over tokens, in nats. With gamma 0 and no alpha: cross-entropy.

    logits: (N, U, V); targets: (N, U), IGNORE where padded; alpha: (V,), a weight for each token of the vocabulary.
    """
    counted = targets != IGNORE
    right = targets[counted]
    log_p = logits[counted].float().log_softmax(-1).gather(-1, right[:, None])[:, 0]
    missed = -torch.expm1(log_p)  # 1 - p_y, exact where p_y is near one
    weight = missed.clamp(min=1e-6) ** gamma
    return -(weight * log_p * (1.0 if alpha is None else alpha[right])).sum()


def token_weights(
    alpha: dict[str, float], encode: Callable[[str], list[int]], vocabulary: int, unknown: int | None = None
) -> Tensor | None:
    """(V,): the weights that `alpha` gives to the tokens of its texts, 1 for all others; None where it is empty.

    Raises UsageError for a text that `encode` cannot write, `unknown` being what it writes then.
    """
    if not alpha:
        return None
    weights = torch.ones(vocabulary)
    for text, weight in alpha.items():
        ids = encode(text)
        if not ids or unknown in ids:
            raise UsageError(f"loss: focal_alpha: {text!r} is no token of this system")
        weights[ids] = weight
    return weights
