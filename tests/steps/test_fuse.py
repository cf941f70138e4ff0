import gzip
import json
import os
from pathlib import Path

import pytest

from cyasr.files import read_json, read_jsonl_gz
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.nbest import read_nbest
from cyasr.text.tokenizer import train as train_tokenizer

TEXT = ["ο κάττος εν μιτσής", "ο σ̆ύλλος εν μεγάλος", "ο κάττος τρώει ψάρι", "εν μιτσής ο κάττος", "ο σ̆ύλλος τρώει"] * 4
CONF = {"nbest": "decode_joint", "lm": "lm_toy", "lm_weights": [0, 0.1, 0.5, 1.0], "word_weights": [-1, 0, 1], "sweeps": 1}
OUT = Path("exp/toy/train_a/fuse_toy")
# The system prefers what the language model has never seen; the words it has seen are right.
DEV = {
    "d1": [("ο κάττος εν μισής", {"ctc": -1.0, "att": -1.0}), ("ο κάττος εν μιτσής", {"ctc": -1.5, "att": -1.2})],
    "d2": [("ο σ̆ύλλος τρώει", {"ctc": -0.5, "att": -0.5}), ("ο σ̆ύλλος τρώει ψάρι", {"ctc": -9.0, "att": -9.0})],
}
TEST = {"t1": [("ο κάτος τρώει", {"ctc": -1.0, "att": -1.0}), ("ο κάττος τρώει", {"ctc": -1.4, "att": -1.0})]}


@pytest.fixture
def decoded(recipe):
    recipe.data("toy", "dev", [{"id": "d1", "text": "ο κάττος εν μιτσής"}, {"id": "d2", "text": "ο σ̆ύλλος τρώει"}])
    recipe.data("toy", "test", [{"id": "t1", "text": "ο κάττος τρώει"}])
    recipe.nbest("toy/train_a/decode_joint/dev", DEV)
    recipe.nbest("toy/train_a/decode_joint/test", TEST)
    language_model([sentence.split() for sentence in TEXT], "word")
    conf()
    return recipe


def language_model(sentences, tokens):
    folder = Path("exp/toy/lm_toy")
    folder.mkdir(parents=True, exist_ok=True)
    lm, _ = estimate(count_ngrams(sentences, 2))
    lm.save(folder / "lm.npz")
    (folder / "conf.yaml").write_text(f"tokens: {tokens}\norder: 2\n")
    return lm


def conf(**keys):
    Path("conf").mkdir(exist_ok=True)
    Path("conf/fuse_toy.yaml").write_text(json.dumps(CONF | keys), encoding="utf-8")


def fuse(recipe):
    recipe.run("fuse", "--exp", "exp/toy/train_a", "--conf", "conf/fuse_toy.yaml")


def fails(recipe):
    return recipe.fails("fuse", "--exp", "exp/toy/train_a", "--conf", "conf/fuse_toy.yaml")


def best(split):
    return {nbest.id: nbest.hyps[0].text for nbest in read_nbest(OUT / f"{split}.nbest.jsonl.gz")}


def test_the_language_model_mends_dev_and_what_dev_chose_is_used_on_test(decoded, capsys):
    fuse(decoded)
    assert best("dev") == {"d1": "ο κάττος εν μιτσής", "d2": "ο σ̆ύλλος τρώει"}
    assert best("test") == {"t1": "ο κάττος τρώει"}
    weights = read_json(OUT / "weights.json")
    assert weights["dev_wer"] == {"first_pass": pytest.approx(100 / 7, abs=1e-3), "tuned": 0, "oracle": 0}
    assert weights["changes"] == {"ctc": 0, "att": 0, "lm_toy": 0.5, "words": 0}
    assert weights["weights"] == {"att": 1, "ctc": 0, "lm_toy": 0.5, "words": 0}
    assert "dev WER 14.29 % -> 0.00 % (lm_toy +0.5)" in capsys.readouterr().out


