"""run.sh and egs/cypriot/run.sh: options, help and which steps they launch."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ["run.sh", "egs/cypriot/run.sh"]

# Stands where the environment's interpreter does and writes down what it is to run.
RECORDER = """#!/usr/bin/env bash
case "$*" in
  *--list-sets*) printf '%s\\n' ${SETS:-mini} ;;
  *--adapter*) echo "${ADAPTER-local.data_mini}" ;;
  *steps.report*--print*) ;;
  *) printf '%q ' "$@" >> launched; echo >> launched ;;
esac
"""


def run(script: Path, *words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *words], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=30)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A copy of the recipe's shell part whose environment only records."""
    root = tmp_path / "the recipe"
    for part in ("egs", "utils", "conf", "local"):
        shutil.copytree(ROOT / part, root / part)
    for part in ("run.sh", "path.sh", "cmd.sh"):
        shutil.copy(ROOT / part, root)
    (root / "conf" / "data_mini.yaml").write_text("corpus: mini\n")
    (root / "conf" / "data_folded.yaml").write_text("base: data_mini.yaml\n")
    (root / "local" / "data_mini.py").touch()
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / ".installed-requirements").touch()
    python = root / ".venv" / "bin" / "python"
    python.write_text(RECORDER)
    python.chmod(0o755)
    return root


def launched(recipe: Path, *words: str, **environment: str) -> list[str]:
    """What `egs/cypriot/run.sh words` launches, from LOG on, a line each."""
    (recipe / "launched").unlink(missing_ok=True)
    result = run(recipe / "egs" / "cypriot" / "run.sh", *words, cwd=recipe.parent, **environment)
    assert result.returncode == 0, result.stderr
    file = recipe / "launched"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.removeprefix("utils/run_job.py --backend local ").rstrip() for line in lines]


def steps(lines: list[str]) -> list[str]:
    return [re.search(r"-m (\S+)", line)[1] for line in lines]  # type: ignore[index]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_lists_options_and_the_nine_stages(script: str, tmp_path: Path) -> None:
    result = run(ROOT / script, "--corpus", "mini", "--help", cwd=tmp_path)
    assert result.returncode == 0 and not result.stderr
    assert re.findall(r"^  (\d)  \S", result.stdout, re.M) == [str(number) for number in range(1, 10)]
    corpus = ("corpus", "corpus-dir", "corpus-format", "licence", "language")
    for option in (*corpus, "stage", "stop-stage", "systems", "lms", "decodes", "fuses", "nj", "ngpu", "help"):
        assert re.search(rf"^  --{option} ", result.stdout, re.M)


def test_help_needs_and_makes_no_environment(recipe: Path) -> None:
    shutil.rmtree(recipe / ".venv")
    for script in SCRIPTS:
        assert run(recipe / script, "--help").returncode == 0
    assert not (recipe / ".venv").exists()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--sytem", "x"], "unknown option --sytem; did you mean --systems?"),
        (["--stop_stage=3"], "unknown option --stop_stage; did you mean --stop-stage?"),
        (["--corpus-di", "/x"], "unknown option --corpus-di; did you mean --corpus-dir?"),
        (["mini"], "unknown option mini; did you mean --nj?"),
        (["--stage", "two"], "--stage two: expected a whole number"),
        (["--stage", "-1"], "--stage -1: expected a whole number"),
        (["--systems"], '--systems needs a value: --systems "A B"'),
        (["--corpus", "--stage", "2"], "--corpus needs a value: --corpus NAME"),
    ],
)
def test_wrong_option_is_refused_before_any_work(script: str, words: list[str], complaint: str, recipe: Path) -> None:
    shutil.rmtree(recipe / ".venv")
    result = run(recipe / script, *words)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"run.sh: {complaint}\n")
    assert not (recipe / ".venv").exists()


def test_missing_environment_is_one_line(recipe: Path) -> None:
    shutil.rmtree(recipe / ".venv")
    result = run(recipe / "egs" / "cypriot" / "run.sh")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and "tools/install.sh makes it" in result.stderr


def test_unknown_corpus_is_one_line_naming_those_there_are(recipe: Path) -> None:
    result = run(recipe / "egs" / "cypriot" / "run.sh", "--corpus", "minni")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and re.search(r"no conf/data_minni.yaml; there is .*\bmini\b", result.stderr)


def test_values_are_never_evaluated(recipe: Path) -> None:
    lines = launched(recipe, "--stage", "1", "--stop-stage", "1", "--corpus-dir", "$(touch evaluated); `id` ;*")
    assert len(lines) == 1 and not list(recipe.parent.rglob("evaluated"))


def test_all_stages_run_in_order_by_default(recipe: Path) -> None:
    lines = launched(recipe, "--nj", "3")
    decodes = ["steps.decode"] * 6  # three searches: an array and a gathering each
    models = ["steps.train_tokenizer", "steps.train_lm", "steps.train_lm", "steps.train"]
    before = ["local.data_mini", "steps.make_cuts", *models]
    assert steps(lines) == [*before, *decodes, "steps.fuse", "steps.score", "steps.model_card", "steps.report"]
    assert sum("JOB=1:3 " in line for line in lines) == 3


def test_stage_and_stop_stage_bound_what_runs(recipe: Path) -> None:
    assert steps(launched(recipe, "--stage", "3", "--stop-stage=5")) == [
        "steps.train_tokenizer",
        *["steps.train_lm"] * 2,
        "steps.train",
    ]
    assert steps(launched(recipe, "--stop-stage", "1")) == ["local.data_mini"]
    assert steps(launched(recipe, "--stage", "9")) == ["steps.model_card", "steps.report"]
    assert launched(recipe, "--stage", "10") == []


