"""One file a family of systems; a conf's `system: espnet` names the file. Nothing else knows the toolkit inside.

A family's module holds `Conf` (a TrainConf with its own keys), `build(conf, data) -> System`, and everything that
its System does: turn cuts into a batch, give its losses, transcribe cuts into n-best lists, restore itself.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError


def family(name: str) -> ModuleType:
    """The module of a family. Raises UsageError, with the nearest valid name, where there is none."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    if name not in names:
        raise UsageError(f"unknown system {name!r}{confs.nearest(name, names)}")
    return importlib.import_module(f"cyasr.systems.{name}")


def load_conf(path: Path) -> Any:
    """A train conf, checked against its own family's keys."""
    keys = confs.read(path)
    if "system" not in keys:
        raise UsageError(f"{path}: key 'system' is missing")
    return confs.build(keys, family(str(keys["system"])).Conf, path)


def restore(directory: Path, merged: bool = True) -> Any:
    """The trained system of an experiment directory, in evaluation mode, on a GPU where there is one.

    merged: add low-rank updates to the weights: the same outputs, without adding them up each time. Raises UsageError
    where its training is unfinished.
    """
    model = directory / "model.pt"
    if not model.exists():
        raise UsageError(f"{model} does not exist; run stage 5")
    conf = load_conf(directory / "conf.yaml")
    system = family(conf.system).restore(conf, directory)
    if merged and conf.adapt.kind == "lora":
        from cyasr.adaptation.adapt import merge

        merge(system)
    return system
