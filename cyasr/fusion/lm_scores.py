"""A language model of exp/ as a scorer of whole sentences, whatever its kind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from cyasr.cli import RunError

KNOWN_SHARE = 0.5  # of the units of references that the model has to know; below, tokens or text cannot be its own


class SentenceLm(Protocol):
    """Scores whole sentences. files: what the scores depend on; parallel: whether copies in other processes make it faster."""

    directory: Path
    files: list[Path]
    parallel: bool

    def load(self) -> None:
        """Read the model, once, before the first score."""

    def check(self, texts: Iterable[str], source: Path) -> None:
        """Raise RunError where normalised references are not of the model's own units; source: for the message."""

    def scores(self, texts: Sequence[str], source: Path) -> list[float]:
        """Natural-log probabilities of normalised texts, end of sentence included.

        Raises RunError for a NaN, and LmUnavailable where the model cannot be reached and the run may go on without it.
        """


class LmUnavailable(RunError):
    """The model `name` (lm_<name>), which its conf does not require, cannot be reached: what was begun is done without it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def open_lm(directory: Path, data: Path) -> SentenceLm:
    """The model of exp/<set>/lm_<name>, not yet loaded; data: data/<set>. Raises UsageError where a part is missing."""
    from cyasr.lm.kinds import opened

    scorer: SentenceLm = opened(directory)[0].sentence_lm(directory, data)
    return scorer


def check_known(directory: Path, known: int, units: int, kind: str, source: Path) -> None:
    """Raise RunError where the model of `directory` knows too few of the `units` of a text; kind: of unit."""
    if known < KNOWN_SHARE * units:
        raise RunError(
            f"{directory} knows {known} of the {units} units ({kind}) in {source}; "
            "it was made from other tokens or other text: make it again (stage 4) or name another in the fuse conf"
        )


def checked(directory: Path, texts: Sequence[str], scores: Iterable[float], source: Path) -> list[float]:
    """`scores` of `texts`. Raises RunError, naming the text, where one is NaN."""
    found = list(scores)
    for text, score in zip(texts, found, strict=True):
        if math.isnan(score):
            raise RunError(f"{directory} gives {text!r} of {source} no number (NaN); make it again (stage 4)")
    return found
