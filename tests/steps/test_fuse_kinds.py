"""Second passes besides rescoring with one model: several models, minimum Bayes risk, combination, confidence."""

import json
from pathlib import Path

import numpy as np
import pytest

from cyasr.files import read_json, read_jsonl_gz
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.nbest import read_nbest
from cyasr.search.posteriors import write_shard
from cyasr.text.tokenizer import train as train_tokenizer

REFERENCES = {f"d{i}": text for i, text in enumerate(["ο κάττος εν μιτσής", "ο σ̆ύλλος τρώει", "τρώει ψάρι", "εν μεγάλος"] * 3)}
A, B = Path("exp/toy/train_a"), Path("exp/toy/train_b")


def scored(*texts, step=0.5):
    return [(text, {"ctc": -step * i}) for i, text in enumerate(texts)]


def wrong(text):
    return text.replace("ο ", "το ").replace("τρώει", "τρώς")


@pytest.fixture
def decoded(recipe):
    """train_a is led astray in every list but has the right words below; train_b errs elsewhere."""
    rows = [{"id": name, "text": text, "speaker": name[-1]} for name, text in REFERENCES.items()]
    recipe.data("toy", "dev", rows)
    recipe.data("toy", "test", [{"id": f"t{row['id']}", "text": row["text"], "speaker": row["speaker"]} for row in rows])
    for split, mark in (("dev", ""), ("test", "t")):
        first = {f"{mark}{name}": scored(wrong(text), text, text, step=0.1) for name, text in REFERENCES.items()}
        second = {f"{mark}{name}": scored(f"{text} ναι", text, step=1.0) for name, text in REFERENCES.items()}
        third = {f"{mark}{name}": scored(text.replace("εν", "έν"), step=1.0) for name, text in REFERENCES.items()}
        recipe.nbest(f"toy/train_a/decode_joint/{split}", first)
        recipe.nbest(f"toy/train_b/decode_joint/{split}", second)
        recipe.nbest(f"toy/train_b/decode_ctc/{split}", third)
    return recipe


def fuse(recipe, name="toy", **keys):
    Path("conf").mkdir(exist_ok=True)
    Path(f"conf/fuse_{name}.yaml").write_text(json.dumps(keys), encoding="utf-8")
    recipe.run("fuse", "--exp", str(A), "--conf", f"conf/fuse_{name}.yaml")
    return read_json(A / f"fuse_{name}" / "weights.json")


def fails(recipe, **keys):
    Path("conf").mkdir(exist_ok=True)
    Path("conf/fuse_toy.yaml").write_text(json.dumps(keys), encoding="utf-8")
    return recipe.fails("fuse", "--exp", str(A), "--conf", "conf/fuse_toy.yaml")


def best(split, name="toy"):
    return {nbest.id: nbest.hyps[0].text for nbest in read_nbest(A / f"fuse_{name}" / f"{split}.nbest.jsonl.gz")}


def language_model(name, sentences):
    folder = Path(f"exp/toy/lm_{name}")
    folder.mkdir(parents=True, exist_ok=True)
    lm, _ = estimate(count_ngrams([sentence.split() for sentence in sentences], 2))
    lm.save(folder / "lm.npz")
    (folder / "conf.yaml").write_text("tokens: word\norder: 2\n")
    return lm


COMBINED = ["decode_joint", "train_b/decode_joint", "train_b/decode_ctc"]


def test_several_models_each_get_a_weight_and_a_score(decoded, capsys):
    good = language_model("good", [*REFERENCES.values()] * 4)
    language_model("other", [*map(wrong, REFERENCES.values()), *REFERENCES.values()])
    weights = fuse(decoded, nbest="decode_joint", lms={"lm_good": [0, 0.5], "lm_other": [0, 0.1]})
    assert weights["dev_wer"]["tuned"] == 0 < weights["dev_wer"]["first_pass"]
    assert weights["changes"]["lm_good"] == 0.5 and weights["changes"]["lm_other"] == 0
    assert weights["density"] == {"mean": 1.75, "median": 2.0, "per_word": 0.64}
    assert "oracle 0.00 % among 1.75 different hypotheses a list (median 2; 0.64 a reference word)" in capsys.readouterr().out
    hyp = next(read_nbest(A / "fuse_toy/test.nbest.jsonl.gz")).hyps[0]
    assert hyp.text == REFERENCES["d0"] and hyp.scores["lm_good"] == pytest.approx(good.score_sentences([hyp.text.split()])[0])


def test_optuna_finds_a_weight_that_mends_dev(decoded):
    pytest.importorskip("optuna", reason="optuna is not installed; `search: optuna` needs it")
    language_model("good", [*REFERENCES.values()] * 4)
    first = fuse(decoded, nbest="decode_joint", lms={"lm_good": [0, 1.0]}, search="optuna", trials=20)
    assert first["dev_wer"]["tuned"] == 0
    (A / "fuse_toy/.stamp.json").unlink()
    assert fuse(decoded, nbest="decode_joint", lms={"lm_good": [0, 1.0]}, search="optuna", trials=20) == first


