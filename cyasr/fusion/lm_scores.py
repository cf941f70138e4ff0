"""A language model of exp/ as a scorer of hypotheses, over the units it was estimated on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from cyasr.cli import RunError, UsageError
from cyasr.conf import nearest
from cyasr.text.tokenizer import Tokenizer, tokenizer_dir

KNOWN_SHARE = 0.5  # of the units of references that the model has to know; below, tokens or text cannot be its own


class SentenceLm(Protocol):
    """Scores whole sentences. files: what the scores depend on."""

    directory: Path
    files: list[Path]

    def load(self) -> None:
        """Read the model, once, before the first score."""

    def check(self, texts: Iterable[str], source: Path) -> None:
        """Raise RunError where normalised references are not of the model's own units; source: for the message."""

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        """Natural-log probabilities of normalised texts, end of sentence included. Raises RunError for a NaN."""


def open_lm(directory: Path, data: Path) -> SentenceLm:
    """The model of exp/<set>/lm_<name>, not yet loaded; data: data/<set>. Raises UsageError where a part is missing."""
    return NgramScorer(directory, data)


class NgramScorer:
    """tokens: the unit its frozen conf names: `word`, `char` or `bpe_<size>`."""

    def __init__(self, directory: Path, data: Path) -> None:
        """directory: exp/<set>/lm_<name>; data: data/<set>. Raises UsageError where a part is missing."""
        self.directory = directory
        self.tokens = _frozen_tokens(directory)
        self.files = [directory / "conf.yaml", directory / "lm.npz"]
        self._tokenizer_dir = None if self.tokens == "word" else tokenizer_dir(data, self.tokens)
        if self._tokenizer_dir is not None:
            self.files.append(self._tokenizer_dir / "tokens.txt")
        for path in self.files:
            if not path.is_file():
                raise UsageError(f"{path} does not exist; {directory.name} needs it: run stages 3 and 4")

    def load(self) -> None:
        from cyasr.lm.ngram import NgramLM

        self._lm: Any = NgramLM.load(self.directory / "lm.npz")
        self._known = set(self._lm.vocab)
        tokenizer = None if self._tokenizer_dir is None else Tokenizer.load(self._tokenizer_dir)
        self._units: Callable[[str], list[str]] = str.split if tokenizer is None else tokenizer.pieces

    def check(self, texts: Iterable[str], source: Path) -> None:
        """Raise RunError where the units of normalised references are not the model's; source: for the message."""
        units = known = 0
        for text in texts:
            sentence = self._units(text)
            units += len(sentence)
            known += sum(unit in self._known for unit in sentence)
        if known < KNOWN_SHARE * units:
            raise RunError(
                f"{self.directory} knows {known} of the {units} units ({self.tokens}) in {source}; "
                "it was made from other tokens or other text: make it again (stage 4) or name another in the fuse conf"
            )

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        """Natural-log probabilities of normalised texts, end of sentence included. Raises RunError for a NaN."""
        scores = [float(score) for score in self._lm.score_sentences([self._units(text) for text in texts])]
        for text, score in zip(texts, scores, strict=True):
            if math.isnan(score):
                raise RunError(f"{self.directory} gives {text!r} of {source} no number (NaN); make it again (stage 4)")
        return scores


def _frozen_tokens(directory: Path) -> str:
    path = directory / "conf.yaml"
    if not path.is_file():
        others = [other.name for other in directory.parent.glob("lm_*")]
        hint = nearest(directory.name, others) or f"; run stage 4 with conf/{directory.name}.yaml"
        raise UsageError(f"{directory} is no language model{hint}")
    tokens = yaml.safe_load(path.read_text(encoding="utf-8")).get("tokens")
    if not isinstance(tokens, str):
        raise UsageError(f"{path}: key 'tokens' is missing; run stage 4 again")
    return tokens
