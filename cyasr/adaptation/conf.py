"""The key `adapt:` of a train conf."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class AdaptConf:
    """full: all that the system does not freeze itself."""

    kind: Literal["full", "lora", "qlora", "adapters", "partial"] = "full"
    targets: list[str] = field(default_factory=list)  # lora, adapters: modules, by the last part of their names
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    bottleneck: int = 64  # adapters: width
    train: list[str] = field(default_factory=list)  # trained in full besides: parts of dotted names (`layers.23`, `lm_head`)

    def __post_init__(self) -> None:
        if self.kind in {"lora", "qlora", "adapters"} and not self.targets:
            raise ValueError(f"adapt: kind: {self.kind} needs targets, names of modules")
        if self.kind == "partial" and not self.train:
            raise ValueError("adapt: kind: partial needs train, the parts that are trained")
        if min(self.rank, self.bottleneck) < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise ValueError("adapt: rank and bottleneck from 1, alpha above 0, dropout from 0 to below 1")
