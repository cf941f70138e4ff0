"""Is what a step made still what it would make? Then it is skipped; else it says what changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cyasr.cli import UsageError, program
from cyasr.files import sha256, write_json


class Stage:
    """One product of one step: a stamp beside it records the inputs, parameters and outputs it stands for.

    stamp: the record's path (written last, so a killed step is never taken for a finished one).
    inputs: files the product is made from; compared by size and time first, by content where those differ.
    params: everything else that decides the result (resolved conf, options); any JSON value.
    """

    def __init__(self, stamp: Path, inputs: Iterable[Path], params: Mapping[str, Any]) -> None:
        self.stamp = stamp
        self.inputs = sorted(set(inputs))
        self.params = json.loads(json.dumps(dict(params), default=str))
        missing = [str(path) for path in self.inputs if not path.is_file()]
        if missing:
            raise UsageError(f"needs {', '.join(missing)}; run the stage that makes it")

    def fresh(self, quiet: bool = False) -> bool:
        """True where the product stands and nothing it depends on changed; says which it is, and why."""
        reason = self._stale()
        if not quiet:
            name = self.stamp.parent
            if reason is None:
                print(f"{program()}: {name} is up to date")
            elif reason:
                print(f"{program()}: {name} is rebuilt: {reason}")
        return reason is None

    def done(self, outputs: Iterable[Path]) -> None:
        """Record that `outputs` now stand for the inputs and parameters."""
        record = {
            "inputs": {str(path): [*_state(path), sha256(path)] for path in self.inputs},
            "params": self.params,
            "outputs": {str(path): path.stat().st_size for path in sorted(outputs)},
        }
        write_json(self.stamp, record)

    def _stale(self) -> str | None:
        """None: up to date. "": never made. Else what changed."""
        try:
            record = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return ""
        for path, size in record["outputs"].items():
            if not Path(path).is_file():
                return f"{path} is missing"
            if Path(path).stat().st_size != size:
                return f"{path} was changed by hand"
        old, new = record["params"], self.params
        changed = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
        if changed:
            return f"changed: {', '.join(sorted(changed))}"
        if list(record["inputs"]) != [str(path) for path in self.inputs]:
            return "its list of inputs changed"
        for path in self.inputs:
            *state, digest = record["inputs"][str(path)]
            if _state(path) != state and sha256(path) != digest:
                return f"{path} changed"
        return None


def _state(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
