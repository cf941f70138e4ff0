"""What the confs of language models say (conf/lm_*.yaml): the text that all kinds learn from, and an n-gram's own keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

MAX_ORDER = 6


@dataclass(kw_only=True)
class TextConf:
    """The units and the text of a model that is made here."""

    tokens: str  # `word`, `char` or `bpe_<size>`; all but words come from the data set's tokenizer
    own: bool = True  # the set's train text too; false: `text` alone, as for the source of a density ratio
    text: list[str] = field(default_factory=list)  # extra text: one sentence a line, .gz or plain, or data/<set>/text.jsonl.gz
    licences: dict[str, str] = field(default_factory=dict)  # path in `text` -> its licence; rows of .jsonl.gz name their own
    max_leaks: float = 0.01  # share of lines that may be dev or test sentences before the step stops

    def __post_init__(self) -> None:
        if not re.fullmatch(r"word|char|bpe_\d+", self.tokens):
            raise ValueError(f"tokens: {self.tokens!r} is none of word, char, bpe_<size>")
        if not 0 <= self.max_leaks <= 1:
            raise ValueError(f"max_leaks: a share from 0 to 1, not {self.max_leaks}")
        if not self.own and not self.text:
            raise ValueError("own: without the set's own text there is none; name some under `text`")
        unlicensed = [path for path in self.text if path not in self.licences and not path.endswith(".jsonl.gz")]
        if unlicensed:
            raise ValueError(f"licences: say under which licence {', '.join(unlicensed)} may be used")


@dataclass(kw_only=True)
class LmConf(TextConf):
    """An n-gram."""

    kind: Literal["ngram"] = "ngram"
    order: int
    prune: list[int] = field(default_factory=list)  # n-grams seen at most this often are left out, by order from 1
    entropy: float = 0.0  # n-grams that change perplexity by a smaller share are left out: 1e-8 few, 1e-6 many; 0: none
    mix: bool = False  # train cuts and each file of `text` a model of its own, weighted on dev; else all counted together

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.order <= MAX_ORDER:
            raise ValueError(f"order: must be from 1 to {MAX_ORDER}, not {self.order}")
        if len(self.prune) > self.order or any(count < 0 for count in self.prune):
            raise ValueError(f"prune: at most {self.order} counts of 0 or more, not {self.prune}")
        if sorted(self.prune) != self.prune or self.prune[:1] not in ([], [0]):
            raise ValueError(f"prune: starts with 0 (words are kept) and never falls, unlike {self.prune}")
        if not 0 <= self.entropy < 1:
            raise ValueError(f"entropy: a share of perplexity from 0 to below 1, not {self.entropy}")
        if self.mix and not self.text:
            raise ValueError("mix: needs other sources under `text` besides the train cuts")
