import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cyasr.files import read_json, write_jsonl_gz

ROOT = Path(__file__).parents[2]
NUMBERS = ["ένα", "δύο", "τρία", "τέσσερα", "πέντε"]
RUN = {"system": "espnet", "status": "finished"}


def cuts(name, speakers, each=6):
    """Utterances of five words, `each` of every speaker."""
    return [
        {"id": f"{name}{s}_{i}", "text": " ".join(NUMBERS), "speaker": f"{name}{s}"} for s in range(speakers) for i in range(each)
    ]


def heard(rows, wrong, every=3):
    """Each utterance with `wrong` words misheard, and one more in one of `every`."""
    misheard = [wrong + (i % every == 0) for i in range(len(rows))]
    return {row["id"]: [" ".join(["τι"] * count + NUMBERS[count:])] for row, count in zip(rows, misheard, strict=True)}


@pytest.fixture
def three(recipe):
    """Three systems on a set of eight speakers; the third is the second but for one utterance."""
    rows = cuts("s", 8)
    recipe.data("toy", "test", rows)
    for name, wrong, every in (("a", 2, 2), ("b", 0, 3), ("c", 0, 3)):
        recipe.json(f"exp/toy/train_{name}/run.json", RUN)
        lists = heard(rows, wrong, every)
        if name == "c":
            lists["s0_1"] = ["τι " + " ".join(NUMBERS[1:])]
        recipe.nbest(f"toy/train_{name}/decode_joint/test", lists)
    recipe.run("score", "--exp", "exp/toy")
    return recipe


def lines(text, *words):
    return [line for line in text.splitlines() if all(word in line for word in words)]


def test_systems_of_a_set_are_compared_with_the_best(three, capsys):
    capsys.readouterr()
    three.run("compare", "--exp", "exp/toy", "--out", "table.json")
    shown = capsys.readouterr().out
    assert shown.startswith("WER against the best, train_b/decode_joint (48 utterances of 8 speakers, drawn by speaker):\n")
    (far,), (near,) = lines(shown, "train_a/decode_joint"), lines(shown, "train_c/decode_joint")
    assert far.endswith("  worse") and "+43.33 [" in far and far.count("<0.001") == 4
    assert near.endswith("  no difference shown") and "+0.42 [+0.00, " in near
    assert [pair["b"] for pair in read_json(Path("table.json"))["pairs"]] == ["train_c/decode_joint", "train_a/decode_joint"]


def test_files_are_named_by_what_tells_them_apart(three, capsys):
    files = [f"exp/toy/train_{name}/decode_joint/test.utterances.jsonl.gz" for name in "ab"]
    capsys.readouterr()
    three.run("compare", *files, "--against", "train_a", "--rung", "fold")
    shown = capsys.readouterr().out
    assert shown.startswith("Fold WER against train_a (") and lines(shown, "train_b", " -43.33 [", "better")
    three.run("compare", *files, files[0].replace("_a", "_c"), "--against", "all")
    assert lines(capsys.readouterr().out, "train_a − train_b", "50.00 − 6.67", "worse")


def test_two_bare_files_scored_apart_can_be_compared(tmp_path, recipe, capsys):
    Path("ref.txt").write_text("".join(f"u{i} ένα δύο τρία\n" for i in range(30)))
    Path("a.txt").write_text("".join(f"u{i} ένα δύο τρία\n" for i in range(30)))
    Path("b.txt").write_text("".join(f"u{i} ένα δύο{' τρία' * (i % 2)}\n" for i in range(30)))
    for name in "ab":
        recipe.run("score", "--ref", "ref.txt", "--hyp", f"{name}.txt", "--out", name)
    capsys.readouterr()
    recipe.run("compare", "a/utterances.jsonl.gz", "b/utterances.jsonl.gz")
    assert lines(capsys.readouterr().out, "b ", "+16.67 [", "worse, speakers unknown")


def test_under_six_speakers_nothing_is_said_of_others(recipe, capsys):
    rows = cuts("s", 2, each=30)
    recipe.data("toy", "test", rows)
    for name, wrong in (("a", 2), ("b", 0)):
        recipe.json(f"exp/toy/train_{name}/run.json", RUN)
        recipe.nbest(f"toy/train_{name}/decode_joint/test", heard(rows, wrong))
    recipe.run("score", "--exp", "exp/toy")
    capsys.readouterr()
    recipe.run("compare", "--exp", "exp/toy")
    shown = capsys.readouterr().out
    assert "60 utterances of 2 speakers, drawn by utterance" in shown and lines(shown, "worse, within these speakers")


def test_folds_are_compared_as_one_set_drawn_by_its_speakers(recipe, capsys):
    for fold in "abcdef":
        rows = cuts(fold, 1)
        recipe.data(f"digits/{fold}", "test", rows)
        for name, wrong in (("x", 1), ("y", 0)):
            recipe.json(f"exp/digits/{fold}/train_{name}/run.json", RUN)
            recipe.nbest(f"digits/{fold}/train_{name}/decode_joint/test", heard(rows, wrong))
    recipe.run("score", "--exp", "exp/digits")
    capsys.readouterr()
    recipe.run("compare", "--exp", "exp/digits")
    shown = capsys.readouterr().out
    assert "36 utterances of 6 speakers, drawn by speaker" in shown
    assert lines(shown, "train_x/decode_joint", "+20.00 [", "worse")


