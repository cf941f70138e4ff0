"""The benchmarks, which no test runs: what they import from the recipe is still there."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from pathlib import Path

import pytest

from tests.conftest import ROOT

OURS = ("cyasr", "steps", "local", "tests", "tools")


@pytest.mark.parametrize("path", sorted((ROOT / "tools" / "bench").glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_exists(path: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        if node.module and node.module.partition(".")[0] in OURS:
            module = importlib.import_module(node.module)
            for one in node.names:
                found = hasattr(module, one.name) or importlib.util.find_spec(f"{node.module}.{one.name}")
                assert found, f"{node.module} has no {one.name}"
