"""Bottleneck adapters (Houlsby et al., ICML 2019), placed behind linear layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WithBottleneck(nn.Module):
    """A linear layer followed by x + W_up relu(W_down norm(x)); W_up starts at zero: nothing changes before training."""

    def __init__(self, base_layer: nn.Linear, bottleneck: int, dropout: float) -> None:
        super().__init__()
        size, device = base_layer.out_features, base_layer.weight.device
        self.base_layer = base_layer
        self.norm = nn.LayerNorm(size, device=device)
        self.down = nn.Linear(size, bottleneck, device=device)
        self.up = nn.Linear(bottleneck, size, device=device)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., in_features). Returns (..., out_features)."""
        hidden: Tensor = self.base_layer(x)
        return hidden + self.dropout(self.up(torch.relu(self.down(self.norm(hidden)))))
