"""Experiments that start from others (`init_from:`): base, then Standard Greek, then Cypriot.

What an earlier one left is taken over merged: its low-rank updates become part of the weights that the next one adapts.
Of layers over the vocabulary, the rows of tokens that both know are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.score.lists import exp_root, set_of

if TYPE_CHECKING:
    from torch import nn

    from cyasr.experiment import TrainConf


def ancestors(directory: Path) -> Iterator[Path]:
    """The experiments that the one in `directory` goes back to, the nearest first, as far as they are still there."""
    root = exp_root(directory).parent
    seen = {directory}
    while (conf := directory / "conf.yaml").is_file() and (older := confs.read(conf).get("init_from")):
        directory = root / str(older)
        if directory in seen:
            return
        seen.add(directory)
        yield directory


def data_of(directory: Path) -> Path:
    """data/<set> of an experiment."""
    return exp_root(directory).with_name("data") / set_of(directory)


def inputs(conf: dict[str, Any]) -> list[Path]:
    """Files of its ancestor that a training depends on. conf: the keys of its conf."""
    older = conf.get("init_from")
    return [Path(str(older)) / name for name in ("model.pt", "conf.yaml")] if older else []


def ancestor(conf: TrainConf) -> Any:
    """The system of `conf.init_from`, on the CPU and merged. Raises UsageError where it is of another family, or unfinished."""
    from cyasr.adaptation.adapt import merge
    from cyasr.systems import restore

    try:
        system = restore(Path(str(conf.init_from)), merged=False)
        if system.conf.system != conf.system:
            raise UsageError(f"is of the family {system.conf.system}, and this conf's is {conf.system}")
        if system.conf.adapt.kind != "full":
            merge(system)
    except UsageError as error:
        raise UsageError(f"init_from: {conf.init_from}: {error}") from None
    return system.cpu()


def inherit(
    model: nn.Module,
    older: nn.Module,
    source: str,
    *,
    tokens: tuple[Sequence[str], Sequence[str]] = ((), ()),
    over_tokens: Collection[str] = (),
    new: Collection[str] = (),
) -> None:
    """Give `model` the weights of `older`, by name.

    tokens: those of `older` and of `model`; over_tokens: prefixes of tensors whose first dimension they are; new: prefixes
    of tensors that `older` need not have. Raises UsageError, naming `source`, where others are missing or of another shape.
    """
    theirs, (known, own) = older.state_dict(), tokens
    row_of = {token: row for row, token in enumerate(known)}
    state, misfits = model.state_dict(), []
    for name, value in state.items():
        found = theirs.get(name)
        if found is None:
            misfits += [] if name.startswith(tuple(new)) else [f"it has no {name}"]
        elif name.startswith(tuple(over_tokens)) and found.shape[1:] == value.shape[1:]:
            for row, token in enumerate(own):
                if token in row_of:
                    value[row] = found[row_of[token]]
        elif found.shape == value.shape:
            value.copy_(found)
        else:
            misfits.append(f"{name} is {tuple(found.shape)} there and {tuple(value.shape)} here")
    if misfits:
        more = f", and {len(misfits) - 1} more" if misfits[1:] else ""
        raise UsageError(f"init_from: {source} does not fit: {misfits[0]}{more}")
