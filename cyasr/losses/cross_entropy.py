"""Token cross-entropy with label smoothing (Szegedy et al., CVPR 2016): (1 - e) CE(y, p) + e CE(uniform, p)."""

from __future__ import annotations

import torch
from torch import Tensor

IGNORE = -100  # padding in targets


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Summed over tokens, in nats. logits: (N, U, V); targets: (N, U), IGNORE where padded."""
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE, label_smoothing=smoothing, reduction="sum"
    )
