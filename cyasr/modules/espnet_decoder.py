"""Token-by-token stepping of ESPnet's TransformerDecoder, with its own weights, for cyasr.search.joint.

ESPnet keeps each layer's output and projects the whole prefix to keys and values again at every token, and the encoder's
output once for every hypothesis and token. Here both are kept: self-attention keys and values grow by one row a token;
the encoder's are computed once an utterance and shared by its hypotheses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from cyasr.modules.packed import PackedLinear


@dataclass
class _Layer:
    norm_self: torch.nn.Module
    norm_source: torch.nn.Module
    norm_feed: torch.nn.Module
    self_qkv: PackedLinear
    self_out: PackedLinear
    source_q: PackedLinear
    source_kv: PackedLinear
    source_out: PackedLinear
    feed_in: PackedLinear
    feed_out: PackedLinear


class IncrementalDecoder:
    """`decoder`: an espnet2 TransformerDecoder in evaluation mode. Its weights are copied: make a new one after training.

    Raises ValueError where the decoder has options that are not stepped here.
    """

    def __init__(self, decoder: Any) -> None:
        first = decoder.decoders[0]
        attention = first.self_attn
        if (
            not decoder.normalize_before
            or first.concat_after
            or not isinstance(attention.q_norm, torch.nn.Identity)
            or not isinstance(decoder.embed[0], torch.nn.Embedding)
            or type(decoder.embed[1]).__name__ != "PositionalEncoding"
            or decoder.output_layer is None
        ):
            raise ValueError(
                "stepping needs a TransformerDecoder with normalize_before, input_layer: embed and plain positions, "
                "without concat_after or qk_norm"
            )
        self._heads, self._key_size = attention.h, attention.d_k
        self._embedding = decoder.embed[0].weight.detach() * decoder.embed[1].xscale
        self._positions = decoder.embed[1]
        self._layers = [_layer(layer) for layer in decoder.decoders]
        self._norm = decoder.after_norm
        self._output = PackedLinear(decoder.output_layer.weight, decoder.output_layer.bias)
        self._source: list[tuple[torch.Tensor, torch.Tensor]] = []  # keys, values of a layer: (N, heads, T, key size)
        self._mask = torch.empty(0)  # (N, 1, 1, T), added to attention scores
        self._past: list[tuple[torch.Tensor, torch.Tensor]] = []  # keys, values of a layer: (length, M, D)

    @torch.inference_mode()
    def start(self, encoded: torch.Tensor, lens: torch.Tensor) -> None:
        """encoded: (N, T, D); lens: (N,) frames."""
        count, frames, size = encoded.shape
        beyond = torch.arange(frames, device=encoded.device) >= lens.to(encoded.device)[:, None]
        self._mask = torch.zeros(count, 1, 1, frames, device=encoded.device).masked_fill(beyond[:, None, None], -math.inf)
        self._source = []
        for layer in self._layers:
            heads = layer.source_kv(encoded).view(count, frames, 2, self._heads, self._key_size).permute(2, 0, 3, 1, 4)
            self._source.append((heads[0].contiguous(), heads[1].contiguous()))
        nothing = encoded.new_empty(0, count, size)
        self._past = [(nothing, nothing) for _ in self._layers]

    @torch.inference_mode()
    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens: (M,) -> (M, V) natural log probabilities of the next."""
        length = len(self._past[0][0])
        self._positions.extend_pe(self._embedding.new_empty(1, length + 1))
        x = self._embedding[tokens] + self._positions.pe[0, length]
        for i, layer in enumerate(self._layers):
            q, k, v = layer.self_qkv(layer.norm_self(x)).chunk(3, dim=1)
            keys, values = (torch.cat([old, new[None]]) for old, new in zip(self._past[i], (k, v), strict=True))
            self._past[i] = (keys, values)
            x = x + layer.self_out(self._attend_past(q, keys, values))
            x = x + layer.source_out(self._attend_source(layer.source_q(layer.norm_source(x)), *self._source[i]))
            x = x + layer.feed_out(layer.feed_in(layer.norm_feed(x)))
        return self._output(self._norm(x)).log_softmax(dim=-1)

    @torch.inference_mode()
    def select(self, rows: torch.Tensor, utterances: torch.Tensor | None) -> None:
        """Go on with `rows` (M',), of `utterances` (N',) only; None: of all."""
        self._past = [(keys.index_select(1, rows), values.index_select(1, rows)) for keys, values in self._past]
        if utterances is not None:
            self._mask = self._mask[utterances]
            self._source = [(keys[utterances], values[utterances]) for keys, values in self._source]

    def _attend_past(self, q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """q: (M, D), scaled; keys, values: (length, M, D) -> (M, D)."""
        length, rows, size = keys.shape
        apart = (length, rows * self._heads, self._key_size)
        weights = torch.bmm(q.reshape(-1, 1, self._key_size), keys.view(apart).permute(1, 2, 0)).softmax(dim=-1)
        return torch.bmm(weights, values.view(apart).transpose(0, 1)).view(rows, size)

    def _attend_source(self, q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """q: (M, D), scaled; keys, values: (N, heads, T, key size) -> (M, D)."""
        count = len(keys)
        q = q.view(count, -1, self._heads, self._key_size).transpose(1, 2)
        attended = functional.scaled_dot_product_attention(q, keys, values, self._mask, scale=1.0)
        return attended.transpose(1, 2).reshape(-1, self._heads * self._key_size)


def _layer(layer: Any) -> _Layer:
    own, source, feed = layer.self_attn, layer.src_attn, layer.feed_forward
    scale = 1.0 / math.sqrt(own.d_k)
    return _Layer(
        norm_self=layer.norm1,
        norm_source=layer.norm2,
        norm_feed=layer.norm3,
        self_qkv=joined((own.linear_q, scale), (own.linear_k, 1.0), (own.linear_v, 1.0)),
        self_out=joined((own.linear_out, 1.0)),
        source_q=joined((source.linear_q, scale)),
        source_kv=joined((source.linear_k, 1.0), (source.linear_v, 1.0)),
        source_out=joined((source.linear_out, 1.0)),
        feed_in=PackedLinear(feed.w_1.weight, feed.w_1.bias, "relu"),
        feed_out=joined((feed.w_2, 1.0)),
    )


def joined(*parts: tuple[torch.nn.Linear, float]) -> PackedLinear:
    """Several linear layers of one input as one, each times a factor."""
    return PackedLinear(
        torch.cat([linear.weight.detach() * factor for linear, factor in parts]),
        torch.cat([linear.bias.detach() * factor for linear, factor in parts]),
    )
