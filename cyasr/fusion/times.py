"""When each word of a hypothesis is said, and how well it fits there: forced alignment with CTC posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cyasr.search.posteriors import Posteriors
from cyasr.segment import graph as graphs
from cyasr.segment.align import Alignment
from cyasr.text.tokenizer import Tokenizer

NEVER = 1e6  # nats: what is to be aligned was said, all of it and nothing else
COSTS = graphs.Costs(enter=NEVER, skip=NEVER, skip_more=0.0, beam=NEVER / 2)


@dataclass(frozen=True)
class Fit:
    """start, end: seconds. log_prob: mean natural log of the highest probability of each of the word's tokens."""

    start: float
    end: float
    log_prob: float


class Fitter:
    """shards: posteriors of one set; tokenizer: directory of the tokens that they are of."""

    def __init__(self, shards: Sequence[Path], tokenizer: Path) -> None:
        self.tokenizer = Tokenizer.load(tokenizer)
        self._posteriors = Posteriors(shards, len(self.tokenizer.tokens))
        self._space = graphs.space_of(self.tokenizer)

    def close(self) -> None:
        self._posteriors.close()

    def fit(self, name: str, words: Sequence[str], seconds: float) -> list[Fit] | None:
        """Of each word of utterance `name`, of `seconds`; None where there are no posteriors or too few frames for them."""
        log_probs = self._posteriors[name] if name in self._posteriors else np.zeros((0, 0), np.float32)
        if not len(log_probs) or not words:
            return None
        unit = graphs.Unit(tuple(tuple(self.tokenizer.encode(word)) for word in words))
        graph = graphs.build([unit], self._space, self.tokenizer.unk_id)
        frame = seconds / len(log_probs)
        alignment = Alignment(graph, COSTS, frame)
        alignment.feed(*graph.emissions(log_probs, self._space, COSTS.filler, COSTS.rest * frame))
        items = alignment.finish().items
        if [item.word for item in items] != list(range(len(words))):
            return None
        return [
            Fit(
                round(item.first * frame, 3),
                round((item.last + 1) * frame, 3),
                item.log_prob / max(1, int(graph.counted[item.word or 0])),
            )
            for item in items
        ]
