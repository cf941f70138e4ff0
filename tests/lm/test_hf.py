"""Models from the hub score sentences as their definition says, batched or alone, and what is no such model is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
import yaml

from cyasr.cli import RunError, UsageError
from cyasr.files import read_json, write_text
from cyasr.fusion.lm_scores import open_lm
from cyasr.lm.prepared import prepared
from tests.steps.conftest import Recipe

TEXTS = ["ο σ̆ύλλος έρκεται τωρά", "πόψε", "τζ̆αι εν ο κάττος", "πάμεν εις το χωρκόν πόψε", "πόψε"]
CAUSAL = {"kind": "hf", "model": "causal", "licence": "Apache-2.0", "batch_tokens": 30}
DATA = Path("data/toy")


@pytest.fixture(scope="module")
def recipe_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recipe]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("hf"))
        recipe = Recipe(patch)
        recipe.data("toy", "dev", [{"id": str(n), "text": text} for n, text in enumerate(TEXTS)])
        for make in (tiny_models.gpt2, tiny_models.llama, tiny_models.bert):
            make(Path("models") / make.__name__)
        yield recipe


def make(recipe: Recipe, name: str, **keys: Any) -> Any:
    write_text(Path("conf") / f"{name}.yaml", yaml.safe_dump(CAUSAL | keys))
    recipe.run("train_lm", "--data", str(DATA), "--conf", f"conf/{name}.yaml")
    lm = open_lm(Path("exp/toy") / name, DATA)
    lm.load()
    return lm


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("end", [True, False])
def test_a_causal_models_score_is_the_sentences_log_probability(recipe_dir: Recipe, kind: str, end: bool) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    lm = make(recipe_dir, f"lm_{kind}", pretrained=f"models/{kind}", end=end)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(f"models/{kind}"), AutoTokenizer.from_pretrained(f"models/{kind}")
    expected = []
    for text in TEXTS:
        ids = [0, *tokenizer.encode(text, add_special_tokens=False), *([tokenizer.eos_token_id] if end else [])]
        total = 0.0
        for n in range(1, len(ids)):  # one token at a time, nothing padded
            with torch.inference_mode():
                total += float(model(torch.tensor([ids[:n]])).logits[0, -1].log_softmax(-1)[ids[n]])
        expected.append(total)
    assert lm.scores(TEXTS, Path("x")) == pytest.approx(expected, abs=1e-3)


def test_a_masked_models_score_is_the_sum_over_tokens_masked_one_by_one(recipe_dir: Recipe) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    lm = make(recipe_dir, "lm_pll_bert", pretrained="models/bert", model="masked")
    model, tokenizer = AutoModelForMaskedLM.from_pretrained("models/bert"), AutoTokenizer.from_pretrained("models/bert")
    expected = []
    for text in TEXTS:
        ids, total = tokenizer.encode(text), 0.0
        for n in range(1, len(ids) - 1):
            masked = torch.tensor([[*ids[:n], tokenizer.mask_token_id, *ids[n + 1 :]]])
            with torch.inference_mode():
                total += float(model(masked).logits[0, n].log_softmax(-1)[ids[n]])
        expected.append(total)
    assert lm.scores(TEXTS, Path("x")) == pytest.approx(expected, abs=1e-3)
    record = read_json(Path("exp/toy/lm_pll_bert/run.json"))
    assert "dev" not in record and record["dev_pseudo"]["sentences"] == len(TEXTS)


def test_the_record_has_licence_size_and_perplexity(recipe_dir: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    lm = make(recipe_dir, "lm_record", pretrained="models/gpt2", licence="llama3.1")
    record, said = read_json(Path("exp/toy/lm_record/run.json")), capsys.readouterr().out
    assert record["licences"] == ["llama3.1"] and record["taint"] == "unknown licence" and record["parameters"] > 10_000
    assert record["dev"]["log_prob"] == pytest.approx(sum(lm.scores(TEXTS, Path("x"))), abs=1e-2)
    assert "reads 'ο σ̆ύλλος έρκεται τωρά' as" in said and "unknown licence (llama3.1)" in said
    make(recipe_dir, "lm_record", pretrained="models/gpt2", licence="llama3.1")
    assert "lm_record is up to date" in capsys.readouterr().out


def test_text_is_prepared_as_the_conf_says(recipe_dir: Recipe) -> None:
    assert prepared("ο σ̆ύλλος τζ̆αι", ["unmark", "capital"]) == "Ο σύλλος τζαι"
    assert prepared("Ο Σ̆ύλλος Άϊ", ["lower", "unaccent"]) == "ο συλλος αι"
    plain = make(recipe_dir, "lm_plain", pretrained="models/gpt2")
    cased = make(recipe_dir, "lm_cased", pretrained="models/gpt2", prepare=["unmark", "capital"], suffix=".")
    assert cased.scores(["ο σ̆ύλλος"], Path("x")) == pytest.approx(plain.scores(["Ο σύλλος."], Path("x")))


def without_head(directory: Path) -> None:
    from transformers import BertModel

    shutil.copytree("models/bert", directory)
    BertModel.from_pretrained("models/bert").save_pretrained(directory)


def other_tokenizer(directory: Path) -> None:
    from transformers import AutoTokenizer

    shutil.copytree("models/llama", directory)
    tokenizer = AutoTokenizer.from_pretrained("models/llama")
    tokenizer.add_tokens([f"<{n}>" for n in range(300)])
    tokenizer.save_pretrained(directory)


def not_a_number(directory: Path) -> None:
    from transformers import GPT2LMHeadModel

    shutil.copytree("models/gpt2", directory)
    model = GPT2LMHeadModel.from_pretrained(directory)
    model.transformer.ln_f.weight.data[0] = float("nan")
    model.save_pretrained(directory)


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("lm_a", {"pretrained": "models/nowhere/at/all"}, "is no model's directory, nor to be had from the hub"),
        ("lm_a", {"pretrained": "models/bert"}, "is a bert model, no causal one; see `model:`"),
        ("lm_pll_a", {"pretrained": "models/gpt2", "model": "masked"}, "is a gpt2 model, no masked one"),
        ("lm_a", {"pretrained": "models/bert", "model": "masked"}, "name its conf lm_pll_<name>.yaml"),
        ("lm_pll_a", {"pretrained": "models/gpt2"}, "do not name its conf lm_pll_"),
        ("lm_pll_a", {"pretrained": without_head, "model": "masked"}, "no weights for"),
        ("lm_a", {"pretrained": other_tokenizer}, "they are not each other's"),
        ("lm_a", {"pretrained": not_a_number}, "no number (NaN)"),
        ("lm_a", {"pretrained": "models/gpt2", "suffix": "τωρά " * 70}, "more than the model's 64"),
        ("lm_a", {"pretrained": "models/gpt2", "prepare": ["lowre"]}, "did you mean 'lower'"),
        ("lm_a", {"model": "causal"}, "key 'pretrained' is missing"),
    ],
)
def test_what_cannot_score_is_refused_in_one_line(
    recipe_dir: Recipe, tmp_path: Path, name: str, keys: dict[str, Any], message: str
) -> None:
    if isinstance(wrong := keys.get("pretrained"), Callable):
        wrong(tmp_path / "wrong")
        keys = keys | {"pretrained": str(tmp_path / "wrong")}
    write_text(Path("conf") / f"{name}.yaml", yaml.safe_dump(CAUSAL | keys))
    _, found = recipe_dir.fails("train_lm", "--data", str(DATA), "--conf", f"conf/{name}.yaml")
    assert message in found


def test_text_that_the_tokenizer_does_not_know_stops_before_it_is_scored(recipe_dir: Recipe) -> None:
    lm = make(recipe_dir, "lm_pll_bert", pretrained="models/bert", model="masked")
    with pytest.raises(RunError, match=r"knows 0 of the 2 units \(tokens of models/bert; see `prepare`\)"):
        lm.check(["字 字"], Path("dev"))


def test_a_search_is_told_that_it_scores_whole_sentences_only(recipe_dir: Recipe) -> None:
    from cyasr.search.token_lm import open_token_lm

    make(recipe_dir, "lm_gpt2", pretrained="models/gpt2")
    with pytest.raises(UsageError, match="scores whole sentences: name it in a fuse conf"):
        open_token_lm(Path("exp/toy/lm_gpt2"), "char", ["a"])
