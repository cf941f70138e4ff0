"""A neural language model as the search wants it: integer states, new ones through the network together, each once."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.modules.espnet_lm import Stepping
from cyasr.search.ctc import Ints

Scores = NDArray[np.float32]


class NeuralFusion:
    """`network` over `vocabulary` tokens, of which `edge` starts and ends a sentence.

    A state is a node of the tree of all beginnings met so far: hypotheses and utterances that begin alike share it. The
    tree starts anew with the next search once it has `nodes`; the log probabilities of a state are kept while there is
    room for `rows` of them, and computed again where they are asked for later.
    """

    def __init__(self, network: Stepping, vocabulary: int, edge: int, nodes: int = 20_000, rows: int = 8192) -> None:
        self._network = network
        self._vocabulary, self._edge, self._nodes = vocabulary, edge, nodes
        self._table = np.zeros((rows, vocabulary), np.float32)
        self._children: dict[int, int] = {}  # state * vocabulary + token -> state
        self._parent = np.full(1024, -1, np.int64)  # of each state; the root, state 0, has none
        self._token = np.full(1024, edge, np.int64)  # the last of each
        self._row = np.full(1024, -1, np.int64)  # of each in the table; -1: not there
        self._count, self._filled = 1, 0  # states; rows

    def start(self, count: int) -> Ints:
        if self._count > self._nodes:
            self._children.clear()
            self._row[:] = -1
            self._count, self._filled = 1, 0
        return np.zeros(count, np.int64)

    def rows(self, states: Ints) -> tuple[Scores, Ints]:
        """states: (M,) -> table (S, V) natural log, rows (M,)."""
        rows = self._row[states]
        if rows.min() < 0:
            missing = np.unique(states[rows < 0])
            if self._filled + len(missing) > len(self._table):
                self._row[:] = -1
                self._filled, missing = 0, np.unique(states)
                if len(missing) > len(self._table):
                    self._table = np.zeros((2 * len(missing), self._vocabulary), np.float32)
            self._add(missing)
            rows = self._row[states]
        return self._table, rows

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        """states: (M,), tokens: (M,) -> (M,); a state after its end stays what it was."""
        after = states.copy()
        for m, (state, token) in enumerate(zip(states.tolist(), tokens.tolist(), strict=True)):
            if token != self._edge:
                key = state * self._vocabulary + token
                node = self._children.get(key)
                if node is None:
                    node = self._children[key] = self._append(state, token)
                after[m] = node
        return after

    def _append(self, parent: int, token: int) -> int:
        node = self._count
        if node == len(self._parent):
            self._parent = np.concatenate([self._parent, np.zeros_like(self._parent)])
            self._token = np.concatenate([self._token, np.zeros_like(self._token)])
            self._row = np.concatenate([self._row, np.full_like(self._row, -1)])
        self._parent[node], self._token[node] = parent, token
        self._count += 1
        return node

    def _add(self, missing: Ints) -> None:
        path, at = [missing], missing
        while (at := np.where(at >= 0, self._parent[at], -1)).max() >= 0:
            path.append(at)
        ancestors = torch.from_numpy(np.stack(path[::-1]))
        scores = self._network.step(ancestors, torch.from_numpy(self._token[missing]))
        rows = np.arange(self._filled, self._filled + len(missing))
        self._table[rows] = scores.float().cpu().numpy()
        self._row[missing] = rows
        self._filled += len(missing)
