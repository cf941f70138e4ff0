"""utils/run_job.py: what a step launched through it may rely on, and its user."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RUN_JOB = [sys.executable, str(Path(__file__).parents[2] / "utils" / "run_job.py")]


def run_job(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in {"OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"}}
    return subprocess.run(
        [*RUN_JOB, *map(str, words)], cwd=cwd, env=inherited | environment, capture_output=True, text=True, timeout=30
    )


def started(*words: str | Path, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*RUN_JOB, *map(str, words)], cwd=cwd, env=os.environ | environment, text=True, stderr=subprocess.PIPE
    )


def soon(promise: Callable[[], object], seconds: float = 8.0) -> bool:
    """Does the promise come true within so many seconds?"""
    deadline = time.monotonic() + seconds
    while not (true := promise()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(true)


def alive(pid_file: Path) -> bool:
    """Is the process whose number stands in the file still running (and no zombie)?"""
    try:
        return Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# A job with a child of its own; both write down their process numbers and meet SIGTERM as $1 says.
FAMILY = """
trap "$1" TERM
bash -c 'trap "$1" TERM; echo $$ > grandchild; while :; do sleep 0.05; done' bash "$1" &
echo $$ > child
wait
wait
"""


def family(heeds: bool = True) -> list[str]:
    return ["bash", "-c", FAMILY, "bash", "-" if heeds else ":"]


def family_lives(folder: Path) -> bool:
    return alive(folder / "child") and alive(folder / "grandchild")


def family_is_gone(folder: Path) -> bool:
    return not alive(folder / "child") and not alive(folder / "grandchild")


def test_array_runs_every_index_with_its_number_in_log_and_command(tmp_path: Path) -> None:
    assert run_job("JOB=2:4", "logs/part.JOB.log", "bash", "-c", "echo JOB > out.JOB", cwd=tmp_path).returncode == 0
    assert [(tmp_path / f"out.{index}").read_text().strip() for index in (2, 3, 4)] == ["2", "3", "4"]
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [f"part.{index}.log" for index in (2, 3, 4)]


def test_at_most_max_jobs_run_at_once(tmp_path: Path) -> None:
    count = "mkdir running.JOB; ls -d running.* | wc -l > seen.JOB; sleep 0.1; rmdir running.JOB"
    assert run_job("--max-jobs", "2", "JOB=1:6", "JOB.log", "bash", "-c", count, cwd=tmp_path).returncode == 0
    assert max(int(path.read_text()) for path in tmp_path.glob("seen.*")) <= 2


def test_command_passes_through_no_shell(tmp_path: Path) -> None:
    words = ["$HOME", "a b", "*", "it's", "`id`", "two\nlines", "σ̆ύλλος"]
    run_job("log", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words, cwd=tmp_path)
    assert repr(words) in (tmp_path / "log").read_text()


def test_header_is_a_command_that_can_be_pasted_anywhere(tmp_path: Path) -> None:
    (tmp_path / "work dir").mkdir()
    words = ["it's", "two\nlines", "σ̆ύλλος", "$x"]
    show = "import os, sys; open('pasted', 'a').write(repr((sys.argv[1:], os.environ['OMP_NUM_THREADS'])) + '\\n')"
    run_job("log", Path(sys.executable).name, "-c", show, *words, cwd=tmp_path / "work dir", OMP_NUM_THREADS="3")
    line = (tmp_path / "work dir" / "log").read_text().splitlines()[0]
    subprocess.run(["bash", "-c", line.removeprefix("# ")], cwd="/", check=True)
    first, second = (tmp_path / "work dir" / "pasted").read_text().splitlines()
    assert first == second == repr((words, "3"))


def test_log_tells_host_attempt_output_and_status(tmp_path: Path) -> None:
    run_job("--retries", "0", "log", "bash", "-c", "echo out; echo err >&2; exit 7", cwd=tmp_path)
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[1].startswith(f"# host {os.uname().nodename}")
    assert lines[2] == "# attempt 1 of 1"
    assert lines[3].startswith("# started ")
    assert lines[4:6] == ["out", "err"]
    assert lines[6].startswith("# ended ") and ", status 7, " in lines[6]


def test_only_failed_indices_are_tried_again(tmp_path: Path) -> None:
    flaky = "echo x >> tries.JOB; [ JOB != 2 ] || [ $(wc -l < tries.JOB) = 2 ]"
    assert run_job("JOB=1:3", "JOB.log", "bash", "-c", flaky, cwd=tmp_path).returncode == 0
    assert [len((tmp_path / f"tries.{index}").read_text().split()) for index in (1, 2, 3)] == [1, 2, 1]
    assert "attempt 2 of 2" in (tmp_path / "2.log").read_text()


def test_bad_usage_is_not_tried_again_and_its_line_is_shown(tmp_path: Path) -> None:
    complaint = "steps.train: conf/x.yaml: unknown key 'lerning_rate'"
    result = run_job("log", "bash", "-c", f'echo x >> tries; echo working; echo "{complaint}" >&2; exit 2', cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [complaint, "run_job: status 2, log: log"]
    assert (tmp_path / "tries").read_text() == "x\n"


def test_what_several_jobs_complain_of_is_shown_once(tmp_path: Path) -> None:
    result = run_job("JOB=1:4", "JOB.log", "bash", "-c", "echo $((JOB % 2)) is wrong; exit 2", cwd=tmp_path)
    assert sorted(result.stderr.splitlines()) == [
        "0 is wrong",
        "1 is wrong",
        "run_job: 4 of 4 jobs failed",
        "run_job: status 2, log: 1.log",
        "run_job: status 2, log: 2.log",
    ]


def test_traceback_stays_in_the_log(tmp_path: Path) -> None:
    result = run_job("--retries", "0", "log", sys.executable, "-c", "raise ValueError('no such fold')", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["ValueError: no such fold", "run_job: status 1, log: log"]
    assert "Traceback" in (tmp_path / "log").read_text()


def test_status_is_the_worst_jobs(tmp_path: Path) -> None:
    assert run_job("--retries", "0", "JOB=1:4", "JOB.log", "bash", "-c", "exit $((JOB % 4))", cwd=tmp_path).returncode == 3
    assert run_job("--retries", "0", "log", "bash", "-c", "kill -9 $$", cwd=tmp_path).returncode == 137


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "usage: run_job.py"),
        (("log",), "usage: run_job.py"),
        (("--max-job", "2", "log", "true"), "unknown option --max-job; did you mean --max-jobs?"),
        (("--gpu", "x", "log", "true"), "--gpu x: expected a whole number"),
        (("--mem", "lots", "log", "true"), "--mem lots: expected a size"),
        (("JOB=3:1", "JOB.log", "true"), "JOB=3:1: an array counts upwards"),
        (("JOB=1:3", "one.log", "true"), "one.log: 3 jobs need a log each"),
        (("log", "no-such-program"), "no-such-program: command not found"),
        (("--backend", "slurm", "log", "true"), "the slurm backend is not available yet"),
        (("--nodes", "2", "log", "true"), "--nodes 2: one machine"),
    ],
)
def test_usage_mistake_is_one_line_and_status_2(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    result = run_job(*words, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and f"run_job: {complaint}" in result.stderr
    assert not list(tmp_path.iterdir())


def test_each_running_job_has_gpus_of_its_own(tmp_path: Path) -> None:
    show = (
        "mkdir gpu.$CUDA_VISIBLE_DEVICES && sleep 0.1 && rmdir gpu.$CUDA_VISIBLE_DEVICES && echo $CUDA_VISIBLE_DEVICES > used.JOB"
    )
    words = ["--max-jobs", "4", "--retries", "0", "--gpu", "2", "JOB=1:4", "JOB.log", "bash", "-c", show]
    assert run_job(*words, cwd=tmp_path, CUDA_VISIBLE_DEVICES="0,3,5,6,7").returncode == 0
    assert {path.read_text().strip() for path in tmp_path.glob("used.*")} == {"0,3", "5,6"}
    assert "has 1 to use" in run_job("--gpu", "2", "log", "true", cwd=tmp_path, CUDA_VISIBLE_DEVICES="4").stderr


def test_gpu_0_hides_the_gpus(tmp_path: Path) -> None:
    run_job("--gpu", "0", "log", "bash", "-c", "echo [$CUDA_VISIBLE_DEVICES]", cwd=tmp_path, CUDA_VISIBLE_DEVICES="0")
    assert "\n[]\n" in (tmp_path / "log").read_text()


def test_jobs_share_the_cores_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    run_job("log", "bash", "-c", "echo threads $OMP_NUM_THREADS", cwd=tmp_path)
    run_job(f"JOB=1:{cores}", "JOB.log", "bash", "-c", "echo threads $OMP_NUM_THREADS", cwd=tmp_path)
    run_job("user", "bash", "-c", "echo threads $OMP_NUM_THREADS", cwd=tmp_path, OMP_NUM_THREADS="5")
    threads = [(tmp_path / name).read_text().partition("\nthreads ")[2].split()[0] for name in ("log", "1.log", "user")]
    assert threads == [str(cores), "1", "5"]


def test_last_word_of_a_step_reaches_the_user(tmp_path: Path) -> None:
    result = run_job(
        "log", "bash", "-c", "echo 'steps.x: y is rebuilt: z changed'; echo 50 %; echo 'data/y: 12 cuts'", cwd=tmp_path
    )
    assert result.stdout.splitlines() == ["steps.x: y is rebuilt: z changed", "data/y: 12 cuts"]


def test_up_to_date_is_said_once_and_leaves_the_log_alone(tmp_path: Path) -> None:
    run_job("JOB=1:3", "JOB.log", "echo", "made", cwd=tmp_path)
    before = (tmp_path / "1.log").read_text()
    result = run_job("JOB=1:3", "JOB.log", "echo", "steps.x: y is up to date", cwd=tmp_path)
    assert result.stdout == "steps.x: y is up to date\n"
    assert (tmp_path / "1.log").read_text() == before


def test_another_run_appends_to_the_log(tmp_path: Path) -> None:
    run_job("log", "echo", "first", cwd=tmp_path)
    run_job("log", "echo", "second", cwd=tmp_path)
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines[4], lines[10]) == ("first", "second")


def test_terminal_shows_a_running_jobs_latest_line(tmp_path: Path) -> None:
    ours, its = pty.openpty()
    words = [*RUN_JOB, "log", "bash", "-c", "echo epoch 1; sleep 0.1; printf '3 %%\\r7 %%'; sleep 1.5"]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=its, stderr=its)
    os.close(its)
    assert process.wait(20) == 0
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\r\x1b[2K7 %" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_grandchildren_and_gives_130(number: signal.Signals, tmp_path: Path) -> None:
    process = started("log", *family(), cwd=tmp_path)
    assert soon(lambda: family_lives(tmp_path))
    process.send_signal(number)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert family_is_gone(tmp_path)
    assert complaint.count("\n") == 1 and "interrupted" in complaint
    assert ", status 143, " in (tmp_path / "log").read_text().splitlines()[-1]


def test_second_interrupt_ends_what_does_not_heed_the_first(tmp_path: Path) -> None:
    process = started("log", *family(heeds=False), cwd=tmp_path)
    assert soon(lambda: family_lives(tmp_path))
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert family_lives(tmp_path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == 130
    assert soon(lambda: family_is_gone(tmp_path))


def test_kill_9_of_run_job_ends_grandchildren(tmp_path: Path) -> None:
    process = started("log", *family(), cwd=tmp_path)
    assert soon(lambda: family_lives(tmp_path))
    process.kill()
    process.communicate(timeout=5)
    assert soon(lambda: family_is_gone(tmp_path))


def test_kill_9_of_the_recipe_script_ends_its_jobs(tmp_path: Path) -> None:
    command = shlex.join([*RUN_JOB, "log", *family()])
    process = subprocess.Popen(["bash", "-c", f"export CYASR_RUN=$$; {command}; true"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert soon(lambda: family_lives(tmp_path))
    process.kill()
    process.wait(5)
    assert soon(lambda: family_is_gone(tmp_path))


def test_what_a_finished_job_left_running_is_ended(tmp_path: Path) -> None:
    assert run_job("log", "bash", "-c", "sleep 60 & echo $! > orphan", cwd=tmp_path).returncode == 0
    assert not alive(tmp_path / "orphan")


def test_launching_costs_little(tmp_path: Path) -> None:
    def seconds() -> float:
        before = time.monotonic()
        run_job("log", "true", cwd=tmp_path)
        return time.monotonic() - before

    assert min(seconds() for _ in range(10)) < 0.25
