"""Stage 4 makes a model of train text and extra text alone, the same bytes each time, and says what it left out."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from cyasr import conf as confs
from cyasr.files import read_json, write_jsonl_gz, write_text
from cyasr.lm.conf import LmConf
from cyasr.lm.ngram import NgramLM
from cyasr.text import tokenizer
from tests.steps.conftest import Recipe

WORDS = ["τζ̆αι", "εν", "ο", "σ̆ύλλος", "έρκεται", "τωρά", "πόψε", "που", "το", "χωρκόν", "μας", "ούλλοι"]
EXP = Path("exp/toy/lm_test")


def cuts(split: str, count: int) -> list[dict[str, Any]]:
    draw = random.Random(split)
    return [{"id": f"{split}{i}", "text": " ".join(draw.choices(WORDS, k=draw.randint(2, 8)))} for i in range(count)]


@pytest.fixture
def toy(recipe: Recipe) -> Recipe:
    for split, count in (("train", 300), ("dev", 20), ("test", 20)):
        recipe.data("toy", split, cuts(split, count))
    tokenizer.train([row["text"] for row in cuts("train", 300)], "char", Path("data/toy/tokenizer_char"))
    return recipe


def conf(text: str) -> str:
    write_text(Path("conf/lm_test.yaml"), text)
    return "conf/lm_test.yaml"


def test_a_word_model_is_written_with_its_record(toy: Recipe) -> None:
    toy.run("train_lm", "--data", "data/toy", "--conf", conf("tokens: word\norder: 3\n"))
    record = read_json(EXP / "run.json")
    assert record["sentences"] == 300 and record["leaks_dropped"] == 0
    assert record["dev"]["sentences"] == 20 and 1 < record["dev"]["per_token"] < len(WORDS) + 2
    assert len(record["inputs"]["data/toy/train.jsonl.gz"]) == 64
    assert record["seconds"] >= 0 and record["peak_memory_mb"] > 0
    assert confs.load(EXP / "conf.yaml", LmConf).order == 3
    binary, arpa = NgramLM.load(EXP / "lm.npz"), NgramLM.load(EXP / "lm.arpa.gz")
    assert binary.counts() == arpa.counts() == record["ngrams"]
    assert set(WORDS) < set(binary.vocab)


def test_a_token_model_has_every_token_of_the_tokenizer(toy: Recipe) -> None:
    tokens = tokenizer.Tokenizer.load(Path("data/toy/tokenizer_char")).tokens
    write_text(Path("data/toy/tokenizer_char/tokens.txt"), "\n".join([*tokens[:-1], "ξ", tokens[-1]]) + "\n")
    toy.run("train_lm", "--data", "data/toy", "--conf", conf("tokens: char\norder: 4\n"))
    assert NgramLM.load(EXP / "lm.npz").vocab == ["<unk>", "<s>", "</s>", *tokens[2:-1], "ξ"]


def test_the_same_text_gives_the_same_bytes(toy: Recipe) -> None:
    path = conf("tokens: char\norder: 4\n")
    made = []
    for _ in range(2):
        toy.run("train_lm", "--data", "data/toy", "--conf", path)
        made.append([(EXP / name).read_bytes() for name in ("lm.npz", "lm.arpa.gz", "conf.yaml", "leaks.tsv")])
        (EXP / ".stamp.json").unlink()
    assert made[0] == made[1]


def test_an_unchanged_model_is_left_alone_and_a_changed_text_rebuilds_it(toy: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(Path("extra.txt"), "ο ήλιος εν ψηλά\n")
    path = conf("tokens: word\norder: 2\ntext: [extra.txt]\nlicences: {extra.txt: CC0-1.0}\n")
    toy.run("train_lm", "--data", "data/toy", "--conf", path)
    before = (EXP / "lm.npz").stat().st_mtime_ns
    toy.run("train_lm", "--data", "data/toy", "--conf", path)
    assert "up to date" in capsys.readouterr().out
    assert (EXP / "lm.npz").stat().st_mtime_ns == before
    write_text(Path("extra.txt"), "ο ήλιος εν χαμηλά\n")
    toy.run("train_lm", "--data", "data/toy", "--conf", path)
    assert "extra.txt changed" in capsys.readouterr().out
    assert "χαμηλά" in NgramLM.load(EXP / "lm.npz").vocab


def test_extra_text_is_normalised_and_counted_with_its_licence(toy: Recipe) -> None:
    Path("extra.txt.gz").write_bytes(gzip.compress("Ο ΉΛΙΟΣ, εν ψηλά!\n\n...\n".encode()))
    path = conf("tokens: word\norder: 2\ntext: [extra.txt.gz]\nlicences: {extra.txt.gz: CC-BY-4.0}\n")
    toy.run("train_lm", "--data", "data/toy", "--conf", path)
    source = read_json(EXP / "run.json")["text"][1]
    assert source == {"path": "extra.txt.gz", "licences": ["CC-BY-4.0"], "lines": 1, "dropped": 0, "empty": 2}
    assert {"ο", "ήλιος", "ψηλά"} <= set(NgramLM.load(EXP / "lm.npz").vocab)


def test_non_commercial_text_taints_the_model_and_says_so(toy: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    write_text(Path("free.txt"), "ο ήλιος εν ψηλά\n")
    write_text(Path("grdd.txt"), "η θάλασσα εν βαθκιά\n")
    toy.data("toy", "train", [row | {"licence": "CC0-1.0"} for row in cuts("train", 300)])
    licences = "licences: {free.txt: CC0-1.0, grdd.txt: CC-BY-NC-SA-4.0}\n"
    toy.run("train_lm", "--data", "data/toy", "--conf", conf(f"tokens: word\norder: 2\ntext: [free.txt]\n{licences}"))
    record = read_json(EXP / "run.json")
    assert record["licences"] == ["CC0-1.0"] and record["taint"] == "" and "results that use it" not in capsys.readouterr().out
    toy.run("train_lm", "--data", "data/toy", "--conf", conf(f"tokens: word\norder: 2\ntext: [free.txt, grdd.txt]\n{licences}"))
    record = read_json(EXP / "run.json")
    assert record["licences"] == ["CC-BY-NC-SA-4.0", "CC0-1.0"] and record["taint"] == "non-commercial"
    assert "exp/toy/lm_test: non-commercial through grdd.txt (CC-BY-NC-SA-4.0, CC0-1.0)" in capsys.readouterr().out


def test_a_text_corpus_is_normalised_and_brings_its_own_licences(toy: Recipe) -> None:
    rows = [
        {"id": "a", "supervisions": [{"id": "a", "text": "Ο ΉΛΙΟΣ, εν ψηλά!", "custom": {"licence": "CC-BY-4.0"}}]},
        {"id": "b", "supervisions": [{"id": "b", "text": "το φεγγάριν", "custom": {}}]},
    ]
    toy.data("toy", "train", [row | {"licence": "CC0-1.0"} for row in cuts("train", 300)])
    write_jsonl_gz(Path("data/tales/text.jsonl.gz"), rows)
    path = conf("tokens: word\norder: 2\ntext: [data/tales/text.jsonl.gz]\n")
    toy.run("train_lm", "--data", "data/toy", "--conf", path)
    record = read_json(EXP / "run.json")
    assert record["text"][1]["licences"] == ["CC-BY-4.0", "unstated"] and record["taint"] == "unknown licence"
    assert {"ο", "ήλιος", "ψηλά", "φεγγάριν"} <= set(NgramLM.load(EXP / "lm.npz").vocab)


def test_dev_and_test_sentences_in_the_text_are_dropped_and_listed(toy: Recipe) -> None:
    held_out = "ο πάππους μου επήεν ψες εις το παναΰριν της αγίας"
    recipe_test = [*cuts("test", 20), {"id": "planted", "text": held_out}]
    toy.data("toy", "test", recipe_test)
    write_text(Path("extra.txt"), f"{held_out}\n{held_out.replace('ψες', 'πόψε')}\nάλλη μια πρόταση με πολλές λέξεις\n")
    path = conf("tokens: word\norder: 2\ntext: [extra.txt]\nlicences: {extra.txt: CC0-1.0}\n")
    toy.run("train_lm", "--data", "data/toy", "--conf", path)
    assert read_json(EXP / "run.json")["leaks_dropped"] == 2
    assert "πάππους" not in NgramLM.load(EXP / "lm.npz").vocab
    listed = (EXP / "leaks.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in listed] == ["line", "extra.txt:1", "extra.txt:2"]


def test_too_many_leaks_stop_the_step_with_examples(toy: Recipe) -> None:
    toy.data("toy", "test", cuts("train", 30))
    status, message = toy.fails("train_lm", "--data", "data/toy", "--conf", conf("tokens: word\norder: 2\n"))
    assert status == 1
    assert "of 300 lines are dev or test sentences" in message and "data/toy/train.jsonl.gz:" in message
    assert not (EXP / "lm.npz").exists() and not (EXP / ".stamp.json").exists()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("tokens: words\norder: 2\n", "tokens: 'words' is none of"),
        ("tokens: word\norder: 7\n", "order: must be from 1 to 6"),
        ("tokens: word\norder: 2\nprune: [1, 1]\n", "prune: starts with 0"),
        ("tokens: word\norder: 2\nprune: [0, 1, 1]\n", "prune: at most 2"),
        ("tokens: word\norder: 2\ntext: [missing.txt]\n", "licences: say under which"),
        ("tokens: word\norder: 2\ntext: [missing.txt]\nlicences: {missing.txt: CC0-1.0}\n", "needs missing.txt"),
        ("tokens: word\noder: 2\n", "unknown key 'oder'; did you mean 'order'"),
        ("tokens: bpe_200\norder: 2\n", "tokenizer_bpe_200/tokens.txt"),
    ],
)
def test_a_wrong_conf_is_refused_before_any_work(toy: Recipe, keys: str, message: str) -> None:
    status, said = toy.fails("train_lm", "--data", "data/toy", "--conf", conf(keys))
    assert status == 2 and message in said


def test_extra_text_that_is_not_utf8_is_refused_with_file_and_line(toy: Recipe) -> None:
    Path("extra.txt").write_bytes("καλημέρα\n".encode() + "κόσμε\n".encode("iso8859-7"))
    path = conf("tokens: word\norder: 2\ntext: [extra.txt]\nlicences: {extra.txt: CC0-1.0}\n")
    status, message = toy.fails("train_lm", "--data", "data/toy", "--conf", path)
    assert status == 2 and message.startswith("extra.txt:2: not UTF-8")


def test_a_train_split_without_text_is_refused_by_name(toy: Recipe) -> None:
    write_jsonl_gz(Path("data/toy/train.jsonl.gz"), [])
    status, message = toy.fails("train_lm", "--data", "data/toy", "--conf", conf("tokens: word\norder: 2\n"))
    assert status == 1 and "data/toy/train.jsonl.gz: nothing to learn from" in message


def test_sources_are_mixed_with_weights_from_dev_and_the_record_says_what_each_gives(toy: Recipe) -> None:
    write_text(Path("near.txt"), "".join(" ".join(reversed(row["text"].split())) + "\n" for row in cuts("more", 200)))
    write_text(Path("far.txt"), "καμιά λέξη του κειμένου τούτου\n" * 50)
    write_text(Path("void.txt"), "\n")
    extra = "text: [near.txt, far.txt, void.txt]\nlicences: {near.txt: CC0-1.0, far.txt: CC0-1.0, void.txt: CC0-1.0}\n"
    toy.run("train_lm", "--data", "data/toy", "--conf", conf(f"tokens: word\norder: 2\nmix: true\n{extra}"))
    record = read_json(EXP / "run.json")
    weights = {part["path"]: part["weight"] for part in record["mixture"]}
    assert list(weights) == ["data/toy/train.jsonl.gz", "near.txt", "far.txt"]
    assert sum(weights.values()) == pytest.approx(1, abs=1e-5)
    assert weights["far.txt"] < 0.05 < weights["near.txt"]
    alone = [part["dev"]["per_token"] for part in record["mixture"]]
    assert record["dev"]["per_token"] < 1.001 * min(alone) < alone[2] and record["dev"]["unknown"] == 0
    assert {"καμιά", *WORDS} < set(NgramLM.load(EXP / "lm.npz").vocab)
    assert NgramLM.load(EXP / "lm.arpa.gz").counts() == record["ngrams"]


def test_entropy_pruning_leaves_a_smaller_model_and_says_what_it_costs(toy: Recipe) -> None:
    toy.run("train_lm", "--data", "data/toy", "--conf", conf("tokens: word\norder: 3\nentropy: 1e-3\n"))
    record = read_json(EXP / "run.json")
    before = record["pruned"]
    assert sum(record["ngrams"]) < sum(before["ngrams_before"]) and record["ngrams"][0] == before["ngrams_before"][0]
    assert record["dev"]["per_token"] < 1.2 * before["dev_before"]["per_token"]
    assert NgramLM.load(EXP / "lm.npz").counts() == record["ngrams"]


@pytest.mark.parametrize(("keys", "message"), [("mix: true", "mix: needs other sources"), ("entropy: 1", "entropy: a share")])
def test_mixing_and_pruning_that_cannot_be_are_refused(toy: Recipe, keys: str, message: str) -> None:
    status, said = toy.fails("train_lm", "--data", "data/toy", "--conf", conf(f"tokens: word\norder: 2\n{keys}\n"))
    assert status == 2 and message in said