def test_totals_are_the_first_passs_plus_the_weighted_new_scores(decoded):
    fuse(decoded)
    lm = language_model([sentence.split() for sentence in TEXT], "word")
    first = {
        (one.id, hyp.text): hyp for one in read_nbest(Path("exp/toy/train_a/decode_joint/dev.nbest.jsonl.gz")) for hyp in one.hyps
    }
    for nbest in read_nbest(OUT / "dev.nbest.jsonl.gz"):
        assert [hyp.total for hyp in nbest.hyps] == sorted((hyp.total for hyp in nbest.hyps), reverse=True)
        for hyp in nbest.hyps:
            score = lm.score_sentences([hyp.text.split()])[0]
            old = first[nbest.id, hyp.text]
            assert hyp.scores == pytest.approx(old.scores | {"lm_toy": score, "words": len(hyp.text.split())})
            assert hyp.total == pytest.approx(old.total + 0.5 * score)
            assert hyp.tokens == old.tokens


def test_weights_do_not_depend_on_the_test_set(decoded):
    fuse(decoded)
    before = (OUT / "weights.json").read_bytes()
    decoded.nbest("toy/train_a/decode_joint/test", {"t1": [("όι", {"ctc": -1.0, "att": 0.0})]})
    fuse(decoded)
    assert (OUT / "weights.json").read_bytes() == before and best("test") == {"t1": "όι"}


def test_a_second_run_is_up_to_date_and_a_changed_model_is_used(decoded, capsys):
    fuse(decoded)
    capsys.readouterr()
    fuse(decoded)
    assert f"{OUT} is up to date\n" in capsys.readouterr().out
    language_model([["όι"], ["ναι"]] * 9 + [["ο", "κάτος", "τρώει", "εν", "σ̆ύλλος", "κάττος"]], "word")
    fuse(decoded)
    assert "lm.npz changed" in capsys.readouterr().out


def test_running_again_from_nothing_gives_the_same_lists(decoded):
    fuse(decoded)
    names = ("dev.nbest.jsonl.gz", "test.nbest.jsonl.gz", "weights.json", "conf.yaml")
    first = {name: (OUT / name).read_bytes() for name in names}
    (OUT / ".stamp.json").unlink()
    fuse(decoded)
    assert {name: (OUT / name).read_bytes() for name in names} == first


def test_a_model_over_pieces_scores_the_tokenizers_pieces(decoded):
    tokenizer = train_tokenizer(TEXT, "char", Path("data/toy/tokenizer_char"))
    lm = language_model([tokenizer.pieces(sentence) for sentence in TEXT], "char")
    fuse(decoded)
    for hyp in next(read_nbest(OUT / "test.nbest.jsonl.gz")).hyps:
        assert hyp.scores["lm_toy"] == pytest.approx(lm.score_sentences([tokenizer.pieces(hyp.text)])[0])


def test_weights_alone_can_be_tuned_without_a_language_model(decoded):
    conf(lm=None, lm_weights=[], word_weights=[], changes={"ctc": [-2.0, 1.0], "att": [0.5]})
    fuse(decoded)
    assert set(read_json(OUT / "weights.json")["changes"]) == {"ctc", "att", "words"}


def test_an_unreachable_hypothesis_is_no_nan(decoded):
    decoded.nbest(
        "toy/train_a/decode_joint/test", {"t1": [("ο", {"ctc": float("-inf"), "att": -1.0}), ("όι", {"ctc": -5.0, "att": -9.0})]}
    )
    fuse(decoded)
    assert best("test") == {"t1": "όι"}


def test_other_sets_lists_are_ranked_anew_with_the_same_weights(decoded):
    decoded.nbest("toy/train_a/decode_joint/other.test", TEST)
    fuse(decoded)
    assert best("other.test") == {"t1": "ο κάττος τρώει"}
    Path("exp/toy/train_a/decode_joint/other.test.nbest.jsonl.gz").unlink()
    fuse(decoded)
    assert not (OUT / "other.test.nbest.jsonl.gz").exists()


def test_the_score_of_a_second_pass_counts_its_time(decoded):
    fuse(decoded)
    decoded.run("score", "--exp", "exp/toy")
    score = read_json(OUT / "test.score.json")
    assert score["wer"] == 0 and score["rtf"] > read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))["rtf"]