def test_seeds_of_one_system_stand_as_mean_and_deviation(three, capsys):
    conf = "seed: {}\nlr: 0.1\nworkers: {}\n"
    for seed, name in enumerate("abc"):
        Path(f"exp/toy/train_{name}/conf.yaml").write_text(conf.format(seed, seed) + ("size: 3\n" if name == "c" else ""))
    capsys.readouterr()
    three.run("compare", "--exp", "exp/toy")
    # 50 and 6.67: mean 28.33, deviation 43.33 / sqrt(2)
    assert lines(capsys.readouterr().out, "train_a, train_b", "decode_joint", "0, 1", "28.33 ± 30.64")


def test_mistakes_are_one_line_that_says_what_to_do(three):
    path = "exp/toy/train_a/decode_joint/test.utterances.jsonl.gz"
    assert three.fails("compare")[1].startswith("either --exp exp/<set>, or two or more")
    assert three.fails("compare", path)[0] == 2
    assert "given twice" in three.fails("compare", path, path)[1]
    assert three.fails("compare", path, "nowhere.jsonl.gz")[1].startswith("nowhere.jsonl.gz does not exist")
    assert "exp/other has 0 finished scores on test" in three.fails("compare", "--exp", "exp/other")[1]
    assert "exp/toy has 0 finished scores on dev" in three.fails("compare", "--exp", "exp/toy", "--split", "dev")[1]
    Path("text.gz").write_bytes(b"\xff\xfe no counts")
    assert three.fails("compare", path, "text.gz")[1].startswith("text.gz:1: damaged")


def test_help_needs_nothing_heavy(recipe):
    code = "import sys, steps.compare; assert not {'torch', 'lhotse', 'numpy', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_results_hold_the_comparison_and_keep_it_while_no_score_changes(three):
    three.run("report", "--out", "RESULTS.md")
    text = Path("RESULTS.md").read_text(encoding="utf-8")
    assert "Test, WER against the best, train_b/decode_joint (48 utterances of 8 speakers, drawn by speaker):" in text
    assert lines(text, "| train_a/decode_joint | 50.00 | +43.33 [", "| worse |")
    assert lines(text, "| train_c/decode_joint | 7.08 | +0.42 [+0.00, ", "| no difference shown |")
    kept = Path("exp/toy/comparisons.json")
    made = kept.stat().st_mtime_ns
    three.run("report", "--out", "RESULTS.md")
    assert kept.stat().st_mtime_ns == made
    three.nbest("toy/train_c/decode_joint/test", heard(cuts("s", 8), 1))
    three.run("score", "--exp", "exp/toy")
    three.run("report", "--out", "RESULTS.md")
    assert lines(Path("RESULTS.md").read_text(encoding="utf-8"), "| train_c/decode_joint | 26.67 | +20.00 [", "| worse |")


def test_results_show_what_a_ladder_has_and_seeds_beside_each_other(three):
    for seed, name in enumerate("abc"):
        Path(f"exp/toy/train_{name}/conf.yaml").write_text(f"seed: {seed}\n")
    path = Path("exp/toy/train_a/decode_joint/test.score.json")
    score = read_json(path)
    for name, value in (("fold", 40.0), ("lenient", 30.0)):
        score["ladder"][name] = score["ladder"]["strict"] | {"wer": value, "signature": f"{name} rules"}
    three.json(str(path), score)
    old = read_json(Path("exp/toy/train_b/decode_joint/test.score.json"))
    three.json("exp/toy/train_b/decode_joint/test.score.json", {key: old[key] for key in old if key != "ladder"})
    three.run("report", "--out", "RESULTS.md")
    text = Path("RESULTS.md").read_text(encoding="utf-8")
    assert "| Strict WER % [95 %] | Fold | Lenient |" in text
    assert lines(text, "| train_a | test |", "| 50.00 [", "| 40.00 [", "| 30.00 [")
    assert lines(text, "| train_b | test |", "| 6.67 [", "| – | – |")
    assert lines(text, "- Fold: `fold rules`") and lines(text, "- Lenient: `lenient rules`")
    assert lines(text, "| train_a, train_b, train_c | decode_joint | 0, 1, 2 |", " ± ")


def test_what_cannot_be_compared_is_said_in_the_results(three):
    path = Path("exp/toy/train_a/decode_joint/test.utterances.jsonl.gz")
    write_jsonl_gz(path, [{"id": "s0_0"}])
    three.run("report", "--out", "RESULTS.md")
    assert lines(
        Path("RESULTS.md").read_text(encoding="utf-8"), "Test results are not compared: ", "not the counts of an utterance"
    )
    shutil.rmtree("exp/toy/train_a")
    three.run("report", "--out", "RESULTS.md")
    assert "WER against the best, train_b" in Path("RESULTS.md").read_text(encoding="utf-8")
