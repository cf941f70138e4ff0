import json
import os
import time
from pathlib import Path

import pytest

from cyasr.files import read_json, read_jsonl_gz

CUTS = [
    {"id": "u1", "text": "ο κάττος εν μιτσής", "speaker": "s1", "dialect": "cypriot", "domain": "commands"},
    {"id": "u2", "text": "τζ̆αι ο σ̆ύλλος", "speaker": "s1", "dialect": "cypriot"},
    {"id": "u3", "text": "καλημέρα σας", "speaker": "s2", "dialect": "standard"},
]
HYPS = {
    "u3": ["καλημέρα σας"],
    "u1": ["ο κάττος εν μεγάλος τζ̆αι", "ο κάττος εν μιτσής"],
    "u2": ["ο σύλλος"],
}


def test_figures_of_a_list_worked_out_by_hand(recipe, capsys):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.run("score", "--exp", "exp/toy")
    score = read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))
    # u1: one substitution, one insertion; u2: one deletion, one substitution (the mark of σ̆ counts)
    kinds = ("words", "correct", "substitutions", "deletions", "insertions", "errors")
    assert [score[kind] for kind in kinds] == [9, 6, 2, 1, 1, 4]
    assert score["wer"] == pytest.approx(100 * 4 / 9, abs=1e-3)
    assert score["ser"] == pytest.approx(100 * 2 / 3, abs=1e-3)
    assert score["oracle_wer"] == pytest.approx(100 * 2 / 9, abs=1e-3)
    assert score["nbest_mean"] == pytest.approx(4 / 3, abs=0.01)
    assert (score["utterances"], score["speakers"]) == (3, 2)
    assert score["rtf"] == 0.25
    assert (score["system"], score["set"], score["split"]) == ("espnet", "toy", "test")
    assert score["text"]["profile"] == "t1" and score["text"]["signature"].startswith("t1")
    assert score["interval"]["note"] == "within these speakers"
    assert score["interval"]["low"] <= score["wer"] <= score["interval"]["high"]
    assert score["by"]["dialect"]["cypriot"]["errors"] == 4 and score["by"]["dialect"]["standard"]["wer"] == 0
    assert set(score["by"]["domain"]) == {"commands", "unknown"}
    assert score["by"]["speaker"]["s2"]["utterances"] == 1
    assert "WER 44.44 %" in capsys.readouterr().out


def test_counts_by_utterance_add_up_to_the_score_and_keep_the_manifests_order(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.run("score", "--exp", "exp/toy")
    rows = list(read_jsonl_gz(Path("exp/toy/train_a/decode_joint/test.utterances.jsonl.gz")))
    score = read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))
    assert [row["id"] for row in rows] == ["u1", "u2", "u3"]
    for kind in ("words", "correct", "substitutions", "deletions", "insertions", "characters", "character_errors"):
        assert sum(row[kind] for row in rows) == score[kind]


def test_both_sides_are_normalised_alike(recipe):
    recipe.data("toy", "test", [{"id": "u1", "text": "Τζ\u030cαι ΕΝ' καλά!"}])
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["τζ\u0306αι εν’ καλά"]})
    recipe.run("score", "--exp", "exp/toy")
    assert read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))["wer"] == 0


def test_unchanged_scores_stand_and_a_changed_list_is_scored_anew(recipe, capsys):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.nbest("toy/train_a/decode_greedy/test", HYPS)
    recipe.run("score", "--exp", "exp/toy")
    capsys.readouterr()
    start = time.perf_counter()
    recipe.run("score", "--exp", "exp/toy")
    assert time.perf_counter() - start < 0.2
    assert capsys.readouterr().out == "steps.score: 2 scores below exp/toy are up to date\n"
    recipe.nbest("toy/train_a/decode_greedy/test", {**HYPS, "u2": ["τζ̆αι ο σ̆ύλλος"]})
    recipe.run("score", "--exp", "exp/toy")
    out = capsys.readouterr().out
    assert "decode_greedy" in out and "decode_joint" not in out


