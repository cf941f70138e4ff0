"""N-best lists fit for a second pass, and the components that weights are given to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from cyasr.cli import RunError
from cyasr.nbest import Hypothesis, Nbest, read_nbest

LOWEST = -1e9  # stands for a log-probability of minus infinity, which a weight of zero could not silence
WORDS = "words"  # the component that counts a hypothesis's words: its weight is a reward for each


def read_checked(path: Path, known: list[str] | None = None) -> Iterator[Nbest]:
    """N-best lists fit for rescoring: none empty, all scored by the same components (`known`, where given), no NaN.

    Raises RunError naming file, utterance and what is wrong.
    """
    return checked(read_nbest(path), path, known)


def checked(lists: Iterable[Nbest], path: Path, known: list[str] | None = None) -> Iterator[Nbest]:
    """The same of `lists`, which are of `path`."""
    for nbest in lists:
        if not nbest.hyps:
            raise RunError(f"{path}: utterance {nbest.id} has an empty n-best list; decode again")
        known = sorted(nbest.hyps[0].scores) if known is None else known
        names = set(known)
        for hyp in nbest.hyps:
            if hyp.scores.keys() != names:
                raise RunError(
                    f"{path}: utterance {nbest.id} is scored by {_listed(sorted(hyp.scores))}, others by {_listed(known)}; "
                    "these lists are not of one decoding"
                )
            if math.isnan(hyp.total + sum(hyp.scores.values())):
                for name, value in [("total", hyp.total), *hyp.scores.items()]:
                    if math.isnan(value):
                        raise RunError(f"{path}: utterance {nbest.id}: score {name!r} is no number (NaN); decode again")
        yield nbest


def components(hyp: Hypothesis) -> dict[str, float]:
    """A hypothesis's scores, bounded below, and the number of its words."""
    return {name: max(value, LOWEST) for name, value in hyp.scores.items()} | {WORDS: float(len(hyp.text.split()))}


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"
