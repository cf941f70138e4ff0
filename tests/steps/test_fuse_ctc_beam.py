"""Stage 7 over posteriors: weights from dev, lists in our format, and a line for what is missing or does not fit."""

import json
from pathlib import Path

import numpy as np
import pytest

from cyasr.files import read_json
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.nbest import read_nbest
from cyasr.search.posteriors import write_shard
from cyasr.text.tokenizer import train as train_tokenizer

TEXT = ["ο κάττος εν μιτσής", "ο σ̆ύλλος εν μεγάλος", "εν μιτσής ο κάττος", "ο σ̆ύλλος τρώει"] * 3
EXP = Path("exp/toy/train_a")
SAID = {"dev": {"d1": "ο κάττος εν μιτσής", "d2": "ο σ̆ύλλος τρώει"}, "test": {"t1": "εν μεγάλος ο κάττος", "t2": "εν λοττής"}}
HEARD = {"dev": {"d1": "ο κάσσος εν μιτσής", "d2": "ο σ̆ύλλος τρώει"}, "test": {"t1": "εν μεγάλος ο κάσσος", "t2": "εν λοττής"}}
CONF = {
    "kind": "ctc_beam", "lm": "lm_word", "lm_weights": [0.1, 0.5], "word_weights": [0, 1],
    "unknown_weights": [0, -1], "beam": 30, "distance": 30, "floor": -9, "nbest": 4,
}  # fmt: skip


def posteriors(tokenizer, said, heard):
    """Of each letter a frame, then a blank; what was said is less likely than what is heard."""
    rows = []
    for wrong, right in zip(tokenizer.encode(heard), tokenizer.encode(said), strict=True):
        row, blank = np.full((2, len(tokenizer.tokens)), 1e-4)
        row[right], row[wrong], blank[0] = 0.4, 0.9, 0.9
        rows += [row, blank]
    return np.log(np.array(rows) / np.sum(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def decoded(recipe):
    tokenizer = train_tokenizer([*TEXT, *SAID["test"].values()], "char", EXP / "tokenizer")
    recipe.json(str(EXP / "conf.yaml"), {"tokenizer": "char"})
    for split, said in SAID.items():
        recipe.data("toy", split, [{"id": name, "text": text} for name, text in said.items()])
        recipe.nbest(f"toy/train_a/decode_greedy/{split}", {name: [text] for name, text in HEARD[split].items()})
        shard = EXP / "decode_greedy" / f"{split}.log_probs.1-of-1.npz"
        write_shard(shard, [(name, posteriors(tokenizer, text, HEARD[split][name])) for name, text in said.items()])
        recipe.json(str(EXP / "decode_greedy" / f".{split}.stamp.json"), {"outputs": {str(shard): 1}})
    for name, units, sentences in (("lm_word", "word", map(str.split, TEXT)), ("lm_char", "char", map(tokenizer.pieces, TEXT))):
        lm, _ = estimate(count_ngrams(sentences, 2))
        Path(f"exp/toy/{name}").mkdir()
        lm.save(Path(f"exp/toy/{name}/lm.npz"))
        Path(f"exp/toy/{name}/conf.yaml").write_text(f"tokens: {units}\norder: 2\n")
    conf()
    return recipe


def conf(**keys):
    Path("conf").mkdir(exist_ok=True)
    Path("conf/fuse_beam.yaml").write_text(json.dumps(CONF | keys), encoding="utf-8")


def fuse(recipe):
    recipe.run("fuse", "--exp", str(EXP), "--conf", "conf/fuse_beam.yaml")


def fails(recipe):
    return recipe.fails("fuse", "--exp", str(EXP), "--conf", "conf/fuse_beam.yaml")


def lists(split):
    return {nbest.id: nbest for nbest in read_nbest(EXP / "fuse_beam" / f"{split}.nbest.jsonl.gz")}


def test_what_dev_chose_mends_test_and_lists_hold_every_score(decoded, capsys):
    fuse(decoded)
    assert {name: one.hyps[0].text for name, one in lists("dev").items()} == SAID["dev"]
    assert {name: one.hyps[0].text for name, one in lists("test").items()} == SAID["test"]  # λοττής is no word of the model
    weights = read_json(EXP / "fuse_beam/weights.json")
    assert weights["dev_wer"]["tuned"] == 0 and weights["weights"].keys() == {"ctc", "lm_word", "words", "unknown", "spelling"}
    for one in lists("test").values():
        texts = [hyp.text for hyp in one.hyps]
        assert 1 < len(texts) == len(set(texts)) <= 4
        for hyp in one.hyps:
            assert hyp.total == pytest.approx(sum(one.weights[name] * score for name, score in hyp.scores.items()), abs=1e-4)
    capsys.readouterr()
    fuse(decoded)
    assert "fuse_beam is up to date" in capsys.readouterr().out


def test_a_token_ngram_and_a_list_of_names_take_part(decoded):
    Path("conf").mkdir(exist_ok=True)
    Path("conf/bias_names.txt").write_text("Λοττής\n", encoding="utf-8")
    conf(token_lm="lm_char", token_lm_weights=[0.1], bias={"words": "conf/bias_names.txt", "weight": 1.0})
    fuse(decoded)
    best = lists("test")["t2"].hyps[0]
    assert best.text == "εν λοττής" and best.scores["bias"] == 6 and best.scores["lm_char"] < 0


def test_models_of_other_tokens_and_missing_posteriors_are_named(decoded):
    conf(lm="lm_char")
    assert fails(decoded) == (2, "exp/toy/lm_char is over 'char' tokens, where ctc_beam needs 'word'")
    conf(token_lm="lm_word", token_lm_weights=[0.1])
    assert fails(decoded) == (2, "exp/toy/lm_word is over 'word' tokens, where ctc_beam needs 'char'")
    conf(lm="lm_wrod")
    assert "exp/toy/lm_wrod holds no n-gram; did you mean 'lm_word'?" in fails(decoded)[1]
    conf(lm_weights=[])
    assert "lm and lm_weights come together" in fails(decoded)[1]
    conf(posteriors="decode_joint")
    assert "run stage 6 with conf/decode_joint.yaml" in fails(decoded)[1]
    conf()
    write_shard(EXP / "decode_greedy/dev.log_probs.1-of-1.npz", [("d1", np.zeros((3, 5), np.float32))])
    assert "utterance d1 has 5 posteriors a frame" in fails(decoded)[1]
