"""What a search over a graph is told, whichever backend runs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Utterances = Iterable[tuple[str, NDArray[np.float32]]]  # (id, (T, V) natural logs)


@dataclass(frozen=True)
class Search:
    """lm_weight: CTC's scores are divided by it, since the graph's own weigh 1. Beams: nats of CTC's scores."""

    lm_weight: float
    beam: float
    lattice_beam: float
    max_active: int  # states a frame; k2 alone has this limit

    def scaled(self, log_probs: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(log_probs / np.float32(self.lm_weight))