def test_another_sets_list_is_scored_against_that_sets_references(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.data("other/f1", "test", [{"id": "x1", "text": "ναι"}])
    recipe.nbest("toy/train_a/decode_joint/other.f1.test", {"x1": ["όι"]})
    recipe.run("score", "--exp", "exp/toy")
    score = read_json(Path("exp/toy/train_a/decode_joint/other.f1.test.score.json"))
    assert (score["set"], score["wer"]) == ("other/f1", 100)


def test_folds_are_pooled_over_utterances_and_kept_apart_in_rows(recipe, capsys):
    for fold, count, wrong in (("a", 3, 0), ("b", 1, 1)):
        cuts = [{"id": f"{fold}{i}", "text": "ένα δύο", "speaker": fold} for i in range(count)]
        recipe.data(f"digits/{fold}", "test", cuts)
        hyps = {cut["id"]: ["ένα τρία" if i < wrong else "ένα δύο"] for i, cut in enumerate(cuts)}
        recipe.nbest(f"digits/{fold}/train_a/decode_joint/test", hyps)
    recipe.data("digits/c", "test", [{"id": "c0", "text": "ένα", "speaker": "c"}])
    recipe.run("score", "--exp", "exp/digits")
    score = read_json(Path("exp/digits/train_a/decode_joint/test.score.json"))
    assert (score["set"], score["utterances"], score["words"], score["errors"]) == ("digits", 4, 8, 1)
    assert score["wer"] == 12.5  # not 25, the mean of the folds' 0 and 50
    assert {fold: row["wer"] for fold, row in score["folds"].items()} == {"a": 0, "b": 50}
    assert score["folds_missing"] == ["c"]
    capsys.readouterr()
    recipe.run("score", "--exp", "exp/digits")
    assert "3 scores below exp/digits are up to date" in capsys.readouterr().out


def test_six_folds_of_a_speaker_each_give_an_interval_over_speakers(recipe):
    for i in range(6):
        recipe.data(f"digits/f{i}", "test", [{"id": f"u{i}", "text": "ένα δύο", "speaker": f"s{i}"}])
        recipe.nbest(f"digits/f{i}/train_a/decode_joint/test", {f"u{i}": ["ένα" if i % 2 else "ένα δύο"]})
    recipe.run("score", "--exp", "exp/digits")
    interval = read_json(Path("exp/digits/train_a/decode_joint/test.score.json"))["interval"]
    assert (interval["unit"], interval["note"]) == ("speaker", None)


def test_missing_and_unknown_utterances_are_one_clear_error(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ο"], "zz": ["ο"]})
    status, message = recipe.fails("score", "--exp", "exp/toy")
    assert status == 1
    assert "2 of its 3 utterances have no hypothesis (first: u2)" in message
    assert "1 hypotheses are of utterances it does not have (first: zz)" in message
    assert "exp/toy/train_a/decode_joint/test.nbest.jsonl.gz" in message and "data/toy/test.jsonl.gz" in message


def test_a_bad_list_does_not_keep_a_good_one_from_its_score(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_bad/test", {"u1": ["ο"]})
    recipe.nbest("toy/train_a/decode_good/test", HYPS)
    recipe.fails("score", "--exp", "exp/toy")
    assert Path("exp/toy/train_a/decode_good/test.score.json").exists()
    assert not Path("exp/toy/train_a/decode_bad/test.score.json").exists()


def test_empty_references_and_empty_lists_are_counted_not_divided_by(recipe, capsys):
    recipe.data("toy", "test", [{"id": "u1", "text": "[noise]"}, {"id": "u2", "text": ""}])
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ναι"], "u2": []})
    recipe.run("score", "--exp", "exp/toy")
    score = read_json(Path("exp/toy/train_a/decode_joint/test.score.json"))
    assert (score["empty_references"], score["without_hypothesis"]) == (2, 1)
    assert (score["insertions"], score["wer"], score["interval"]["low"]) == (1, None, None)
    assert "no reference words in 2 utterances" in capsys.readouterr().out


def test_a_second_passs_time_counts_in_the_real_time_factor(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/fuse_ngram/test", HYPS)
    recipe.json("exp/toy/train_a/fuse_ngram/run.json", {"rescoring_seconds": {"test": 1.5}})
    recipe.run("score", "--exp", "exp/toy")
    assert read_json(Path("exp/toy/train_a/fuse_ngram/test.score.json"))["rtf"] == 0.5


def test_a_run_set_aside_keeps_the_score_it_had(recipe, capsys):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    recipe.nbest("toy/train_a.old-1/decode_joint/test", {"z": ["ναι"]})
    recipe.run("score", "--exp", "exp/toy")
    assert "old-1" not in capsys.readouterr().out


def test_a_directory_without_lists_names_the_stage_to_run(recipe):
    Path("exp/toy").mkdir(parents=True)
    assert recipe.fails("score", "--exp", "exp/toy") == (2, "no n-best list below exp/toy; run stage 6")
    assert recipe.fails("score", "--exp", "exp/none")[0] == 2


def test_a_set_without_references_or_conf_is_named(recipe):
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    assert "data/toy/conf.yaml does not exist" in recipe.fails("score", "--exp", "exp/toy")[1]
    recipe.data("toy", "dev", CUTS)
    assert "data/toy/test.jsonl.gz" in recipe.fails("score", "--exp", "exp/toy")[1]


def test_a_duplicate_utterance_is_refused_on_either_side(recipe):
    recipe.data("toy", "test", [CUTS[0], CUTS[0]])
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ο"]})
    assert "cut u1 stands twice" in recipe.fails("score", "--exp", "exp/toy")[1]
    recipe.data("toy", "test", CUTS)
    path = recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    path.write_bytes(path.read_bytes() * 2)
    assert "utterance u3 stands twice" in recipe.fails("score", "--exp", "exp/toy")[1]


def test_a_damaged_list_is_named_with_its_line(recipe):
    recipe.data("toy", "test", CUTS)
    path = recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    os.truncate(path, path.stat().st_size // 2)
    assert f"{path}:1: damaged" in recipe.fails("score", "--exp", "exp/toy")[1]


def test_the_same_lists_give_the_same_bytes(recipe):
    recipe.data("toy", "test", CUTS)
    recipe.nbest("toy/train_a/decode_joint/test", HYPS)
    path = Path("exp/toy/train_a/decode_joint/test.score.json")
    recipe.run("score", "--exp", "exp/toy")
    first = path.read_bytes()
    path.unlink()
    recipe.run("score", "--exp", "exp/toy")
    assert path.read_bytes() == first and json.loads(first)
