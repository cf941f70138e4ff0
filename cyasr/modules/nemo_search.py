"""Canary's decoder stepped with cached keys and values, and a beam search over it, batched over utterances and hypotheses.

NeMo's own caches hidden states and projects all of them again at each step, and with several utterances in a batch its
beam search hands some of them the caches of others (the first step repeats caches by batch, prefixes by beam).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

MASKED = -10000.0  # as NeMo masks


class Steps:
    """A TransformerDecoderNM with its head over encoded: (N, T, D), mask: (N, T), one where there is speech.

    tokens: the tokenizer's size; NeMo pads the head to a multiple of eight, and what is beyond is never written. Row
    n * width + k is hypothesis k of utterance n.
    """

    def __init__(self, decoder: Any, head: Any, encoded: Tensor, mask: Tensor, tokens: int) -> None:
        self.embedding, self.decoder, self.head = decoder.embedding, decoder.decoder, head
        self.layers = list(self.decoder.layers)
        heads = self.layers[0].first_sub_layer.num_attention_heads
        self.heads, self.tokens = heads, tokens
        self.mask = (1 - mask[:, None, None, :].float()) * MASKED
        self.cross = [
            (_split(layer.second_sub_layer.key_net(encoded), heads), _split(layer.second_sub_layer.value_net(encoded), heads))
            for layer in self.layers
        ]
        self.own: list[tuple[Tensor, Tensor]] = []
        self.length = 0

    def step(self, tokens: Tensor) -> Tensor:
        """tokens: (M, L) that follow what was seen. Returns (M, V) natural log-probabilities of the next."""
        x = self.embedding(tokens, start_pos=self.length)
        kept = []
        for number, layer in enumerate(self.layers):
            past = self.own[number] if self.own else None
            if layer.pre_ln:
                y, own = self._self(layer.first_sub_layer, layer.layer_norm_1(x), past)
                x = x + y
                x = x + self._cross(layer.second_sub_layer, layer.layer_norm_2(x), number)
                x = x + layer.third_sub_layer(layer.layer_norm_3(x))
            else:
                y, own = self._self(layer.first_sub_layer, x, past)
                x = layer.layer_norm_1(y + x)
                x = layer.layer_norm_2(self._cross(layer.second_sub_layer, x, number) + x)
                x = layer.layer_norm_3(layer.third_sub_layer(x) + x)
            kept.append(own)
        self.own, self.length = kept, self.length + tokens.shape[1]
        x = x[:, -1:]
        if self.decoder.final_layer_norm is not None:
            x = self.decoder.final_layer_norm(x)
        logits: Tensor = self.head(hidden_states=x)
        log_probs = logits[:, 0].float().log_softmax(-1)
        log_probs[:, self.tokens :] = -math.inf
        return log_probs

    def select(self, rows: Tensor, utterances: Tensor | None) -> None:
        """Go on with `rows` (M',) of the present ones, of these `utterances` (N',); None: all of them."""
        self.own = [(key.index_select(0, rows), value.index_select(0, rows)) for key, value in self.own]
        if utterances is not None:
            self.mask = self.mask.index_select(0, utterances)
            self.cross = [(key.index_select(0, utterances), value.index_select(0, utterances)) for key, value in self.cross]

    def _self(self, attention: Any, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        query, key, value = (_split(net(x), self.heads) for net in (attention.query_net, attention.key_net, attention.value_net))
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        heard = scaled_dot_product_attention(query, key, value, is_causal=past is None and x.shape[1] > 1)
        return attention.out_projection(_joined(heard)), (key, value)

    def _cross(self, attention: Any, x: Tensor, number: int) -> Tensor:
        """Rows of an utterance share its keys and values: they are queries side by side."""
        key, value = self.cross[number]
        rows, length, size = x.shape
        query = _split(attention.query_net(x).reshape(len(key), -1, size), self.heads)
        heard = _joined(scaled_dot_product_attention(query, key, value, attn_mask=self.mask.to(query.dtype)))
        made: Tensor = attention.out_projection(heard.reshape(rows, length, size))
        return made


def search(
    steps: Steps, prompts: Tensor, end: int, beam: int, nbest: int, most: list[int]
) -> list[list[tuple[list[int], float]]]:
    """Each utterance's `nbest` hypotheses, best first: tokens after the prompt without the end, and the sum of their natural
    log-probabilities and the end's.

    prompts: (N, P); most: tokens that each may have, after which it ends as it is. A hypothesis ends when its end is among
    the `beam` best; the search when no other can become better than the worst that is listed. Beam 1 is greedy search.
    """
    found: list[list[tuple[list[int], float]]] = [[] for _ in range(len(prompts))]
    utterances = list(range(len(prompts)))
    log_probs = steps.step(prompts)[:, None]  # (N, width, V)
    scores = torch.zeros(len(prompts), 1, device=prompts.device)
    written: list[list[list[int]]] = [[[]] for _ in utterances]
    for length in range(1, max(most) + 1):
        totals = scores[..., None] + log_probs
        width, vocabulary = totals.shape[1:]
        best, flat = totals.flatten(1).topk(min(2 * beam, width * vocabulary))
        going, rows, values, tokens, texts = [], [], [], [], []
        for place, (row_scores, row_flat) in enumerate(zip(best.tolist(), flat.tolist(), strict=True)):
            name = utterances[place]
            live: list[tuple[int, int, float]] = []
            for rank, (score, at) in enumerate(zip(row_scores, row_flat, strict=True)):
                parent, token = divmod(at, vocabulary)
                if token == end:
                    if rank < beam:
                        found[name].append((written[place][parent], score))
                elif len(live) < beam:
                    live.append((parent, token, score))
            listed = sorted((score for _, score in found[name]), reverse=True)[:nbest]
            if length >= most[name]:
                found[name] += [([*written[place][parent], token], score) for parent, token, score in live]
            elif not (len(listed) == nbest and listed[-1] >= live[0][2]):
                live += [(*live[-1][:2], -math.inf)] * (beam - len(live))  # a vocabulary smaller than the beam
                going.append(place)
                rows += [place * width + parent for parent, _, _ in live]
                tokens += [token for _, token, _ in live]
                values.append([score for _, _, score in live])
                texts.append([[*written[place][parent], token] for parent, token, _ in live])
        if not going:
            break
        device = prompts.device
        kept = None if len(going) == len(utterances) else torch.tensor(going, device=device)
        steps.select(torch.tensor(rows, device=device), kept)
        utterances = [utterances[place] for place in going]
        scores, written = torch.tensor(values, device=device), texts
        log_probs = steps.step(torch.tensor(tokens, device=device)[:, None]).view(len(going), beam, -1)
    return [sorted(one, key=lambda pair: -pair[1])[:nbest] for one in found]


def _split(x: Tensor, heads: int) -> Tensor:
    """(M, L, D) to (M, heads, L, D / heads)."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)


def _joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)
