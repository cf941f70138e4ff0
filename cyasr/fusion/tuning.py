"""Weights that make the fewest errors on dev: a grid over two, then one at a time over all.

What is searched is the change from the first pass's own weights, zero being the first pass as it was. Among equal
errors the smallest change wins (sum of absolute values), then the first in order: the outcome is reproducible.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import UsageError
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


def require_optuna() -> None:
    """Raises UsageError where it is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise UsageError("search: optuna needs a package that the lock does not hold: pip install optuna==5.0.0")


def tune_optuna(features: Features, candidates: dict[str, list[float]], trials: int) -> tuple[dict[str, float], int]:
    """As `tune`, by Optuna's tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) with a fixed seed.

    A component is tried anywhere between the least and the greatest of its candidates. Nothing changed, and each
    candidate alone, are tried too: a search that finds nothing leaves the first pass as it was.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, multivariate=False))
    tried = [np.zeros(len(features.names))]
    for name in candidates:
        for value in candidates[name]:
            tried.append(np.zeros(len(features.names)))
            tried[-1][features.names.index(name)] = value

    def errors(trial: optuna.Trial) -> int:
        change = np.zeros(len(features.names))
        for name, values in candidates.items():
            change[features.names.index(name)] = trial.suggest_float(name, min(values), max(values))
        tried.append(change.round(6))
        return int(features.errors_with(tried[-1][None])[0])

    study.optimize(errors, n_trials=trials)
    best, fewest = _select(features, np.array(tried))
    return {name: float(value) for name, value in zip(features.names, best, strict=True)}, fewest


Value = TypeVar("Value")


def descend(
    errors: Callable[[dict[str, Value]], int],
    candidates: Mapping[str, Sequence[Value]],
    start: dict[str, Value],
    sweeps: int,
    groups: Iterable[Sequence[str]] | None = None,
) -> tuple[dict[str, Value], int]:
    """Settings with the fewest errors, one group changed at a time, for what has to be computed anew for each.

    groups: names whose values are tried in all combinations; None: each name alone. Among equals what is there already
    stays, then the first in order.
    """
    together = [(name,) for name in candidates] if groups is None else list(groups)
    best, fewest = start, errors(start)
    for _ in range(sweeps):
        before = best
        for names in together:
            for values in product(*(candidates[name] for name in names)):
                trial = best | dict(zip(names, values, strict=True))
                if trial != best and (found := errors(trial)) < fewest:
                    best, fewest = trial, found
        if best == before:
            break
    return best, fewest


def _select(features: Features, trials: Floats) -> tuple[Floats, int]:
    step = max(1, CELLS // features.totals.size)
    errors = np.concatenate([features.errors_with(trials[at : at + step]) for at in range(0, len(trials), step)])
    size = np.abs(trials).sum(axis=1).round(9)
    best = int(np.lexsort((np.arange(len(trials)), size, errors))[0])
    chosen: Floats = trials[best]
    return chosen, int(errors[best])
