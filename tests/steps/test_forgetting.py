"""A system that started from another is held against it, dialect by dialect, on the same utterances."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyasr.files import read_json, write_text
from tests.steps.conftest import Recipe

RIGHT, WRONG = "ένα δύο τρία τέσσερα", "ένα ένα ένα ένα"


@pytest.fixture
def chain(recipe: Recipe) -> Recipe:
    """exp/new/train_b came from exp/old/train_a, was right on Cypriot afterwards and wrong on the standard."""
    rows = [
        {"id": f"{dialect}{number}", "text": RIGHT, "speaker": f"s{number}", "dialect": dialect}
        for dialect in ("cypriot", "standard", "english")
        for number in range(12)
    ]
    recipe.data("both", "test", rows)
    for name, dialect_right in (("old/train_a", ("standard", "english")), ("new/train_b", ("cypriot", "english"))):
        lists = {str(row["id"]): [RIGHT if row["dialect"] in dialect_right else WRONG] for row in rows}
        recipe.nbest(f"{name}/decode_greedy/both.test", lists)
        recipe.json(f"exp/{name}/run.json", {"system": "espnet", "status": "finished"})
    write_text(Path("exp/old/train_a/conf.yaml"), "system: espnet\n")
    write_text(Path("exp/new/train_b/conf.yaml"), "system: espnet\ninit_from: exp/old/train_a\n")
    recipe.run("score", "--exp", "exp/old")
    recipe.run("score", "--exp", "exp/new")
    return recipe


def test_gains_and_losses_stand_with_intervals_and_a_verdict(chain: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    chain.run("forgetting")
    lines = {line.split()[4]: line for line in capsys.readouterr().out.splitlines() if line.startswith("new/train_b")}
    assert "75.00" in lines["cypriot"] and "-75.00 [-75.00, -75.00]" in lines["cypriot"] and "better" in lines["cypriot"]
    assert "+75.00 [+75.00, +75.00]" in lines["standard"] and "worse" in lines["standard"]
    assert "no difference shown" in lines["english"].lower()
    chain.run("report", "--out", "RESULTS.md")
    text = Path("RESULTS.md").read_text(encoding="utf-8")
    assert "## Gained and forgotten" in text and text.count("| new/train_b | old/train_a |") == 3


def test_it_is_made_anew_only_where_a_score_changed(chain: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    chain.run("forgetting")
    before = Path("exp/forgetting.json").stat().st_mtime_ns
    first = capsys.readouterr().out
    chain.run("forgetting")
    assert Path("exp/forgetting.json").stat().st_mtime_ns == before and capsys.readouterr().out == first
    lists = {f"{dialect}{number}": [RIGHT] for dialect in ("cypriot", "standard", "english") for number in range(12)}
    chain.nbest("new/train_b/decode_greedy/both.test", lists)
    chain.run("score", "--exp", "exp/new")
    chain.run("forgetting")
    assert {row["after"] for row in read_json(Path("exp/forgetting.json"))["changes"]} == {0.0}


def test_without_a_common_test_it_says_what_to_decode(recipe: Recipe) -> None:
    Path("exp").mkdir()
    assert "./run.sh --also SET" in recipe.fails("forgetting")[1]
