"""The programs that search a graph: kaldi-decoder here, k2 here or in its own environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from cyasr.wfst.graph import Graph
from cyasr.wfst.lattice import Lattice
from cyasr.wfst.search import Search, Utterances

Backend = Literal["kaldi", "k2"]


def lattices(backend: Backend, graph: Graph, utterances: Utterances, search: Search) -> Iterator[tuple[str, Lattice]]:
    """(id, raw lattice) of each utterance, in order. Raises UsageError where the backend is not installed."""
    run: Callable[[Graph, Utterances, Search], Iterator[tuple[str, Lattice]]]
    if backend == "k2":
        from cyasr.wfst.k2_files import lattices as run
    else:
        from cyasr.wfst.kaldi import lattices as run
    return run(graph, utterances, search)
