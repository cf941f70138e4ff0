"""Weights that make the fewest errors on dev: a grid over two, then one at a time over all.

What is searched is the change from the first pass's own weights, zero being the first pass as it was. Among equal
errors the smallest change wins (sum of absolute values), then the first in order: the outcome is reproducible.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from cyasr.fusion.features import Features

CELLS = 1 << 22  # hypothesis scores held at once

Floats = NDArray[np.float64]


def tune(features: Features, candidates: dict[str, list[float]], grid: list[str], sweeps: int) -> tuple[dict[str, float], int]:
    """The best change by component and its errors.

    candidates: values to try by component of `features.names`; components without any stay unchanged.
    grid: components searched together first (all combinations), before `sweeps` rounds of one at a time.
    """
    names = features.names
    best = np.zeros(len(names))
    joint = [name for name in grid if name in candidates]
    trials = np.tile(best, (int(np.prod([len(candidates[name]) for name in joint])), 1))
    for row, values in zip(trials, product(*(candidates[name] for name in joint)), strict=True):
        row[[names.index(name) for name in joint]] = values
    best, errors = _select(features, np.vstack([best, trials]))
    for _ in range(sweeps):
        before = best
        for name in candidates:
            trials = np.tile(best, (len(candidates[name]), 1))
            trials[:, names.index(name)] = candidates[name]
            best, errors = _select(features, np.vstack([best, trials]))
        if (best == before).all():
            break
    return {name: float(value) for name, value in zip(names, best, strict=True)}, errors


def _select(features: Features, trials: Floats) -> tuple[Floats, int]:
    step = max(1, CELLS // features.totals.size)
    errors = np.concatenate([features.errors_with(trials[at : at + step]) for at in range(0, len(trials), step)])
    size = np.abs(trials).sum(axis=1).round(9)
    best = int(np.lexsort((np.arange(len(trials)), size, errors))[0])
    chosen: Floats = trials[best]
    return chosen, int(errors[best])
