"""Second passes over what a system left: n-best lists and posteriors in, n-best lists out; weights tuned on dev.

A fuse conf's `kind:` names its method, a file of this directory with `Conf`, a dataclass, and
`Fusion(experiment, conf, name)`, which tells its `stage()` and does the work in `run()`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError

KINDS = ("rescore", "mbr", "rover", "confusion", "confidence", "wfst", "ctc_beam")


def method(kind: str) -> ModuleType:
    """The module of a kind of fusion. Raises UsageError, with the nearest valid name, where there is none."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind of fusion {kind!r}{confs.nearest(kind, KINDS)}")
    return importlib.import_module(f"cyasr.fusion.{kind}")


def load_conf(path: Path) -> Any:
    """A fuse conf, checked against its own kind's keys."""
    keys = confs.read(path)
    return confs.build(keys, method(str(keys.get("kind", "rescore"))).Conf, path)
