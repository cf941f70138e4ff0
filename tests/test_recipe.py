"""The recipe end to end on 120 sentences: a table, stages that are skipped or rebuilt, kills that change nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

RUN = ["egs/cypriot/run.sh", "--corpus", "mini120", "--systems", "ebranchformer_tiny"]
TIMES = {"decode_seconds", "rtf", "weights"}  # of n-best rows and scores: differ from run to run


def checkout(directory: Path) -> Path:
    """The repository's own files as they stand, with this environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name)
    (directory / ".venv").symlink_to(Path(sys.prefix))
    return directory


def run(directory: Path, *options: str) -> str:
    done = subprocess.run([*RUN, *options], cwd=directory, text=True, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = checkout(tmp_path_factory.mktemp("recipe"))
    run(directory)
    return directory


def test_every_stage_leaves_what_it_should_and_the_table_has_every_decode(finished: Path) -> None:
    exp = finished / "exp" / "mini120" / "train_ebranchformer_tiny"
    with gzip.open(finished / "data" / "mini120" / "test.jsonl.gz", "rt", encoding="utf-8") as rows:
        cuts = sum(1 for _ in rows)
    for decode in ("decode_greedy", "decode_joint", "decode_joint_ngram", "fuse_word3"):
        score = json.loads((exp / decode / "test.score.json").read_text())
        assert score["utterances"] == cuts and score["words"] > 0
    table = (finished / "egs" / "cypriot" / "RESULTS.md").read_text()
    assert all(name in table for name in ("decode_greedy", "decode_joint", "decode_joint_ngram", "fuse_word3", "Synthetic"))
    record = json.loads((exp / "run.json").read_text())
    assert record["status"] == "finished" and record["parameters"] > 0 and record["peak_memory_mb"] > 0


def test_a_second_run_makes_nothing_anew(finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in products(finished)}
    out = run(finished)
    assert "rebuilt" not in out
    assert {path: path.stat().st_mtime_ns for path in products(finished)} == before


def test_a_changed_conf_rebuilds_what_follows_and_says_so(finished: Path) -> None:
    conf = finished / "conf" / "decode_joint.yaml"
    text = conf.read_text()
    conf.write_text(text.replace("beam: 10", "beam: 4"))
    out = run(finished, "--stage", "6")
    conf.write_text(text)
    run(finished, "--stage", "6")
    assert "decode_joint is rebuilt" in out and "decode_greedy is rebuilt" not in out


def test_changed_data_stops_training_with_a_choice(finished: Path, tmp_path: Path) -> None:
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory, symlinks=True)
    conf = directory / "conf" / "data_mini120.yaml"
    conf.write_text(conf.read_text() + "max_seconds: 2.5\nmax_reject_rate: 0.9\n")
    done = subprocess.run([*RUN], cwd=directory, text=True, capture_output=True, timeout=600)
    assert done.returncode == 2
    assert "train.jsonl.gz: its content changed" in done.stderr and "--redo" in done.stderr


def test_a_step_taken_by_hand_from_its_log_works(finished: Path) -> None:
    log = finished / "exp" / "mini120" / "log" / "train_ebranchformer_tiny.log"
    command = next(line for line in log.read_text().splitlines() if "steps.train" in line).removeprefix("# ")
    done = subprocess.run(["bash", "-c", command], cwd=finished, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0 and "up to date" in done.stdout, command + done.stdout + done.stderr


def test_kills_in_every_stage_change_no_final_file(finished: Path, tmp_path: Path) -> None:
    directory = checkout(tmp_path)
    chance = random.Random(1)
    for stage in range(1, 10):
        kill_in_stage(directory, stage, chance.uniform(0.1, 3.0))
    run(directory)
    assert {path.relative_to(directory) for path in products(directory)} == {
        path.relative_to(finished) for path in products(finished)
    }
    different = [path for path in products(finished) if content(path) != content(directory / path.relative_to(finished))]
    assert different == []


def kill_in_stage(directory: Path, stage: int, delay: float) -> None:
    """Start the recipe, let it reach `stage`, and kill -9 it `delay` seconds later with all that it started."""
    process = subprocess.Popen(
        RUN, cwd=directory, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"== {stage}."):
            time.sleep(delay)
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while survivors(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert survivors(directory) == []


def survivors(directory: Path) -> list[str]:
    """Processes that still work in `directory`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(process / "cwd")) == directory and "run_job" not in (process / "cmdline").read_text():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def products(directory: Path) -> list[Path]:
    """The final files: everything but logs, locks, stamps, records of a run's circumstances and checkpoints."""
    return sorted(_products(directory))


def _products(directory: Path) -> Iterator[Path]:
    for top in ("data", "exp"):
        for path in (directory / top).rglob("*"):
            circumstances = path.name.startswith(("events.", ".", "run.json")) or path.suffix in {".log", ".html", ".md"}
            if path.is_file() and not circumstances and not {"log", "checkpoints"} & set(path.relative_to(directory).parts):
                yield path


def content(path: Path) -> object:
    """What has to be the same again: JSON without times, other files' digests."""
    if path.name.endswith((".nbest.jsonl.gz", ".utterances.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [without_times(json.loads(line)) for line in lines]
    if path.suffix == ".json":
        return without_times(json.loads(path.read_text()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def without_times(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value
