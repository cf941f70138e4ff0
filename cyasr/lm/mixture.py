"""Several sources of text, a model each over one vocabulary, and the mixture that expects dev best."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cyasr.cli import RunError
from cyasr.lm.backoff import interpolated, tuned_weights
from cyasr.lm.counts import BOS, UNK, count_ngrams
from cyasr.lm.kneser_ney import Discounts, estimate
from cyasr.lm.ngram import NgramLM
from cyasr.lm.perplexity import Perplexity, perplexity


@dataclass
class Part:
    """One source's model in a mixture. weight: tuned on dev; dev: of the model alone."""

    path: str
    weight: float
    sentences: int
    tokens: int
    unknown: int
    ngrams: list[int]
    discounts: list[Discounts]
    dev: Perplexity


def mixture(
    lines: Iterable[tuple[int, str]],
    paths: Sequence[Path],
    pieces: Callable[[str], list[str]],
    vocab: Sequence[str] | None,
    order: int,
    prune: Sequence[int],
    dev: Sequence[str],
) -> tuple[NgramLM, list[Part]]:
    """Estimate a model of each source and mix them; a source that the leak gate left nothing of has no part.

    lines: (place in `paths`, text), read once; they wait in temporary files. vocab: the closed list of tokens; None: every
    token of any source. Weights are those under which dev's known tokens are likeliest. Raises RunError for a dev of none.
    """
    with tempfile.TemporaryDirectory(prefix="lm-mixture-") as work:
        files = [Path(work) / str(place) for place in range(len(paths))]
        tokens: dict[str, None] = {}
        with ExitStack() as stack:
            outs = [stack.enter_context(open(file, "w", encoding="utf-8")) for file in files]
            for place, text in lines:
                outs[place].write(text + "\n")
                if vocab is None:
                    tokens.update(dict.fromkeys(pieces(text)))
        closed = list(tokens) if vocab is None else vocab
        models: list[NgramLM] = []
        parts: list[Part] = []
        for path, file in zip(paths, files, strict=True):
            if not file.stat().st_size:
                continue
            counted = count_ngrams(map(pieces, _lines(file)), order, closed)
            size = (counted.sentences, counted.tokens, counted.unknown)
            lm, discounts = estimate(counted, prune)
            models.append(lm)
            parts.append(Part(str(path), 0.0, *size, lm.counts(), discounts, perplexity(lm, dev, pieces)))
    ids = models[0].encode([pieces(text) for text in dev])
    known = (ids != BOS) & (ids != UNK)
    if not known.any():
        raise RunError("mix: dev has no token that the sources know, so there is nothing to tune weights on")
    weights = tuned_weights(np.stack([lm.token_scores(ids)[known] for lm in models], axis=1))
    for part, weight in zip(parts, weights, strict=True):
        part.weight = round(weight, 6)
    return interpolated(models, weights), parts


def _lines(path: Path) -> Iterator[str]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield line.rstrip("\n")
