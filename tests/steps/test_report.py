import subprocess
import sys
from pathlib import Path

import pytest

from cyasr.files import read_jsonl_gz, write_jsonl_gz
from cyasr.lock import Lock

RUN = {
    "system": "espnet",
    "commit": "abc123def456",
    "parameters": 1_500_000,
    "seconds": 600,
    "peak_memory_mb": 900,
    "status": "finished",
}
OUT = "egs/toy/RESULTS.md"


def words(name, text, **rest):
    return {"id": name, "text": text, "speaker": "s1", **rest}


@pytest.fixture
def trained(recipe):
    """A finished system on the set `toy`, decoded and scored."""
    recipe.data("toy", "test", [words("u1", "ένα δύο τρία"), words("u2", "τέσσερα")])
    recipe.json("exp/toy/train_a/run.json", RUN)
    recipe.nbest("toy/train_a/decode_joint/test", {"u1": ["ένα δύο δύο"], "u2": ["τέσσερα"]})
    Path("exp/toy/train_a/decode_joint/conf.yaml").write_text("search: joint\nlm: lm_ngram\n")
    recipe.run("score", "--exp", "exp/toy")
    return recipe


def report(recipe):
    recipe.run("report", "--out", OUT)
    return Path(OUT).read_text(encoding="utf-8")


def lines(text, *words):
    return [line for line in text.splitlines() if all(word in line for word in words)]


def test_a_finished_run_has_one_line_with_everything_known_of_it(trained):
    (line,) = lines(report(trained), "train_a", "decode_joint")
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["espnet", "train_a", "test", "decode_joint", "lm_ngram"]
    assert cells[5].startswith("25.00 [") and cells[5].endswith("†")
    assert cells[6] == cells[7] == cells[5]  # no spelling variants here
    assert cells[11:] == ["1.0 (0.50)", "0.250", "1.50 M", "10 min 0 s", "900 MiB", "abc123def456", "finished"]


def test_a_language_model_of_non_commercial_text_shows_in_every_result_that_used_it(trained, capsys):
    trained.json("exp/toy/lm_ngram/run.json", {"licences": ["CC-BY-NC-SA-4.0", "CC0-1.0"], "ngrams": [3, 4]})
    text = report(trained)
    assert lines(text, "| train_a |", "| decode_joint | lm_ngram (non-commercial) |")
    assert lines(text, "| toy | lm_ngram |", "| CC-BY-NC-SA-4.0, CC0-1.0 |")
    trained.run("report", "--out", OUT, "--print", "toy")
    assert "decode_joint with lm_ngram (non-commercial)" in capsys.readouterr().out


def test_failed_interrupted_and_running_trainings_stay_in_the_results(trained):
    trained.json("exp/toy/train_b/run.json", RUN | {"status": "failed", "message": "the loss is NaN at step 7"})
    trained.json("exp/toy/train_c/run.json", {"system": "espnet", "status": "running"})
    trained.json("exp/toy/train_d/run.json", {"system": "espnet", "status": "running"})
    trained.json("exp/toy/train_e.old-1/run.json", RUN)
    Path("exp/toy/train_f").mkdir()
    Path("exp/toy/train_f/run.json").write_text("{")
    hold = "import sys; from pathlib import Path; from cyasr.lock import Lock\n"
    hold += "with Lock(Path('exp/toy/train_d')): print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(command, stdin=-1, stdout=-1, env={"PYTHONPATH": root}) as holder:
        holder.stdout.readline()
        text = report(trained)
        holder.stdin.close()
    assert lines(text, "train_b", "failed: the loss is NaN at step 7")
    assert lines(text, "train_c", "| interrupted |")
    assert lines(text, "train_d", "| running |")
    assert lines(text, "train_e.old-1", "| not decoded |")
    assert lines(text, "train_f", "run.json is damaged")


def test_lists_without_score_and_decodes_without_lists_are_lines_too(trained):
    trained.nbest("toy/train_a/decode_greedy/test", {"u1": ["ένα"], "u2": ["δύο"]})
    Path("exp/toy/train_a/decode_slow").mkdir()
    text = report(trained)
    assert lines(text, "decode_greedy", "| not scored |")
    assert lines(text, "decode_slow", "| decoding unfinished |")


def test_a_score_older_than_its_list_is_said_to_be(trained):
    trained.nbest("toy/train_a/decode_joint/test", {"u1": ["ένα"], "u2": ["δύο"]})
    assert lines(report(trained), "decode_joint", "| decoded again since; run stage 8 |")


def test_what_was_not_measured_is_said_and_not_invented(trained):
    trained.json("exp/toy/train_a/run.json", {"system": "espnet", "status": "finished"})
    (line,) = lines(report(trained), "decode_joint")
    assert line.endswith("| not measured | not measured | not measured | – | finished |")


