"""Stage 7 with kind `wfst`: posteriors that a decode kept become n-best lists, weights chosen on dev."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cyasr.files import read_json, write_json
from cyasr.nbest import read_nbest
from cyasr.search.posteriors import write_shard
from cyasr.text.tokenizer import Tokenizer
from cyasr.text.tokenizer import train as train_tokenizer
from cyasr.wfst import k2_files
from tests.steps.conftest import Recipe, recipe  # noqa: F401
from tests.wfst.conftest import make_lm, need

TEXT = ["ο κάττος εν μιτσής", "ο σ̆ύλλος εν μεγάλος", "ο κάττος τρώει ψάρι", "εν μιτσής ο κάττος", "ο σ̆ύλλος τρώει"] * 4
DEV = {"d1": "ο κάττος εν μιτσής", "d2": "ο σ̆ύλλος τρώει"}
TEST = {"t1": "ο κάττος τρώει"}
EXP, OUT = Path("exp/toy/train_a"), Path("exp/toy/train_a/fuse_toy")
CONF = {"kind": "wfst", "lm": "lm_word", "lm_weights": [0.5, 1.0], "word_weights": [0, 1], "nbest": 5, "lattice_beam": 20}


def heard(text: str, tokenizer: Tokenizer, wrong: str = "") -> np.ndarray:
    """Posteriors that say `text`, and `wrong` instead of its first letter a little louder."""
    ids = [i for token in tokenizer.encode(text) for i in (token, token, 0)]
    log_probs = np.full((len(ids), len(tokenizer.tokens)), -12.0, np.float32)
    log_probs[np.arange(len(ids)), ids] = -0.01
    if wrong:
        log_probs[:2, tokenizer.encode(wrong)[0]] = -0.01
        log_probs[:2, ids[0]] = -1.0
    return log_probs


@pytest.fixture
def decoded(recipe: Recipe) -> Recipe:  # noqa: F811
    tokenizer = train_tokenizer(TEXT, "char", EXP / "tokenizer")
    for split, texts in (("dev", DEV), ("test", TEST)):
        recipe.data("toy", split, [{"id": name, "text": text} for name, text in texts.items()])
        recipe.nbest(f"toy/train_a/decode_greedy/{split}", {name: [text.replace("ο", "ε", 1)] for name, text in texts.items()})
        posteriors(split, {name: heard(text, tokenizer, "ε") for name, text in texts.items()})
    make_lm(Path("exp/toy/lm_word"), 2, text=TEXT)
    conf()
    return recipe


def posteriors(split: str, utterances: dict[str, np.ndarray]) -> None:
    shard = EXP / "decode_greedy" / f"{split}.log_probs.1-of-1.npz"
    write_shard(shard, reversed(utterances.items()))
    write_json(EXP / "decode_greedy" / f".{split}.stamp.json", {"outputs": {str(shard): 0}})


def conf(**keys: object) -> None:
    Path("conf").mkdir(exist_ok=True)
    Path("conf/fuse_toy.yaml").write_text(json.dumps(CONF | keys), encoding="utf-8")


def fuse(recipe: Recipe) -> None:  # noqa: F811
    recipe.run("fuse", "--exp", str(EXP), "--conf", "conf/fuse_toy.yaml")


def fails(recipe: Recipe) -> str:  # noqa: F811
    return recipe.fails("fuse", "--exp", str(EXP), "--conf", "conf/fuse_toy.yaml")[1]


def best(split: str) -> dict[str, str]:
    return {nbest.id: nbest.hyps[0].text for nbest in read_nbest(OUT / f"{split}.nbest.jsonl.gz")}


@pytest.mark.parametrize("backend", ["kaldi", "k2"])
def test_what_was_misheard_is_mended_by_lexicon_and_grammar(
    decoded: Recipe, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    need(backend)
    conf(backend=backend)
    fuse(decoded)
    assert best("dev") == DEV and best("test") == TEST
    weights = read_json(OUT / "weights.json")
    assert weights["dev_wer"] == {"tuned": 0, "oracle": 0}
    assert weights["weights"] == {"ctc": 1, "lm_word": 0.5, "words": 0}
    assert read_json(OUT / "run.json")["status"] == "finished"
    assert "dev WER 0.00 % (ctc 1, lm_word 0.5, words 0)" in capsys.readouterr().out


def test_totals_are_the_weighted_sum_of_scores_and_the_models_are_exact(decoded: Recipe) -> None:
    conf(word_weights=[1])
    lm = make_lm(Path("exp/toy/lm_word"), 2, text=TEXT)
    fuse(decoded)
    for nbest in read_nbest(OUT / "dev.nbest.jsonl.gz"):
        assert 1 < len(nbest.hyps) <= 5 and nbest.audio_seconds == 2.0 and nbest.decode_seconds == 0.5
        assert [hyp.total for hyp in nbest.hyps] == sorted((hyp.total for hyp in nbest.hyps), reverse=True)
        for hyp in nbest.hyps:
            assert hyp.scores["lm_word"] == pytest.approx(lm.score_sentences([hyp.text.split()])[0])
            assert hyp.scores["words"] == len(hyp.text.split())
            assert hyp.total == pytest.approx(sum(nbest.weights[name] * score for name, score in hyp.scores.items()))
        right = next(hyp for hyp in nbest.hyps if hyp.text == DEV[nbest.id])
        assert right.scores["ctc"] == pytest.approx(-2.0 - 0.01 * (3 * len(right.tokens) - 2), abs=0.01)


def test_a_larger_model_takes_the_graph_models_place_in_the_scores(decoded: Recipe) -> None:
    larger = make_lm(Path("exp/toy/lm_larger"), 3, text=TEXT)
    conf(rescore_lm="lm_larger")
    fuse(decoded)
    assert best("test") == TEST
    for hyp in next(read_nbest(OUT / "test.nbest.jsonl.gz")).hyps:
        assert hyp.scores.keys() == {"ctc", "lm_larger", "words"}
        assert hyp.scores["lm_larger"] == pytest.approx(larger.score_sentences([hyp.text.split()])[0])


def test_a_second_run_is_up_to_date_and_changed_posteriors_are_searched(
    decoded: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    fuse(decoded)
    graph = (EXP / "graph_word" / "HLG.fst").stat().st_mtime_ns
    capsys.readouterr()
    fuse(decoded)
    assert "up to date" in capsys.readouterr().out
    posteriors("test", {"t1": heard("ο σ̆ύλλος τρώει", Tokenizer.load(EXP / "tokenizer"))})
    fuse(decoded)
    assert best("test") == {"t1": "ο σ̆ύλλος τρώει"}
    assert (EXP / "graph_word" / "HLG.fst").stat().st_mtime_ns == graph


def test_where_no_path_lives_the_hypothesis_is_empty_and_that_is_said(
    decoded: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    posteriors("test", {"t1": heard("ο", Tokenizer.load(EXP / "tokenizer"))[:0]})
    fuse(decoded)
    assert best("test") == {"t1": ""}
    assert "test: no path through the graph for 1 of 1" in capsys.readouterr().out


def test_what_cannot_be_searched_is_refused_in_a_line(decoded: Recipe) -> None:
    tokenizer = Tokenizer.load(EXP / "tokenizer")
    bad = heard(TEST["t1"], tokenizer)
    bad[3, 2] = np.nan
    posteriors("test", {"t1": bad})
    assert "utterance t1 has posteriors that are no number (NaN)" in fails(decoded)
    posteriors("test", {"t1": heard(TEST["t1"], tokenizer)[:, :-1]})
    assert f"{len(tokenizer.tokens) - 1} posteriors a frame, the tokenizer {len(tokenizer.tokens)} tokens" in fails(decoded)
    posteriors("test", {"t2": heard(TEST["t1"], tokenizer)})
    assert "no posteriors of t1; decode again" in fails(decoded)
    conf(lm="lm_wrd")
    assert "lm_wrd/conf.yaml does not exist" in fails(decoded)
    conf(lm_weights=[0])
    assert "lm_weights: at least one, all above 0" in fails(decoded)
    conf(backend="k3")
    assert "backend: 'k3' is none of kaldi, k2" in fails(decoded)
    conf()
    (EXP / "decode_greedy" / ".test.stamp.json").write_text('{"outputs": {}}')
    assert "decode_greedy keeps no posteriors" in fails(decoded)


def test_without_k2_its_backend_is_refused_with_how_to_install_it(decoded: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k2_files, "ROOT", Path.cwd())
    conf(backend="k2")
    assert fails(decoded) == k2_files.MISSING


def test_a_k2_that_fails_is_told_by_its_last_line(decoded: Recipe) -> None:
    need("k2")
    conf(backend="k2")
    fuse(decoded)
    (EXP / "graph_word" / "HLG.k2.pt").write_bytes(b"no graph")
    conf(backend="k2", nbest=4)
    assert "k2 failed: " in fails(decoded)