def test_the_hypothesis_with_the_least_expected_errors_leads(decoded):
    weights = fuse(decoded, kind="mbr", nbest="decode_joint", scales=[0.5, 50])
    assert weights["scale"] == 0.5 and weights["dev_wer"]["tuned"] == 0
    assert best("test") == {f"t{name}": text for name, text in REFERENCES.items()}
    for nbest in read_nbest(A / "fuse_toy/test.nbest.jsonl.gz"):
        assert [hyp.total for hyp in nbest.hyps] == sorted((-hyp.scores["risk"] for hyp in nbest.hyps), reverse=True)
        shares = np.exp([0, -0.05, -0.1])  # of the wrong one, and twice the right one
        text, right = nbest.hyps[-1].text.split(), nbest.hyps[0].text.split()
        distance = sum(one != other for one, other in zip(text, right, strict=True))
        assert nbest.hyps[-1].scores["risk"] == pytest.approx(distance * shares[1:].sum() / shares.sum(), abs=1e-6)


def test_lists_stay_where_no_scale_makes_fewer_errors(decoded):
    assert fuse(decoded, kind="mbr", nbest="decode_joint", scales=[50])["scale"] is None
    first = [one.hyps for one in read_nbest(A / "decode_joint/test.nbest.jsonl.gz")]
    assert [one.hyps for one in read_nbest(A / "fuse_toy/test.nbest.jsonl.gz")] == first


@pytest.mark.parametrize("kind", ["rover", "confusion"])
def test_systems_that_err_in_different_places_mend_each_other(decoded, kind, capsys):
    weights = fuse(decoded, kind=kind, lists=COMBINED)
    assert weights["dev_wer"]["tuned"] == 0 < min(weights["dev_wer"]["sources"].values())
    assert best("test") == {f"t{name}": text for name, text in REFERENCES.items()}
    assert "confidence ECE" in capsys.readouterr().out
    for nbest in read_nbest(A / "fuse_toy/test.nbest.jsonl.gz"):
        consensus, *others = nbest.hyps
        assert [word.w for word in consensus.words] == consensus.text.split()
        assert all(0 <= word.conf <= 1 for word in consensus.words)
        assert f"{consensus.text} ναι" in {hyp.text for hyp in others}  # what all lists said is there, for oracles
        assert nbest.decode_seconds == 1.5 and nbest.audio_seconds == 2.0


def test_a_combination_is_scored_and_named_with_its_models(decoded):
    fuse(decoded, kind="rover", lists=COMBINED)
    decoded.run("score", "--exp", "exp/toy")
    score = read_json(A / "fuse_toy/test.score.json")
    assert score["wer"] == score["oracle_wer"] == 0 and score["nbest"]["median"] >= 3
    assert score["confidence"]["words"] == score["words"]
    row = next(read_jsonl_gz(A / "fuse_toy/test.utterances.jsonl.gz"))
    assert len(row["conf"]) == len(row["hyp"].split())


def test_spelling_variants_vote_together_where_the_conf_says_so(decoded):
    for split, mark in (("dev", ""), ("test", "t")):
        for train, text in (("a", "τζ̆αι ναι"), ("b", "τζιαι ναι"), ("c", "όι ναι")):
            lists = {f"{mark}{name}": [(text, {"ctc": -1.0})] for name in REFERENCES}
            decoded.nbest(f"toy/train_{train}/decode_joint/{split}", lists)
    lists = ["decode_joint", "train_b/decode_joint", "train_c/decode_joint"]
    fuse(decoded, kind="rover", lists=[*lists[::-1]], fold=True, alphas=[1.0], nulls=[0.0], votes=[1.0])
    assert set(best("test").values()) <= {"τζ̆αι ναι", "τζιαι ναι"}


def test_words_get_calibrated_confidences_and_times_of_the_posteriors(decoded):
    tokenizer = train_tokenizer([*REFERENCES.values(), "το τρώς"], "char", A / "tokenizer")
    for split in ("dev", "test"):
        utterances = []
        for nbest in read_nbest(A / f"decode_joint/{split}.nbest.jsonl.gz"):
            ids = [token for one in tokenizer.encode(nbest.hyps[0].text) for token in (one, tokenizer.blank_id)]
            log_probs = np.full((len(ids), len(tokenizer.tokens)), -8.0, np.float32)
            log_probs[np.arange(len(ids)), ids] = -0.01
            utterances.append((nbest.id, log_probs))
        path = A / f"decode_greedy/{split}.log_probs.1-of-1.npz"
        path.parent.mkdir(exist_ok=True)
        write_shard(path, utterances)
    weights = fuse(decoded, kind="confidence", nbest="decode_joint", posteriors="decode_greedy")
    assert weights["confidence"]["after"]["nce"] > weights["confidence"]["before"]["nce"]
    for before, after in zip(
        read_nbest(A / "decode_joint/test.nbest.jsonl.gz"), read_nbest(A / "fuse_toy/test.nbest.jsonl.gz"), strict=True
    ):
        assert [(hyp.text, hyp.total) for hyp in after.hyps] == [(hyp.text, hyp.total) for hyp in before.hyps]
        words = after.hyps[0].words
        frames = 2 * len(after.hyps[0].text)
        assert " ".join(word.w for word in words) == after.hyps[0].text
        at = 0
        for word in words:  # letters and blanks take turns
            assert word.start == pytest.approx(2.0 * 2 * at / frames, abs=2 / frames + 0.01)
            assert word.start < word.end <= 2.0
            at += len(word.w) + 1