def test_the_data_sets_corpus_release_and_overlaps_stand_above_its_table(trained):
    sizes = {"utterances": 2, "hours": 0.5, "speakers": 1, "labels": {"gold": 2}}
    overlap = {"speakers": {"train-test": {"shared": 6, "examples": ["s1"]}, "train-dev": {"shared": 0, "examples": []}}}
    made = {"corpus": "fsdd", "release": "1.0.10-RC", "split": "official", "splits": {"train": sizes, "test": sizes}}
    trained.json("data/toy/report.json", made | {"overlap": overlap, "rejected": {"no speech": 3}})
    text = report(trained)
    assert "Corpus fsdd; release 1.0.10-RC; split: official" in text
    assert "test 2 utterances, 0.50 h, 1 speakers" in text and "3 rejected" in text
    assert "Overlap: train and test share 6 speakers." in text
    assert "ynthetic" not in text


def test_scores_on_synthetic_speech_are_marked_as_worth_nothing_more(trained):
    sizes = {"utterances": 2, "hours": 0.5, "speakers": 1, "labels": {"synthetic": 2}}
    trained.json("data/toy/report.json", {"corpus": "mini", "splits": {"train": sizes, "test": sizes}, "overlap": {}})
    assert "**Synthetic speech: shows that the pipeline works, nothing more.**" in report(trained)


def test_folds_are_pooled_in_one_line_and_listed_apart(recipe):
    for fold, hyp in (("a", "ένα"), ("b", "δύο")):
        recipe.data(f"digits/{fold}", "test", [words(f"{fold}1", "ένα")])
        recipe.json(f"exp/digits/{fold}/train_a/run.json", RUN)
        recipe.nbest(f"digits/{fold}/train_a/decode_joint/test", {f"{fold}1": [hyp]})
    recipe.data("digits/c", "test", [words("c1", "ένα")])
    recipe.run("score", "--exp", "exp/digits")
    text = report(recipe)
    (pooled,) = lines(text, "2 of 3 folds; missing: c")
    assert "| 50.00 [" in pooled and "20 min 0 s" in pooled
    assert len(lines(text, "| a | espnet | train_a |", "| 0.00 [")) == 1
    assert len(lines(text, "| b | espnet | train_a |", "| 100.00 [")) == 1


def test_a_system_decoded_on_another_set_stands_with_that_set(trained):
    trained.data("other", "test", [words("x1", "ναι")])
    trained.nbest("toy/train_a/decode_joint/other.test", {"x1": ["ναι"]})
    trained.run("score", "--exp", "exp/toy")
    text = report(trained)
    assert text.index("## other") < text.index("toy: train_a") < text.index("## toy")


def test_language_models_have_a_table_of_their_own(trained):
    dev = {"per_word": 56.57, "unknown": 67, "tokens": 1728}
    trained.json("exp/toy/lm_a/run.json", {"ngrams": [10, 20], "dev": dev, "leaks_dropped": 1, "seconds": 0.1, "commit": "abc"})
    Path("exp/toy/lm_a/conf.yaml").write_text("tokens: word\norder: 2\n")
    assert "| toy | lm_a | word | 2 | 30 | 56.57 | 3.88 % | 1 | – | 0 s | abc | finished |" in report(trained)
    Path("exp/toy/lm_b").mkdir()
    assert "| toy | lm_b | – | – | – | – | – | – | – | not measured | – | no record |" in report(trained)


def test_groups_are_compared_where_there_are_several(trained):
    cuts = [words("u1", "ένα", dialect="cypriot"), words("u2", "δύο", dialect="standard")]
    trained.data("toy", "test", cuts)
    trained.nbest("toy/train_a/decode_joint/test", {"u1": ["ένα"], "u2": ["τρία"]})
    trained.run("score", "--exp", "exp/toy")
    text = report(trained)
    assert "| Conf | Decode | cypriot | standard |" in text and "| train_a | decode_joint | 0.00 | 100.00 |" in text


def test_published_numbers_are_printed_with_source_and_as_not_comparable(trained):
    Path("conf").mkdir()
    Path("conf/papers.yaml").write_text(
        "papers:\n- {system: X, test: T, metric: WER %, value: '9.9', source: a paper, mark: V, why: other text}\n"
    )
    assert "| X | T | WER % | 9.9 | no: other text | a paper |" in report(trained)
    Path("conf/papers.yaml").write_text("papers:\n- {system: X, test: T, metric: WER %, value: '9', source: s, mark: M}\n")
    assert "'M' is none of V, E" in trained.fails("report", "--out", OUT)[1]


def test_the_recipes_own_published_numbers_load(recipe, tmp_path):
    papers = Path(__file__).parents[2] / "conf/papers.yaml"
    Path("conf").mkdir()
    Path("conf/papers.yaml").write_text(papers.read_text(encoding="utf-8"), encoding="utf-8")
    assert "33.93" in report(recipe)


