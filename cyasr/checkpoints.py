"""Checkpoints that survive crashes: the last two whole states, the best weights, and their average."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cyasr.cli import RunError
from cyasr.files import replacing

FEW = 16  # tensors averaged together


def save(value: Any, path: Path) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as out:
        try:
            torch.save(value, out)
        except RuntimeError as error:  # torch's riddle about positions, raised over what the disk said
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def save_state(directory: Path, step: int, state: dict[str, Any]) -> None:
    """Write state_<step>.pt; keep it and the one before."""
    save(state, directory / f"state_{step:08d}.pt")
    for old in _states(directory)[:-2]:
        old.unlink()


def load_state(directory: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest readable state, or None where there is none at all. A damaged one is reported and passed over.

    Raises RunError where there are states and none can be read.
    """
    states = _states(directory)
    for path in reversed(states):
        try:
            return path, torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
            reason = str(error).strip().splitlines()[0]
            print(f"{path}: damaged checkpoint ({reason}); the one before it is used", flush=True)
    if states:
        raise RunError(f"{directory}: no checkpoint there can be read; train anew with --redo")
    return None


def _states(directory: Path) -> list[Path]:
    return sorted(directory.glob("state_*.pt"))


def save_best(directory: Path, step: int, weights: dict[str, Any], best: Iterable[int]) -> None:
    """Write best_<step>.pt where `step` is among the `best` steps; remove those that no longer are."""
    kept = {_best(directory, other) for other in best}
    path = _best(directory, step)
    if path in kept:
        save(weights, path)
    for old in directory.glob("best_*.pt"):
        if old not in kept:
            old.unlink()


def average(directory: Path, best: Iterable[int]) -> dict[str, torch.Tensor]:
    """The mean of the best checkpoints' weights, summed in float64; whole numbers are the first's.

    A few tensors at a time, so that memory holds the result and little else.
    """
    paths = [_best(directory, step) for step in sorted(best)]
    names = list(_mapped(paths[0]))
    mean: dict[str, torch.Tensor] = {}
    for at in range(0, len(names), FEW):
        some = names[at : at + FEW]
        total: dict[str, torch.Tensor] = {}
        for path in paths:
            weights = _mapped(path)
            for name in some:
                value = weights[name]
                if not value.is_floating_point():
                    mean.setdefault(name, value.clone())
                else:
                    total[name] = total[name] + value if name in total else value.double()
        mean |= {name: (value / len(paths)).to(weights[name].dtype) for name, value in total.items()}
    return mean


def _mapped(path: Path) -> dict[str, torch.Tensor]:
    """A checkpoint of which only what is looked at takes memory."""
    weights: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return weights


def _best(directory: Path, step: int) -> Path:
    return directory / f"best_{step:08d}.pt"


def random_state() -> dict[str, Any]:
    """All generators of this process that a training step may draw from."""
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(np.asarray(keys).astype(np.int64)), int(position), int(has_gauss), float(gauss)),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    random.setstate(state["python"])
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
