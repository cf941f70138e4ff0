"""From what speaks for a word to the probability that it is right: a sigmoid whose few numbers are fitted on dev.

temperature: of the word's log odds (Guo et al., ICML 2017); platt: a slope and an offset (Platt 1999), and a slope more for
each further feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cyasr.score.confidence import SUREST

Kind = Literal["platt", "temperature", "none"]
RIDGE = 1e-3  # of slopes: finite where dev's words can be told apart without fault
ROUNDS = 50
FOLDS = 5

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Sigmoid:
    """slopes: one for each feature; the first feature is a log odds, which untouched has slope 1."""

    slopes: tuple[float, ...]
    offset: float

    def __call__(self, features: Floats) -> Floats:
        """features: (W, F) -> (W,) probabilities."""
        return 1 / (1 + np.exp(-(features @ np.array(self.slopes) + self.offset)))


def log_odds(probabilities: Floats) -> Floats:
    p = np.clip(probabilities, SUREST, 1 - SUREST)
    found: Floats = np.log(p / (1 - p))
    return found


def untouched(features: int) -> Sigmoid:
    return Sigmoid((1.0, *[0.0] * (features - 1)), 0.0)


def fit(kind: Kind, features: Floats, right: Flags) -> Sigmoid:
    """The likeliest sigmoid (Newton's method). Where all words are right, or all wrong, there is nothing to learn from."""
    words, count = features.shape
    if kind == "none" or not words or right.all() or not right.any():
        return untouched(count)
    columns = features[:, :1] if kind == "temperature" else np.column_stack([features, np.ones(words)])
    # Platt's targets, as if a right and a wrong word had been seen besides: no certainty from few words
    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    ridge = np.full(columns.shape[1], RIDGE)
    found = np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(columns @ found, -30, 30)))
        gradient = columns.T @ (p - target) + ridge * found
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    if kind == "temperature":
        return Sigmoid((float(found[0]), *[0.0] * (count - 1)), 0.0)
    return Sigmoid(tuple(float(slope) for slope in found[:-1]), float(found[-1]))


def cross_fitted(kind: Kind, features: Floats, right: Flags, owner: NDArray[np.int64]) -> Floats:
    """(W,) probabilities of each word from sigmoids fitted on other utterances: what calibration gives on new ones.

    owner: (W,) the utterance of each word.
    """
    found = np.empty(len(right))
    for fold in range(FOLDS):
        held = owner % FOLDS == fold
        found[held] = fit(kind, features[~held], right[~held])(features[held])
    return found


def right_words(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> Flags:
    """(W,) is each hypothesis word right where its utterance is aligned with fewest errors?"""
    from cyasr.score import wer

    aligned = wer.align(references, hypotheses)
    ops = aligned.ops[aligned.ops != wer.DELETION]
    found: Flags = ops == wer.CORRECT
    return found
