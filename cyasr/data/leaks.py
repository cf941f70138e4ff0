"""What two splits of one data set share: speakers, audio, prompts, sentences."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from cyasr.data.conf import SPLITS
from cyasr.data.seen import Seen

KINDS = ("speakers", "audio", "sources", "prompts", "sentences")  # sources: what we put utterances together from
SENTENCE_WORDS = 5  # shorter sentences recur by chance
OUR_DOING = {  # the rest of an official split is as published
    "official": ("sources",),
    "files": ("audio", "sources"),
    "train_dev": ("audio", "sources"),
}
EXAMPLES = 5
PAIRS = tuple(combinations(SPLITS, 2))


class Overlaps:
    """Counts, while utterances pass by, the different values of each kind that two splits have in common."""

    def __init__(self) -> None:
        self._seen = {(kind, split): Seen() for kind in KINDS for split in SPLITS}
        self.shared: Counter[tuple[str, str, str]] = Counter()  # (kind, split, later split)
        self.examples: dict[tuple[str, str, str], list[str]] = {}

    def add(self, kind: str, split: str, value: str, example: str | None = None) -> None:
        """`value` of `kind` stands in `split`; `example` is what a message would call it."""
        if not self._seen[kind, split].add(value):
            return
        for pair in PAIRS:
            if split in pair:
                other = pair[1 - pair.index(split)]
                if value in self._seen[kind, other]:
                    self.shared[(kind, *pair)] += 1
                    found = self.examples.setdefault((kind, *pair), [])
                    if len(found) < EXAMPLES:
                        found.append(example or value)

    def count(self, kind: str, split: str) -> int:
        """Different values of `kind` in `split`."""
        return len(self._seen[kind, split])

    def report(self) -> dict[str, Any]:
        """kind -> "train-test" -> how many are shared, with examples; kinds that do not occur at all are left out."""
        return {
            kind: {
                "-".join(pair): {"shared": self.shared[(kind, *pair)], "examples": self.examples.get((kind, *pair), [])}
                for pair in PAIRS
            }
            for kind in KINDS
            if any(self.count(kind, split) for split in SPLITS)
        }

    def summary(self) -> str:
        """`train and test share 6 speakers (george, …); …` for all kinds; empty where nothing is shared."""
        shared = [
            f"{first} and {second} share {self.shared[kind, first, second]} {kind} ({self.examples[kind, first, second][0][:40]})"
            for kind in KINDS
            for first, second in PAIRS
            if self.shared[kind, first, second]
        ]
        return "; ".join(shared)

    def leak(self, split: str, dev_speakers_train: bool = False) -> str | None:
        """Why this split must not be used, or None: one of our own shares no speaker, audio or source.

        split: a data conf's. dev_speakers_train: dev is made of the training speakers by intention.
        """
        for kind in OUR_DOING.get(split, ("speakers", "audio", "sources")):
            for first, second in PAIRS:
                allowed = dev_speakers_train and kind == "speakers" and (first, second) == ("train", "dev")
                if self.shared[kind, first, second] and not allowed:
                    examples = ", ".join(self.examples[kind, first, second])
                    return f"{first} and {second} share {self.shared[kind, first, second]} {kind} ({examples})"
        return None
