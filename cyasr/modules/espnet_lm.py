"""Token-by-token stepping of ESPnet's language models, with their own weights, over a tree of what was said.

A node of the tree is a beginning of a sentence: a token after its parent node. What the network has to remember of a node
(a Transformer's keys and values of its last token, an LSTM's state) is kept once, however many beginnings go on from it.
ESPnet projects the whole prefix of every hypothesis to keys and values again at every token.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from cyasr.modules.espnet_decoder import joined
from cyasr.modules.packed import PackedLinear

ROOM = 1024  # nodes at first; doubled when they are full


class Stepping(Protocol):
    def step(self, path: Tensor, tokens: Tensor) -> Tensor:
        """Log probabilities (M, V) of the next token after each of M nodes, which are remembered.

        path: (L, M) nodes from the root on, the last row the new ones; -1 above the root of shorter ones.
        tokens: (M,) the last token of each.
        """


def stepping(network: Any) -> Stepping:
    """`network`: an espnet2 TransformerLM or SequentialRNNLM in evaluation mode. Its weights are copied."""
    return TransformerStepping(network) if hasattr(network, "embed") else RecurrentStepping(network)


@dataclass
class _Layer:
    norm_self: torch.nn.Module
    norm_feed: torch.nn.Module
    self_qkv: PackedLinear
    self_out: PackedLinear
    feed_in: PackedLinear
    feed_out: PackedLinear


class TransformerStepping:
    """lm: an espnet2 TransformerLM."""

    def __init__(self, lm: Any) -> None:
        attention = lm.encoder.encoders[0].self_attn
        self._heads, self._key_size = attention.h, attention.d_k
        embed = lm.encoder.embed  # linear, norm, dropout, ReLU, positions
        with torch.inference_mode():
            self._inputs = embed[:4](lm.embed.weight)  # (V, D), of every token
        self._positions = embed[4] if hasattr(embed[4], "pe") else None
        self._layers = [_layer(layer) for layer in lm.encoder.encoders]
        self._norm = lm.encoder.after_norm
        self._output = PackedLinear(lm.decoder.weight, lm.decoder.bias)
        size = self._heads * self._key_size
        self._past = [(self._inputs.new_zeros(ROOM, size), self._inputs.new_zeros(ROOM, size)) for _ in self._layers]

    @torch.inference_mode()
    def step(self, path: Tensor, tokens: Tensor) -> Tensor:
        path, tokens = path.to(self._inputs.device), tokens.to(self._inputs.device)
        nodes, absent = path[-1], path < 0
        x = self._inputs[tokens]
        if self._positions is not None:
            self._positions.extend_pe(x.new_empty(1, len(path)))
            x = x * self._positions.xscale + self._positions.pe[0, (~absent).sum(0) - 1]
        mask = x.new_zeros(absent.shape).masked_fill(absent, -math.inf).T[:, None] if absent.any() else None  # (M, 1, L)
        before = path.clamp(min=0).flatten()
        for i, layer in enumerate(self._layers):
            q, k, v = layer.self_qkv(layer.norm_self(x)).chunk(3, dim=1)
            keys, values = self._past[i] = tuple(_grown(kept, int(nodes.max())) for kept in self._past[i])  # type: ignore[assignment]
            keys[nodes], values[nodes] = k, v
            x = x + layer.self_out(self._attend(q, keys[before], values[before], mask))
            x = x + layer.feed_out(layer.feed_in(layer.norm_feed(x)))
        return self._output(self._norm(x)).log_softmax(dim=-1)

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """q: (M, D), scaled; keys, values: (L M, D); mask: (M, 1, L) added -> (M, D)."""
        rows, size = q.shape
        apart = (-1, rows * self._heads, self._key_size)
        weights = torch.bmm(q.reshape(-1, 1, self._key_size), keys.view(apart).permute(1, 2, 0))
        if mask is not None:
            weights = (weights.view(rows, self._heads, -1) + mask).view(weights.shape)
        return torch.bmm(weights.softmax(dim=-1), values.view(apart).transpose(0, 1)).view(rows, size)


class RecurrentStepping:
    """lm: an espnet2 SequentialRNNLM."""

    def __init__(self, lm: Any) -> None:
        self._embedding = lm.encoder.weight.detach()
        self._rnn = lm.rnn
        self._output = PackedLinear(lm.decoder.weight, lm.decoder.bias)
        self._lstm = isinstance(lm.rnn, torch.nn.LSTM)
        shape = (ROOM, lm.nlayers, lm.nhid)
        self._states = [self._embedding.new_zeros(shape) for _ in range(2 if self._lstm else 1)]

    @torch.inference_mode()
    def step(self, path: Tensor, tokens: Tensor) -> Tensor:
        path, tokens = path.to(self._embedding.device), tokens.to(self._embedding.device)
        nodes = path[-1]
        parents = path[-2] if len(path) > 1 else torch.full_like(nodes, -1)
        self._states = [_grown(kept, int(nodes.max())) for kept in self._states]
        before = [
            kept[parents.clamp(min=0)].masked_fill((parents < 0)[:, None, None], 0.0).transpose(0, 1).contiguous()
            for kept in self._states
        ]
        output, after = self._rnn(self._embedding[tokens][:, None], tuple(before) if self._lstm else before[0])
        for kept, state in zip(self._states, after if self._lstm else [after], strict=True):
            kept[nodes] = state.transpose(0, 1)
        return self._output(output[:, 0]).log_softmax(dim=-1)


def _grown(kept: Tensor, last: int) -> Tensor:
    """`kept` with room for row `last`."""
    if last < len(kept):
        return kept
    return torch.cat([kept, kept.new_zeros(max(len(kept), last + 1 - len(kept)), *kept.shape[1:])])


def _layer(layer: Any) -> _Layer:
    own, feed = layer.self_attn, layer.feed_forward
    scale = 1.0 / math.sqrt(own.d_k)
    return _Layer(
        norm_self=layer.norm1,
        norm_feed=layer.norm2,
        self_qkv=joined((own.linear_q, scale), (own.linear_k, 1.0), (own.linear_v, 1.0)),
        self_out=joined((own.linear_out, 1.0)),
        feed_in=PackedLinear(feed.w_1.weight, feed.w_1.bias, "relu"),
        feed_out=joined((feed.w_2, 1.0)),
    )