def test_lists_of_different_utterances_are_refused(decoded):
    decoded.nbest("toy/train_b/decode_joint/test", {"other": scored("ναι")})
    status, message = fails(decoded, kind="rover", lists=COMBINED)
    assert status == 1 and "are not of the same utterances: td0 in one where the other has other" in message
    assert not (A / "fuse_toy/test.nbest.jsonl.gz").exists()
    decoded.nbest("toy/train_b/decode_joint/dev", {"d0": scored("ναι")})
    assert (
        "ends before exp/toy/train_a/decode_joint/dev.nbest.jsonl.gz's utterance d1"
        in fails(decoded, kind="confusion", lists=COMBINED)[1]
    )


def test_empty_lists_and_scores_that_are_no_numbers_are_refused(decoded):
    decoded.nbest("toy/train_b/decode_joint/test", {f"t{name}": [] for name in REFERENCES})
    assert "utterance td0 has an empty n-best list" in fails(decoded, kind="confusion", lists=COMBINED)[1]
    decoded.nbest("toy/train_a/decode_joint/test", {f"t{name}": [("ο", {"ctc": float("nan")})] for name in REFERENCES})
    for kind in ("mbr", "confidence"):
        assert "utterance td0: score 'total' is no number (NaN)" in fails(decoded, kind=kind, nbest="decode_joint")[1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "rower", "lists": COMBINED}, "did you mean 'rover'?"),
        ({"kind": "rover", "lists": ["decode_joint"]}, "lists: two or more"),
        ({"kind": "rover", "lists": ["decode_joint", "decode_joint"]}, "stands twice"),
        ({"kind": "rover", "lists": ["decode_joint", "train_x/decode_joint"]}, "exp/toy/train_x is no directory; did you mean"),
        ({"kind": "confusion", "lists": ["decode_joint", "train_b/decode_no"]}, "holds no n-best list; run stage 6"),
        ({"kind": "confusion", "lists": ["decode_joint", "fuse_toy"]}, "names itself"),
        ({"kind": "confusion", "lists": ["decode_joint", "joint"]}, "lists: decode_…, fuse_… or train_…/decode_…, not 'joint'"),
        ({"kind": "mbr", "nbest": "decode_joint", "scales": []}, "scales: one or more above 0"),
        ({"kind": "confidence", "nbest": "decode_joint", "posteriors": "decode_greedy"}, "keeps no posteriors of dev"),
        ({"nbest": "decode_joint", "lms": {"lm_x": []}}, "lms: lm_x: no weights to try"),
        ({"nbest": "decode_joint", "lms": {"lm_x": [0.1]}}, "exp/toy/lm_x is no language model"),
        ({"kind": "rover", "lists": COMBINED, "alphas": [2.0]}, "alphas: from 0 to 1"),
    ],
)
def test_a_wrong_conf_is_refused_with_what_is_wrong(decoded, keys, message):
    status, line = fails(decoded, **keys)
    assert status == 2 and message in line


def test_sure_utterances_become_silver_cuts(decoded, capsys):
    fuse(decoded, kind="confusion", lists=COMBINED)
    nbest, out = A / "fuse_toy/test.nbest.jsonl.gz", Path("data/silver/train.jsonl.gz")
    sure = {one.id: [word.conf for word in one.hyps[0].words] for one in read_nbest(nbest)}
    least = sorted(np.mean(confs) for confs in sure.values())[6]
    decoded.run("pseudo_label", "--nbest", str(nbest), "--out", str(out), "--min-utterance", str(least), "--min-word", "0")
    rows = {row["id"]: row for row in read_jsonl_gz(out)}
    assert rows.keys() == {name for name, confs in sure.items() if np.mean(confs) >= least} and len(rows) < len(sure)
    for name, row in rows.items():
        supervision = row["supervisions"][0]
        assert supervision["text"] == supervision["custom"]["text_raw"] == best("test")[name]
        assert supervision["custom"]["label"] == row["custom"]["label"] == "silver" and supervision["duration"] == 2.0
    assert read_json(Path("data/silver/train.pseudo.json"))["kept"] == len(rows)
    assert f"{len(rows)} of 12 utterances" in capsys.readouterr().out


def test_pseudo_labels_want_confidences_and_another_place(decoded):
    plain = str(A / "decode_joint/test.nbest.jsonl.gz")
    assert "has no confidences" in decoded.fails("pseudo_label", "--nbest", plain, "--out", "data/silver/train.jsonl.gz")[1]
    assert "is the set that was decoded" in decoded.fails("pseudo_label", "--nbest", plain, "--out", "data/toy/test.jsonl.gz")[1]
    assert decoded.fails("pseudo_label", "--nbest", plain, "--out", "x.jsonl.gz", "--min-word", "2")[0] == 2