def test_a_recipe_of_its_own_has_its_own_results(recipe: Path) -> None:
    report = launched(recipe, "--stage", "9", "--results", "egs/x/RESULTS.md", "--only", "x/* x_*/train_a")[-1]
    assert r"--out egs/x/RESULTS.md --only x/\* x_\*/train_a --html" in report


def test_every_fold_and_choice_has_its_turn(recipe: Path) -> None:
    chosen = ["--systems", "a b", "--lms", "x", "--decodes", "greedy", "--fuses", "", "--nj", "1", "--ngpu", "2"]
    lines = launched(recipe, "--corpus", "folded", "--stage", "5", "--stop-stage", "7", *chosen, SETS="folded/1 folded/2")
    trained = [line for line in lines if "steps.train" in line]
    assert [re.search(r"--data (\S+) --conf (\S+)", line).groups() for line in trained] == [  # type: ignore[union-attr]
        (f"data/folded/{fold}", f"conf/train_{system}.yaml") for fold in (1, 2) for system in "ab"
    ]
    assert all(line.startswith("--gpu 2 ") for line in trained)
    assert len(lines) == 4 + 2 * 4


def test_a_mixture_has_no_corpus_to_read(recipe: Path) -> None:
    assert steps(launched(recipe, "--stop-stage", "2", ADAPTER="")) == ["steps.make_cuts"]


def test_a_corpus_without_a_conf_gets_one_before_its_first_stage(recipe: Path) -> None:
    given = [
        "--corpus",
        "mine",
        "--corpus-dir",
        "my speech",
        "--corpus-format",
        "auto",
        "--licence",
        "CC0-1.0",
        "--language=el-CY",
    ]
    lines = launched(recipe, *given, "--stop-stage", "1", ADAPTER="local.data_own")
    assert steps(lines) == ["steps.new_corpus", "local.data_own"]
    folder = str(recipe.parent / "my speech").replace(" ", "\\ ")
    assert lines[0].endswith(
        f"steps.new_corpus --name mine --format auto --corpus-dir {folder} --licence CC0-1.0 --language el-CY"
    )
    assert lines[1].endswith(f"local.data_own --conf conf/data_mine.yaml --corpus-dir {folder}")


@pytest.mark.parametrize("made", [{}, {"test": b""}, {"test": b"{}", "train": b"{}"}])
def test_what_has_nothing_to_score_ends_after_stage_2_without_an_error(recipe: Path, made: dict[str, bytes]) -> None:
    folder = recipe / "data" / "mini"
    folder.mkdir(parents=True)
    (folder / ".stamp.json").touch()
    for split, content in made.items():
        (folder / f"{split}.jsonl.gz").write_bytes(gzip.compress(content))
    assert (steps(launched(recipe, "--stop-stage", "3")) == ["local.data_mini", "steps.make_cuts"]) == (not made.get("test"))


def test_corpus_dir_is_meant_from_where_the_user_stands(recipe: Path) -> None:
    lines = launched(recipe, "--stop-stage", "1", "--corpus-dir", "corpora/x")
    assert lines[0].endswith(f"--corpus-dir {recipe.parent}/corpora/x")


def test_redo_reaches_what_is_trained_only(recipe: Path) -> None:
    lines = launched(recipe, "--redo", "--lms", "ngram transformer_mini", "--ngpu", "2")
    again = [line for line in lines if "--redo" in line]
    assert steps(again) == ["steps.train_lm", "steps.train"] and all(line.startswith("--gpu 2 ") for line in again)


def test_further_sets_tests_are_decoded_by_each_system(recipe: Path) -> None:
    lines = launched(recipe, "--stage", "6", "--stop-stage", "6", "--decodes", "greedy", "--also", "mini other/fold", "--nj", "1")
    assert [re.findall(r"--data (\S+) --splits (\S+)", line) for line in lines] == [
        [], [], *[[("data/mini", "test")]] * 2, *[[("data/other/fold", "test")]] * 2,
    ]  # fmt: skip
    assert "decode_ebranchformer_mini_greedy_on_other.fold.JOB.log" in lines[4]


def test_speech_to_learn_from_without_a_test_is_trained_on_and_not_scored(recipe: Path) -> None:
    folder = recipe / "data" / "mini"
    folder.mkdir(parents=True)
    (folder / ".stamp.json").touch()
    for split, content in {"train": b"{}", "dev": b"{}", "test": b""}.items():
        (folder / f"{split}.jsonl.gz").write_bytes(gzip.compress(content))
    lines = launched(recipe, "--stage", "3", "--systems", "xls_r_300m_continued")
    assert steps(lines) == ["steps.train_tokenizer", "steps.train"]


def test_the_transfer_pipeline_chains_its_systems(recipe: Path) -> None:
    (recipe / "tools").mkdir()
    (recipe / "tools" / "install.sh").write_text("#!/usr/bin/env bash\n")
    (recipe / "tools" / "install.sh").chmod(0o755)
    result = run(recipe / "egs" / "transfer" / "run.sh", "--stage", "2", "--stop-stage", "4", cwd=recipe.parent)
    assert result.returncode == 0, result.stderr
    trained = [line for line in (recipe / "launched").read_text().splitlines() if "-m steps.train " in line]
    assert [re.search(r"--conf conf/train_wav2vec2_mini_(\S+)\.yaml", line)[1] for line in trained] == [  # type: ignore[index]
        "pretrain", "greek", "cypriot_lora",
    ]  # fmt: skip
