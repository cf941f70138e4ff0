"""`kind: ngram`: made by steps/train_lm.py, looked up by cyasr.lm.ngram."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.fusion.lm_scores import check_known, checked
from cyasr.lm.conf import LmConf
from cyasr.text.tokenizer import Tokenizer, tokenizer_dir

if TYPE_CHECKING:
    from cyasr.fusion.lm_scores import SentenceLm
    from cyasr.search.interfaces import TokenLm

Conf = LmConf


def files(directory: Path) -> list[Path]:
    return [directory / "conf.yaml", directory / "lm.npz"]


def token_lm(directory: Path, tokens: list[str]) -> TokenLm:
    from cyasr.lm.ngram import NgramLM
    from cyasr.search.shallow_fusion import NgramFusion

    return NgramFusion(NgramLM.load(directory / "lm.npz"), tokens)


def sentence_lm(directory: Path, data: Path) -> SentenceLm:
    return NgramScorer(directory, data)


class NgramScorer:
    """tokens: the unit its frozen conf names: `word`, `char` or `bpe_<size>`."""

    parallel = True

    def __init__(self, directory: Path, data: Path) -> None:
        """directory: exp/<set>/lm_<name>; data: data/<set>. Raises UsageError where a part is missing."""
        self.directory = directory
        self.tokens = _frozen_tokens(directory)
        self.files = files(directory)
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
        units = [unit for text in texts for unit in self._units(text)]
        check_known(self.directory, sum(unit in self._known for unit in units), len(units), self.tokens, source)

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        """Natural-log probabilities of normalised texts, end of sentence included. Raises RunError for a NaN."""
        found = self._lm.score_sentences([self._units(text) for text in texts])
        return checked(self.directory, texts, map(float, found), source)


def _frozen_tokens(directory: Path) -> str:
    path = directory / "conf.yaml"
    tokens = confs.read(path).get("tokens")
    if not isinstance(tokens, str):
        raise UsageError(f"{path}: key 'tokens' is missing; run stage 4 again")
    return tokens
