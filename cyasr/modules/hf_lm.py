"""Sentence scores from transformers' causal and masked language models, like lengths together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cyasr.cli import UsageError
from cyasr.modules.hub import transformers, weights

IGNORE = -100


@dataclass
class Sentence:
    """ids: tokens with what the model wants around them; scored: places whose probability counts."""

    ids: list[int]
    scored: list[int]


class HfLm:
    """model: a causal language model (`causal`), else a masked one."""

    def __init__(self, model: Any, tokenizer: Any, causal: bool, end: bool, batch_tokens: int) -> None:
        self.model, self.tokenizer, self.causal, self.end, self.batch_tokens = model, tokenizer, causal, end, batch_tokens
        self.longest = int(getattr(model.config, "max_position_embeddings", 0) or 10**9)

    def read(self, text: str) -> Sentence:
        """Raises UsageError where the text is longer than the model's window."""
        if self.causal:
            ids = self.tokenizer(text, add_special_tokens=False).input_ids
            ids = [self._start, *ids, *([self._end] if self.end else [])]
            sentence = Sentence(ids, list(range(1, len(ids))))
        else:
            made = self.tokenizer(text, return_special_tokens_mask=True)
            sentence = Sentence(made.input_ids, [n for n, special in enumerate(made.special_tokens_mask) if not special])
        if len(sentence.ids) > self.longest:
            raise UsageError(f"a text of {len(sentence.ids)} tokens, more than the model's {self.longest}: {text[:60]!r} …")
        return sentence

    def scores(self, sentences: Sequence[Sentence]) -> list[float]:
        """Natural logs: of the whole sentence (causal), or its pseudo-log-likelihood, the sum over its tokens of each one's
        probability when it alone is masked (masked; Salazar et al., "Masked Language Model Scoring", ACL 2020)."""
        totals = [0.0] * len(sentences)
        for batch in alike(self._rows(sentences), self.batch_tokens):
            for (owner, *_), score in zip(batch, self._sums(batch).tolist(), strict=True):
                totals[owner] += score
        return totals

    def _rows(self, sentences: Sequence[Sentence]) -> Iterator[tuple[int, list[int], list[int]]]:
        """(sentence, inputs, targets, IGNORE where nothing is asked) of each row that goes through the network."""
        for owner, sentence in enumerate(sentences):
            if self.causal:
                yield owner, sentence.ids, [*sentence.ids[1:], IGNORE]
                continue
            for place in sentence.scored:
                masked, targets = list(sentence.ids), [IGNORE] * len(sentence.ids)
                masked[place], targets[place] = self.tokenizer.mask_token_id, sentence.ids[place]
                yield owner, masked, targets

    @torch.inference_mode()
    def _sums(self, batch: Sequence[tuple[int, list[int], list[int]]]) -> Tensor:
        """(N,) log probability of each row's targets."""
        device = self.model.device
        longest = max(len(ids) for _, ids, _ in batch)
        inputs = torch.tensor([[*ids, *[0] * (longest - len(ids))] for _, ids, _ in batch], device=device)
        targets = torch.tensor([[*row, *[IGNORE] * (longest - len(row))] for *_, row in batch], device=device)
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for _, ids, _ in batch], device=device)
        logits = self.model(input_ids=inputs, attention_mask=mask).logits
        asked = targets != IGNORE
        losses = torch.zeros(targets.shape, dtype=torch.float64, device=device)
        losses[asked] = functional.cross_entropy(logits[asked].float(), targets[asked], reduction="none").double()
        return -losses.sum(1).cpu()

    @property
    def _start(self) -> int:
        """Sentences begin after this token: GPT-2's end of text is its beginning, too."""
        return next(one for one in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id) if one is not None)

    @property
    def _end(self) -> int:
        return int(self.tokenizer.eos_token_id)


def alike(
    rows: Iterable[tuple[int, list[int], list[int]]], tokens: int, window: int = 5000
) -> Iterator[list[tuple[int, list[int], list[int]]]]:
    """Rows of similar lengths together, at most `tokens` with their padding; sorted within `window` rows."""
    waiting: list[tuple[int, list[int], list[int]]] = []

    def batches() -> Iterator[list[tuple[int, list[int], list[int]]]]:
        waiting.sort(key=lambda row: -len(row[1]))
        first = 0
        while first < len(waiting):
            count = max(1, tokens // max(1, len(waiting[first][1])))
            yield waiting[first : first + count]
            first += count
        waiting.clear()

    for row in rows:
        waiting.append(row)
        if len(waiting) == window:
            yield from batches()
    yield from batches()


def load(pretrained: str, revision: str | None, causal: bool, end: bool, dtype: str, batch_tokens: int) -> HfLm:
    """dtype: `auto` is float32 on a CPU and bfloat16 on a GPU. Raises UsageError for what is no such model."""
    library = transformers()
    wanted, mapping, auto = (
        ("causal", library.MODEL_FOR_CAUSAL_LM_MAPPING, library.AutoModelForCausalLM)
        if causal
        else ("masked", library.MODEL_FOR_MASKED_LM_MAPPING, library.AutoModelForMaskedLM)
    )
    try:
        config = library.AutoConfig.from_pretrained(pretrained, revision=revision)
        tokenizer = library.AutoTokenizer.from_pretrained(pretrained, revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"pretrained: {pretrained!r} is no model's directory, nor to be had from the hub: {reason}") from None
    sees_both_sides = type(config) in library.MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    if type(config) not in mapping or (causal and sees_both_sides):
        raise UsageError(f"pretrained: {pretrained} is a {config.model_type} model, no {wanted} one; see `model:`")
    if causal and tokenizer.eos_token_id is None:
        raise UsageError(f"pretrained: the tokenizer of {pretrained} has no end token, so that a sentence cannot be scored whole")
    if not causal and tokenizer.mask_token_id is None:
        raise UsageError(f"pretrained: the tokenizer of {pretrained} has no mask token")
    if len(tokenizer) > config.vocab_size:
        both = f"the tokenizer of {pretrained} has {len(tokenizer)} tokens, its model {config.vocab_size}"
        raise UsageError(f"pretrained: {both}: they are not each other's")
    gpu = torch.cuda.is_available()
    precision = dtype if dtype != "auto" else "bfloat16" if gpu else "float32"
    model, _ = weights(auto, pretrained, revision, config, [], dtype=precision)
    return HfLm(model.to("cuda" if gpu else "cpu").eval(), tokenizer, causal, end, batch_tokens)
