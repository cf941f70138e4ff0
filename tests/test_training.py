"""The trainer's promises: kills change nothing, and neither does the number of processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from cyasr.files import read_jsonl_gz, write_jsonl_gz
from tests.conftest import ROOT
from tests.systems.running import step

SMALL = {
    "system": "espnet", "tokenizer": "char", "encoder": "e_branchformer", "size": 32, "heads": 2, "encoder_layers": 1,
    "encoder_units": 32, "kernel": 7, "decoder_layers": 1, "decoder_units": 32, "batch_seconds": 8, "buckets": 2,
    "epochs": 2, "lr": 2e-3, "average": 2, "log_seconds": 0.5, "ranks": 1,
}  # fmt: skip
STILL = {"dropout": 0.0, "attention_dropout": 0.0, "time_masks": 0, "frequency_masks": 0}
EVERYTHING = {
    "bucket_by": "heard", "tempo": [0.9, 1.1], "pitch": [-1, 1], "reverb": 0.3, "volume": [-3, 3], "telephone": 0.3,
    "noise_from": [{"path": "data/tones/wav", "snr": [10, 20], "voices": [1, 3]}],
}  # fmt: skip


@pytest.fixture
def work(tones: Path, tmp_path: Path) -> Path:
    """A directory of its own to train in, on the shared data."""
    (tmp_path / "data").symlink_to(tones / "data")
    return tmp_path


def repeat_cuts(work: Path) -> None:
    """As in a mixture: half of the train cuts come two or three times an epoch, the others in two of three."""
    data = work / "data"
    shared = data.resolve()
    data.unlink()
    (data / "tones").mkdir(parents=True)
    for path in (shared / "tones").iterdir():
        if path.name != "train.jsonl.gz":
            (data / "tones" / path.name).symlink_to(path)
    rows = read_jsonl_gz(shared / "tones" / "train.jsonl.gz")
    write_jsonl_gz(
        data / "tones" / "train.jsonl.gz",
        (row | {"custom": {"repeat": 2.5 if number % 2 else 0.66}} for number, row in enumerate(rows)),
    )


def train(work: Path, name: str, *options: str, **keys: object) -> subprocess.CompletedProcess[str]:
    with start(work, name, *options, **keys) as process:
        out, _ = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out)


def start(work: Path, name: str, *options: str, **keys: object) -> subprocess.Popen[str]:
    conf = work / f"{name}.yaml"
    conf.write_text(yaml.safe_dump(SMALL | keys))
    command = [sys.executable, "-m", "steps.train", "--data", "data/tones", "--conf", conf.name, "--ngpu", "0", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    return subprocess.Popen(command, cwd=work, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def weights(work: Path, name: str) -> dict[str, torch.Tensor]:
    return torch.load(work / "exp" / "tones" / name / "model.pt", weights_only=True)


def steps_taken(work: Path, name: str) -> int:
    """The step of the newest whole state."""
    states = sorted((work / "exp" / "tones" / name / "checkpoints").glob("state_*.pt"))
    return int(states[-1].stem.split("_")[1]) if states else 0


@pytest.mark.parametrize(
    "keys",
    [
        {"workers": 0},
        {"workers": 2, "micro_batch_seconds": 4} | EVERYTHING,
        {"ranks": 2},
    ],
    ids=["one process", "workers, accumulation and every augmentation on a mixture", "two processes"],
)
def test_a_killed_run_resumes_to_the_same_weights_bit_by_bit(work: Path, keys: dict[str, object]) -> None:
    if "tempo" in keys:
        repeat_cuts(work)
    keys = keys | {"save_minutes": 0.0, "speed": [0.9, 1.0, 1.1], "noise_snr": [10, 20]}
    assert train(work, "whole", **keys).returncode == 0
    kills = 0
    process = start(work, "killed", **keys)
    last = 0
    while process.poll() is None:
        if kills < 2 and steps_taken(work, "killed") > last:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            last, kills = steps_taken(work, "killed"), kills + 1
            process = start(work, "killed", **keys)
        time.sleep(0.01)
    out, _ = process.communicate()
    assert process.returncode == 0 and kills == 2, out
    expected, found = weights(work, "whole"), weights(work, "killed")
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_two_processes_learn_what_one_does(work: Path) -> None:
    one = train(work, "one", **STILL, micro_batch_seconds=4)
    two = train(work, "two", **STILL, ranks=2)
    assert one.returncode == two.returncode == 0, one.stdout + two.stdout
    expected, found = weights(work, "one"), weights(work, "two")
    assert max(float((expected[name] - found[name]).abs().max()) for name in expected) < 1e-4


def test_a_changed_result_key_is_refused_and_redo_keeps_the_old_run(work: Path) -> None:
    assert train(work, "run", epochs=0.5).returncode == 0
    refused = train(work, "run", epochs=0.5, lr=1e-3)
    assert refused.returncode == 2
    assert "lr: 0.002 -> 0.001" in refused.stdout and "--redo" in refused.stdout
    assert train(work, "run", "--redo", epochs=0.5, lr=1e-3).returncode == 0
    assert (work / "exp" / "tones" / "run.old-1" / "model.pt").exists()


def test_more_epochs_and_other_run_keys_resume(work: Path) -> None:
    assert train(work, "run", epochs=0.5).returncode == 0
    more = train(work, "run", epochs=1, log_seconds=2)
    assert more.returncode == 0 and "resumed from" in more.stdout


def test_a_finished_run_is_skipped(work: Path) -> None:
    assert train(work, "run", epochs=0.5).returncode == 0
    again = train(work, "run", epochs=0.5)
    assert again.returncode == 0 and "up to date" in again.stdout


def test_a_truncated_checkpoint_is_reported_and_the_one_before_used(work: Path) -> None:
    assert train(work, "run", epochs=1).returncode == 0
    newest = sorted((work / "exp" / "tones" / "run" / "checkpoints").glob("state_*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    more = train(work, "run", epochs=1.5)
    assert more.returncode == 0
    assert f"{newest.name}: damaged checkpoint" in more.stdout and "resumed from" in more.stdout


def test_a_second_run_in_one_directory_is_refused(work: Path) -> None:
    first = start(work, "run", epochs=20)
    lock = work / "exp" / "tones" / "run" / "run.json"
    while not lock.exists() and first.poll() is None:
        time.sleep(0.05)
    second = train(work, "run", epochs=20)
    first.kill()
    first.communicate()
    assert second.returncode == 2 and f"in use by process {first.pid}" in second.stdout


def test_a_run_moved_away_publishes_nothing(work: Path) -> None:
    process = start(work, "run", epochs=20, save_minutes=0.0)
    while steps_taken(work, "run") == 0 and process.poll() is None:
        time.sleep(0.05)
    moved = work / "exp" / "tones" / "moved"
    shutil.move(work / "exp" / "tones" / "run", moved)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "moved or taken over" in out
    assert not (moved / "model.pt").exists()


def test_a_loss_that_is_not_finite_stops_with_the_batch_saved(work: Path) -> None:
    result = train(work, "run", lr=1e9, clip=1e12, warmup=0.0)
    assert result.returncode == 1, result.stdout
    assert "not finite at step" in result.stdout and "Traceback" not in result.stdout
    saved = torch.load(work / "exp" / "tones" / "run" / "nan_batch_0.pt", weights_only=True)
    assert saved["ids"] and saved["features"].shape[0] == len(saved["ids"])


def test_a_full_disk_is_one_line_and_with_space_the_run_goes_on(work: Path) -> None:
    small = work / "exp"
    small.mkdir()
    mounted = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c"]
    if subprocess.run([*mounted, f"mount -t tmpfs -o size=300k none {small}"], capture_output=True).returncode:
        pytest.skip("no user namespaces here: cannot mount a small file system without root")
    conf = work / "run.yaml"
    conf.write_text(yaml.safe_dump(SMALL))
    step = f"{sys.executable} -m steps.train --data data/tones --conf run.yaml --ngpu 0"
    full = subprocess.run(
        [*mounted, f"mount -t tmpfs -o size=300k none {small} && exec {step}"],
        cwd=work, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True, capture_output=True, timeout=300,
    )  # fmt: skip
    assert full.returncode == 1 and "No space left on device" in full.stderr and "Traceback" not in full.stderr, full.stderr
    assert train(work, "run").returncode == 0


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"sizee": 64}, "unknown key 'sizee'; did you mean 'size'?"),
        ({"encoder": "conformr"}, "did you mean 'conformer'?"),
        ({"lr": "fast"}, "lr: expected float, got 'fast'"),
        ({"size": 33}, "size: 33 is no multiple of heads: 2"),
        ({"system": "espnt"}, "unknown system 'espnt'; did you mean 'espnet'?"),
        ({"native": {"encoder": {"no_such": 1}}}, "ESPnet refuses a key under `native:`"),
    ],
)
def test_a_wrong_conf_is_one_clear_line(work: Path, keys: dict[str, object], line: str) -> None:
    result = train(work, "run", **keys)
    assert result.returncode == 2 and line in result.stdout and "Traceback" not in result.stdout


def test_data_from_elsewhere_is_one_clear_line(work: Path) -> None:
    (work / "run.yaml").write_text(yaml.safe_dump(SMALL))
    result = step(work, "steps.train", "--data", str(work / "data" / "tones"), "--conf", "run.yaml")
    assert result.returncode == 2 and "a set of this recipe is meant, as data/mini" in result.stdout
