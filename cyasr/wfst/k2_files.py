"""The `k2` backend: k2's pruned intersection in a process and environment of its own, reached through files.

k2's wheels are tied to one torch and one Python, so .venv-k2 (tools/install.sh k2) has it; where the main environment has
a k2 itself, that one is taken. The process loads the graph once, then is told names of files with posteriors and answers
each with a file of lattices.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from cyasr.cli import RunError, UsageError
from cyasr.files import replacing
from cyasr.wfst.graph import Graph
from cyasr.wfst.lattice import Lattice
from cyasr.wfst.search import Search, Utterances

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("k2_worker.py")
MISSING = "k2 is not installed; tools/install.sh k2 makes .venv-k2, or take `backend: kaldi`"
BLOCK = 200  # utterances a file


def interpreter() -> Path:
    """The Python that has k2. Raises UsageError where there is none."""
    with suppress(importlib.metadata.PackageNotFoundError):
        if not importlib.metadata.version("k2").startswith("0."):  # 0.3 is what an unsupported Python is given
            return Path(sys.executable)
    python = ROOT / ".venv-k2" / "bin" / "python"
    if not (python.is_file() and (ROOT / ".venv-k2" / ".installed-requirements-k2").is_file()):
        raise UsageError(MISSING)
    return python


def lattices(graph: Graph, utterances: Utterances, search: Search) -> Iterator[tuple[str, Lattice]]:
    """(id, raw lattice) of each utterance; empty where no path lives. Raises RunError with k2's last line where it fails."""
    from kaldifst import StdVectorFst

    python = interpreter()
    with tempfile.TemporaryDirectory(prefix="k2-") as name:
        work = Path(name)
        k2_graph = graph.directory / "HLG.k2.pt"
        if not k2_graph.is_file() or k2_graph.stat().st_mtime_ns < graph.fst.stat().st_mtime_ns:
            (work / "HLG.txt").write_text(StdVectorFst.read(str(graph.fst)).to_str(show_weight_one=True), encoding="utf-8")
            with replacing(k2_graph) as temporary, _Worker(python, work, {"text": str(work / "HLG.txt")}) as worker:
                worker.ask(temporary)
        told: dict[str, str | float] = {"graph": str(k2_graph), "max_active": search.max_active}
        told |= {"beam": search.beam / search.lm_weight, "lattice_beam": search.lattice_beam / search.lm_weight}
        remaining = iter(utterances)
        with _Worker(python, work, told) as worker:
            while block := list(islice(remaining, BLOCK)):
                scaled = {str(i): search.scaled(log_probs) for i, (_, log_probs) in enumerate(block)}
                np.savez(work / "in.npz", **scaled)  # type: ignore[arg-type]
                worker.ask(work / "out.npz", work / "in.npz")
                with np.load(work / "out.npz") as found:
                    for i, (utterance, _) in enumerate(block):
                        parts = (found[f"{i}.{part}"] for part in ("arcs", "scores", "finals", "final_scores"))
                        yield utterance, Lattice(*parts)


class _Worker:
    """cyasr/wfst/k2_worker.py at work; ends with its `with` block."""

    def __init__(self, python: Path, work: Path, told: dict[str, str | float]) -> None:
        self._said = work / "stderr"
        with open(self._said, "wb") as said:
            self._process = subprocess.Popen(
                [python, WORKER, json.dumps(told)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
            )

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()

    def ask(self, *files: Path) -> None:
        """Have the first of `files` written from the others, and wait for it."""
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):  # then it has ended, and says nothing
            self._process.stdin.write(json.dumps([str(path) for path in files]) + "\n")
            self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            lines = self._said.read_text(encoding="utf-8", errors="replace").split("\n")
            raise RunError(f"k2 failed: {next((line for line in reversed(lines) if line.strip()), 'without a word')}")
