"""A small data/ and exp/ in a temporary directory, and the steps run there."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from cyasr.cli import UsageError
from cyasr.files import write_json, write_jsonl_gz, write_text


class Recipe:
    """Paths are relative: the test's working directory is the recipe's root."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def data(self, name: str, split: str, cuts: list[dict[str, Any]]) -> Path:
        """data/<name>/<split>.jsonl.gz from rows of id, text and optionally speaker, dialect, domain, corpus, licence, label."""
        folder = Path("data") / name
        write_jsonl_gz(folder / f"{split}.jsonl.gz", map(self.cut, cuts))
        write_text(folder / "conf.yaml", "corpus: toy\nrelease: '1.0'\nprofile: t1\nlabel: gold\n")
        return folder

    @staticmethod
    def cut(row: dict[str, Any]) -> dict[str, Any]:
        custom = {key: row[key] for key in ("dialect", "domain", "corpus", "licence", "label") if key in row}
        supervision = {"id": row["id"], "start": 0.0, "text": row["text"], "speaker": row.get("speaker"), "custom": custom}
        return {"id": row["id"], "start": 0.0, "duration": 2.0, "supervisions": [supervision], "type": "MonoCut"}

    def nbest(self, path: str, lists: dict[str, list[Any]], **scores: float) -> Path:
        """exp/<path>.nbest.jsonl.gz; lists: texts, best first, or (text, scores) pairs, by utterance id."""
        file = Path("exp") / f"{path}.nbest.jsonl.gz"
        rows = []
        for name, hyps in lists.items():
            pairs = [(hyp, {"att": -float(i)}) if isinstance(hyp, str) else hyp for i, hyp in enumerate(hyps)]
            made = [
                {"text": text, "tokens": text.split(), "scores": parts, "total": sum(parts.values()), "words": None}
                for text, parts in pairs
            ]
            costs = {"decode_seconds": 0.5, "audio_seconds": 2.0}
            rows.append({"id": name, "hyps": made, "system": "espnet", "weights": {"att": 1.0}} | costs)
        write_jsonl_gz(file, rows)
        return file

    def json(self, path: str, value: Any) -> None:
        write_json(Path(path), value)

    def run(self, step: str, *arguments: str) -> None:
        """steps.<step> in this process; raises what it would print."""
        self._monkeypatch.setattr(sys, "argv", [step, *arguments])
        importlib.import_module(f"steps.{step}").main()

    def fails(self, step: str, *arguments: str) -> tuple[int, str]:
        """Exit status and message of a step that has to fail."""
        with pytest.raises(UsageError) as caught:
            self.run(step, *arguments)
        assert "\n" not in str(caught.value)
        return caught.value.status, str(caught.value)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.chdir(tmp_path)
    return Recipe(monkeypatch)
