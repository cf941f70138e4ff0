"""A list in another language than the speech is scored against the cuts' translations, with BLEU and chrF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cyasr.files import write_jsonl_gz, write_text
from tests.steps.conftest import Recipe

PAIRS = [("το παιδίν πάει στην θάλασσαν", "the child goes to the sea"), ("πού εν ο παπάς", "where is the priest today")]


def cut(number: int, language: str, translations: dict[str, str]) -> dict[str, Any]:
    row = Recipe.cut({"id": f"u{number}", "text": PAIRS[number][0] if language == "el-CY" else PAIRS[number][1]})
    row["supervisions"][0] |= {"language": language}
    row["supervisions"][0]["custom"] |= {"translation": translations}
    return row


@pytest.fixture
def exp(recipe: Recipe) -> Path:
    """A Greek cut with an English translation and an English one with a Greek."""
    folder = recipe.data("toy", "test", [])
    cuts = [cut(0, "el-CY", {"en": PAIRS[0][1]}), cut(1, "en", {"el": PAIRS[1][0]})]
    write_jsonl_gz(folder / "test.jsonl.gz", cuts)
    write_text(Path("exp/toy/train_a/conf.yaml"), "system: nemo\n")
    return Path("exp/toy")


def decoded(recipe: Recipe, name: str, texts: list[str], conf: str) -> None:
    recipe.nbest(f"toy/train_a/{name}/test", {f"u{number}": [text] for number, text in enumerate(texts)})
    write_text(Path(f"exp/toy/train_a/{name}/conf.yaml"), conf)


def metrics(name: str) -> dict[str, Any]:
    read = json.loads(Path(f"exp/toy/train_a/{name}/test.score.json").read_text())
    return {"wer": read["wer"]} | {key: read["metrics"][key]["score"] for key in ("bleu", "chrf") if key in read["metrics"]}


def test_translations_both_ways_transcripts_and_rankings_each_have_their_references(recipe: Recipe, exp: Path) -> None:
    translated, said = [PAIRS[0][1], PAIRS[1][0]], [PAIRS[0][0], PAIRS[1][1]]
    decoded(recipe, "decode_t", translated, "translate_to: {el: en, en: el}\n")
    decoded(recipe, "decode_en", [PAIRS[0][1], PAIRS[1][1]], "translate_to: {el: en}\n")
    decoded(recipe, "decode_a", said, "search: greedy\n")
    decoded(recipe, "fuse_t", translated, "nbest: decode_t\nlm: null\n")
    recipe.run("score", "--exp", str(exp))
    whole = {"wer": 0.0, "bleu": pytest.approx(100), "chrf": pytest.approx(100)}
    assert metrics("decode_t") == metrics("decode_en") == metrics("fuse_t") == whole
    assert metrics("decode_a") == {"wer": 0.0}


def test_a_whisper_told_to_translate_is_scored_in_english(recipe: Recipe, exp: Path) -> None:
    write_jsonl_gz(Path("data/toy/test.jsonl.gz"), [cut(0, "el-CY", {"en": PAIRS[0][1]})])
    write_text(Path("exp/toy/train_a/conf.yaml"), "system: hf_seq2seq\ntask: translate\n")
    decoded(recipe, "decode_w", [PAIRS[0][1]], "search: greedy\n")
    recipe.run("score", "--exp", str(exp))
    assert metrics("decode_w")["bleu"] == pytest.approx(100)


def test_a_cut_without_a_translation_is_named(recipe: Recipe, exp: Path) -> None:
    decoded(recipe, "decode_t", ["a", "b"], "translate_to: {el: fr}\n")
    assert "cut u0 has no translation into 'fr' to score against" in recipe.fails("score", "--exp", str(exp))[1]
