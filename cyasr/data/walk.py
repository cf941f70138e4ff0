"""The files below a folder, none left out because it may not be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cyasr.cli import UsageError


def folders(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of its files), both in order; links to folders are followed, each folder is met once.

    Raises UsageError for a folder that may not be read.
    """
    met = set()
    for folder, below, names in os.walk(top, onerror=_refuse, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in met:
            below.clear()
            continue
        met.add((state.st_dev, state.st_ino))
        below.sort()
        yield Path(folder), sorted(names)


def files(top: Path) -> Iterator[Path]:
    """Every file below `top`, in order; no pipes, which would be waited for, and no links that lead nowhere."""
    for folder, names in folders(top):
        yield from (path for name in names if (path := folder / name).is_file())


def _refuse(error: OSError) -> None:
    raise UsageError(f"{error.filename}: {error.strerror}; what lies in it would be left out")
