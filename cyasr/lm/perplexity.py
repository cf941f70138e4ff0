"""How well a model expects a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import BOS, UNK
from cyasr.lm.ngram import NgramLM


@dataclass
class Perplexity:
    """Of a text, each sentence with its </s>; `known` leaves out the tokens that <unk> stands for."""

    sentences: int
    words: int
    tokens: int  # with </s>
    unknown: int
    log_prob: float  # natural, of the whole text
    per_token: float
    per_known_token: float
    per_word: float  # the same log probability shared out over words and sentence ends: comparable across kinds of tokens


def perplexity(lm: NgramLM, texts: Iterable[str], pieces: Callable[[str], list[str]]) -> Perplexity:
    """`pieces` cuts a text into the model's tokens."""
    lines = list(texts)
    ids = lm.encode([pieces(line) for line in lines])
    scores = lm.token_scores(ids)
    predicted, unknown = ids != BOS, ids == UNK
    tokens = int(predicted.sum())
    total, of_known = float(scores.sum()), float(scores[predicted & ~unknown].sum())
    return _perplexity(lines, tokens, int(unknown.sum()), total, of_known)


def of_scores(texts: list[str], ids: list[list[int]], scores: list[NDArray[np.float64]], unk: int) -> Perplexity:
    """ids: each text's tokens, `unk` where unknown; scores: natural logs of them and the end, (U + 1,) each."""
    flat = np.array([one for sentence in ids for one in [*sentence, -1]])
    together = np.concatenate([*scores, np.zeros(0)])
    unknown, total = int((flat == unk).sum()), float(together.sum())
    return _perplexity(texts, len(flat), unknown, total, float(together[flat != unk].sum()))


def _perplexity(lines: list[str], tokens: int, unknown: int, total: float, of_known: float) -> Perplexity:
    words = sum(len(line.split()) for line in lines)
    return Perplexity(
        sentences=len(lines),
        words=words,
        tokens=tokens,
        unknown=unknown,
        log_prob=round(total, 4),
        per_token=per_unit(total, tokens),
        per_known_token=per_unit(of_known, tokens - unknown),
        per_word=per_unit(total, words + len(lines)),
    )


def per_unit(log_prob: float, number: int) -> float:
    """Perplexity of a natural log probability shared out over `number` units."""
    return round(float(np.exp(-log_prob / max(number, 1))), 4)