def test_the_same_runs_give_the_same_text_and_the_header_says_how(trained, capsys):
    first = report(trained)
    capsys.readouterr()
    assert report(trained) == first
    assert capsys.readouterr().out == f"steps.report: {OUT} is up to date\n"
    assert f"Generated by `python -m steps.report --out {OUT}`" in first


def test_a_recipes_own_runs_alone(trained):
    trained.json("exp/toy/train_b/run.json", {"status": "failed", "message": "disk full"})
    everything = report(trained)
    trained.run("report", "--out", OUT, "--only", "toy/train_a", "other/*")
    text = Path(OUT).read_text(encoding="utf-8")
    assert f"`python -m steps.report --out {OUT} --only toy/train_a 'other/*'` from matching runs under exp/" in text
    assert "| train_b |" in everything and "| train_a |" in text and "train_b" not in text
    trained.run("report", "--out", OUT, "--only", "other/*")
    assert "There is no run under exp/ yet." in Path(OUT).read_text(encoding="utf-8")


def test_an_empty_exp_is_reported_as_such(recipe):
    assert "There is no run under exp/ yet." in report(recipe)


def test_the_terminal_table_shows_test_scores_and_runs_without(trained, capsys):
    trained.json("exp/toy/train_b/run.json", {"status": "failed", "message": "disk full"})
    capsys.readouterr()
    trained.run("report", "--out", OUT, "--print", "toy")
    shown = capsys.readouterr().out
    assert "train_a" in shown and "25.00 [" in shown and "failed: disk full" in shown


def test_a_lock_is_not_taken_by_looking_at_it(trained):
    trained.json("exp/toy/train_c/run.json", {"status": "running"})
    with Lock(Path("exp/toy/train_c")) as lock:
        pass
    assert "train_c" in report(trained)
    with lock:
        lock.check()


def test_gains_over_no_language_model_and_confidences_have_tables_of_their_own(recipe):
    ids = [f"u{i:02}" for i in range(24)]
    recipe.data("toy", "test", [words(name, "ένα δύο τρία", speaker=f"s{i % 8}") for i, name in enumerate(ids)])
    recipe.json("exp/toy/train_a/run.json", RUN)
    recipe.nbest("toy/train_a/decode_joint/test", {name: ["ένα δύο δύο", "ένα δύο τρία"] for name in ids})
    recipe.nbest("toy/train_a/decode_joint_ngram/test", {name: ["ένα δύο τρία"] for name in ids})
    recipe.nbest("toy/train_a/decode_greedy/test", {name: ["ένα ένα δύο"] for name in ids})
    recipe.nbest("toy/train_a/fuse_beam/test", {name: ["ένα δύο δύο"] for name in ids})
    path = recipe.nbest("toy/train_a/fuse_sure/test", {name: [["ένα δύο τρία", "ένα δύο"][i == 0]] for i, name in enumerate(ids)})
    rows = list(read_jsonl_gz(path))
    for row in rows:
        row["hyps"][0]["words"] = [{"w": w, "start": None, "end": None, "conf": 0.75} for w in row["hyps"][0]["text"].split()]
    write_jsonl_gz(path, rows)
    for name, conf in {
        "decode_joint": "search: joint\n",
        "decode_joint_ngram": "search: joint\nlm: lm_ngram\n",
        "fuse_sure": "kind: rover\nlists: [decode_joint, train_a/decode_joint_ngram]\n",
        "decode_greedy": "search: greedy\n",
        "fuse_beam": "kind: ctc_beam\nposteriors: decode_greedy\nlm: lm_word\nnbest: 10\n",
    }.items():
        Path(f"exp/toy/train_a/{name}/conf.yaml").write_text(conf)
    recipe.run("score", "--exp", "exp/toy")
    text = report(recipe)
    assert "Test, gain over no language model, WER against train_a/decode_joint (24 utterances of 8 speakers" in text
    (gain,) = [line for line in lines(text, "| train_a/decode_joint_ngram |") if "better" in line]
    assert "| 0.00 | -33.33 [-33.33, -33.33] | <0.001 (<0.001) |" in gain
    assert "Test, gain over no language model, WER against train_a/decode_greedy (24" in text  # of what searched its posteriors
    (searched,) = [line for line in lines(text, "| train_a/fuse_beam |") if "better" in line]
    assert "| 33.33 | -33.33 [-33.33, -33.33] |" in searched
    assert lines(text, "| espnet | train_a | test | fuse_sure | lm_ngram |")  # that of the lists it combines
    assert "| train_a | test | fuse_sure | 71 | 0.250 | – | – |" in text  # all of them right
    (joint,) = lines(text, "| espnet | train_a | test | decode_joint | – |")
    assert "| 0.00 | 2.0 (0.67) |" in joint
