"""What a search over a graph is told, whichever backend runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cyasr.wfst.graph import Graph
from cyasr.wfst.lattice import Lattice

Backend = Literal["kaldi", "k2"]
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


def lattices(backend: Backend, graph: Graph, utterances: Utterances, search: Search) -> Iterator[tuple[str, Lattice]]:
    """(id, raw lattice) of each utterance, in order. Raises UsageError where the backend is not installed."""
    run: Callable[[Graph, Utterances, Search], Iterator[tuple[str, Lattice]]]
    if backend == "k2":
        from cyasr.wfst.k2_files import lattices as run
    else:
        from cyasr.wfst.kaldi import lattices as run
    return run(graph, utterances, search)
