"""A language model of exp/ as a scorer of hypotheses, over the units it was estimated on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from cyasr.cli import RunError, UsageError
from cyasr.conf import nearest
from cyasr.text.tokenizer import Tokenizer, tokenizer_dir

KNOWN_SHARE = 0.5  # of a list's units that the model has to know; below, tokens or text cannot be the model's own


class LmScorer:
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

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        """Natural-log probabilities of normalised texts, end of sentence included.

        Raises RunError where the model's units are not the texts', or a score is no number; source: for the message.
        """
        sentences = [self._units(text) for text in texts]
        units = sum(len(sentence) for sentence in sentences)
        known = sum(unit in self._known for sentence in sentences for unit in sentence)
        if known < KNOWN_SHARE * units:
            raise RunError(
                f"{self.directory} knows {known} of the {units} units ({self.tokens}) in {source}; "
                "it was made from other tokens or other text: make it again (stage 4) or name another in the fuse conf"
            )
        scores = [float(score) for score in self._lm.score_sentences(sentences)]
        for text, score in zip(texts, scores, strict=True):
            if score != score:
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