def test_no_number_is_refused_with_utterance_and_component(decoded):
    decoded.nbest("toy/train_a/decode_joint/test", {"t1": [("ο", {"ctc": float("nan"), "att": -1.0})]})
    status, message = fails(decoded)
    assert status == 1 and "test.nbest.jsonl.gz: utterance t1: score 'total' is no number (NaN)" in message
    assert read_json(OUT / "run.json")["status"] == "failed"
    assert not (OUT / "test.nbest.jsonl.gz").exists() and not (OUT / ".stamp.json").exists()


def test_an_empty_nbest_list_is_refused(decoded):
    decoded.nbest("toy/train_a/decode_joint/dev", DEV | {"d2": []})
    assert "utterance d2 has an empty n-best list" in fails(decoded)[1]
    decoded.nbest("toy/train_a/decode_joint/dev", {})
    assert "dev.nbest.jsonl.gz is empty" in fails(decoded)[1]


def test_lists_of_different_components_are_refused(decoded):
    decoded.nbest("toy/train_a/decode_joint/dev", DEV | {"d2": [("ο", {"ctc": -1.0})]})
    assert "utterance d2 is scored by ctc, others by att, ctc" in fails(decoded)[1]


def test_dev_lists_of_other_utterances_are_refused(decoded):
    decoded.nbest("toy/train_a/decode_joint/dev", {"d1": DEV["d1"]})
    assert "are not of the same utterances (1 and 2; d2)" in fails(decoded)[1]


def test_a_missing_model_is_named_with_the_nearest_there_is(decoded):
    conf(lm="lm_tpy")
    assert fails(decoded) == (2, "exp/toy/lm_tpy is no language model; did you mean 'lm_toy'?")
    Path("exp/toy/lm_toy/lm.npz").unlink()
    conf()
    assert "exp/toy/lm_toy/lm.npz does not exist" in fails(decoded)[1]


def test_a_model_of_other_tokens_is_refused(decoded):
    tokenizer = train_tokenizer(TEXT, "char", Path("data/toy/tokenizer_char"))
    language_model([tokenizer.pieces(sentence) for sentence in TEXT], "word")  # its conf is wrong
    status, message = fails(decoded)
    assert status == 1 and "units (word) in data/toy/dev.jsonl.gz" in message
    language_model([["x"]], "bpe_50")
    assert "data/toy/tokenizer_bpe_50/tokens.txt does not exist" in fails(decoded)[1]


def test_missing_decodes_and_a_missing_dev_list_name_the_stage(decoded):
    Path("exp/toy/train_a/decode_joint/dev.nbest.jsonl.gz").unlink()
    assert "weights are tuned on dev" in fails(decoded)[1]
    conf(nbest="decode_other")
    assert fails(decoded)[1].endswith("holds no n-best list; run stage 6 with conf/decode_other.yaml")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"nbest": "joint"}, "nbest: the stem of a decode conf"),
        ({"lm": None}, "lm and lm_weights come together"),
        ({"lm_weights": []}, "lm and lm_weights come together"),
        ({"lm": None, "lm_weights": [], "word_weights": []}, "nothing to tune"),
        ({"sweeps": -1}, "sweeps: 0 or more"),
        ({"lm_wieghts": [1]}, "did you mean 'lm_weights'?"),
        ({"changes": {"acoustic": [1.0]}}, "changes: no 'acoustic' in exp/toy/train_a/decode_joint/dev.nbest.jsonl.gz"),
    ],
)
def test_a_wrong_conf_is_refused_with_what_is_wrong(decoded, keys, message):
    conf(**keys)
    status, line = fails(decoded)
    assert status == 2 and message in line and "conf/fuse_toy.yaml" in line


def test_a_damaged_list_is_named(decoded):
    path = Path("exp/toy/train_a/decode_joint/test.nbest.jsonl.gz")
    os.truncate(path, path.stat().st_size // 2)
    assert "test.nbest.jsonl.gz:1: damaged" in fails(decoded)[1]


def test_lists_hold_one_json_line_an_utterance(decoded):
    fuse(decoded)
    with gzip.open(OUT / "dev.nbest.jsonl.gz", "rt", encoding="utf-8") as lines:
        assert [json.loads(line)["id"] for line in lines] == ["d1", "d2"]
    assert all({"id", "hyps", "system", "weights"} <= row.keys() for row in read_jsonl_gz(OUT / "test.nbest.jsonl.gz"))
