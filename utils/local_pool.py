"""Jobs on this machine: so many processes at once, none of which outlives its launcher."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from job_request import BAD_USAGE, INTERRUPTED, Request, usage_error
from machine import available_memory, cores, executable, visible_gpus
from process_groups import GRACE, group_lives, has_ended, send, start_watcher

LEFTOVER_GRACE = 1.0  # seconds that what a finished job left running has to end by itself
REPORT_EVERY = 25.0  # seconds between lines of progress where output is no terminal
SHOWN = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES", "PYTHONPATH")  # part of the pasted command
TELLING = re.compile(r" is up to date$| is rebuilt: ")  # a step's word on whether it had to work


@dataclass
class Job:
    """One job while it runs. `start`: where in the log its latest attempt begins, in bytes."""

    index: int
    log: Path
    command: list[str]
    attempt: int = 0
    slot: int = 0
    pid: int = 0
    start: int = 0
    output: int = 0
    began: float = 0.0

    def lines(self, head: int = 0, tail: int = 4096) -> list[str]:
        """Lines of the latest attempt's output, of its first `head` and last `tail` bytes; bars as they stand."""
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(self.output)
            text = log.read(head)
            log.seek(max(self.output + len(text), end - tail))
            text += log.read()
        lines = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.decode("utf-8", "replace").split("\n"))
        return [line for line in lines if line]


@dataclass
class Outcome:
    log: Path
    status: int
    last_line: str


class Pool:
    """Runs the jobs of one request, at most so many at a time as cores, memory and GPUs allow."""

    def __init__(self, request: Request) -> None:
        self.retries = request.retries
        self.jobs = [Job(index, request.log_of(index), request.command_of(index)) for index in request.indices]
        if request.nodes > 1:
            usage_error(f"--nodes {request.nodes}: one machine is all the local backend has; say CYASR_JOBS=slurm")
        program = request.command[0]
        if not executable(program):
            usage_error(f"{program}: command not found")
        most = min(request.max_jobs or cores(), len(self.jobs))
        if request.mem:
            most = max(1, min(most, available_memory() // request.mem))
        self.gpus: list[list[str]] = []
        if request.gpu:
            devices = visible_gpus()
            groups = len(devices) // request.gpu
            if not groups:
                usage_error(f"--gpu {request.gpu}: this machine has {len(devices)} to use; ask for fewer, 0 for the CPU")
            most = min(most, groups)
            self.gpus = [devices[slot * request.gpu : (slot + 1) * request.gpu] for slot in range(most)]
        self.free = list(range(most))
        self.environment = {"PYTHONUNBUFFERED": "1", **os.environ}
        if "OMP_NUM_THREADS" not in os.environ:
            self.environment["OMP_NUM_THREADS"] = str(max(1, cores() // most))
        if request.gpu == 0:
            self.environment["CUDA_VISIBLE_DEVICES"] = ""
        self.running: list[Job] = []
        self.outcomes: dict[int, Outcome] = {}
        self.said: set[str] = set()
        self.signals: list[int] = []
        self.launcher = os.getppid() if os.environ.get("CYASR_RUN") == str(os.getppid()) else 0

    def run(self) -> list[Outcome]:
        """Run all jobs to their end. Ends the process with 130 where a signal asks for it."""
        self.wakeup, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays obeyed
                signal.signal(number, lambda number, _: self.signals.append(number))
        watcher, self.watch = start_watcher()
        progress = Progress(len(self.jobs))
        waiting = deque(self.jobs)
        while (waiting or self.running) and not self.signals:
            while waiting and self.free:
                self.start(waiting.popleft())
            self.wait(0.25 if self.launcher else 1.0)
            for job in [job for job in self.running if has_ended(job.pid)]:
                if self.end(job) not in {0, BAD_USAGE} and job.attempt <= self.retries:
                    waiting.append(job)
                else:
                    progress.clear()
                    self.tell(job)
            progress.show(self.running, len(self.jobs) - len(self.running) - len(waiting))
        progress.clear()
        if self.signals:
            self.terminate()
        os.close(self.watch)
        os.waitpid(watcher, 0)
        if self.signals:
            print(f"run_job: interrupted, log: {self.jobs[0].log}; run again to go on", file=sys.stderr)
            sys.exit(INTERRUPTED)
        return [self.outcomes[job.index] for job in self.jobs]

    def start(self, job: Job) -> None:
        """Fork the job into a session of its own, so that signals reach all it starts and only that."""
        job.attempt += 1
        job.slot = self.free.pop(0)
        job.began = time.monotonic()
        environment = dict(self.environment)
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self.gpus[job.slot])
        job.log.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        job.start = os.lseek(log, 0, os.SEEK_END)
        job.output = job.start + os.write(log, header(job, environment, self.retries).encode())
        sys.stdout.flush()
        job.pid = os.fork()
        if job.pid == 0:
            try:
                os.setsid()
                os.write(self.watch, f"+{os.getpid()}\n".encode())
                for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_DFL)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(log, 1)
                os.dup2(log, 2)
                os.execvpe(job.command[0], job.command, environment)
            except OSError as error:
                os.write(2, f"run_job: {job.command[0]}: {error.strerror}\n".encode())
            finally:
                os._exit(127)
        os.close(log)
        self.running.append(job)

    def wait(self, seconds: float) -> None:
        """Sleep until a child ends, a signal comes or the time is over."""
        if select.select([self.wakeup], [], [], seconds)[0]:
            os.read(self.wakeup, 4096)
        if self.launcher and os.getppid() != self.launcher:
            self.signals.append(signal.SIGTERM)

    def end(self, job: Job) -> int:
        """Take in a job that has ended, and whatever it left running; returns its status as a shell counts it."""
        status = os.waitstatus_to_exitcode(os.waitpid(job.pid, 0)[1])
        status = 128 - status if status < 0 else status
        deadline = time.monotonic() + LEFTOVER_GRACE
        while group_lives(job.pid):
            if time.monotonic() > deadline:
                send(job.pid, signal.SIGKILL)
                break
            time.sleep(0.01)
        os.write(self.watch, f"-{job.pid}\n".encode())
        self.running.remove(job)
        self.free.append(job.slot)
        lines = job.lines()
        last = lines[-1] if lines else ""
        self.outcomes[job.index] = Outcome(job.log, status, last)
        if status == 0 and job.start > 0 and last.endswith(" is up to date"):
            os.truncate(job.log, job.start)
        else:
            seconds = time.monotonic() - job.began
            with job.log.open("a", encoding="utf-8") as log:
                log.write(f"# ended {now()}, status {status}, {seconds:.1f} seconds\n")
        return status

    def tell(self, job: Job) -> None:
        """Print what a finished job said of note: of one job its last line, of an array what is not yet said."""
        outcome = self.outcomes[job.index]
        if outcome.status:
            return
        lines = [line for line in job.lines(head=65536)[:-1] if TELLING.search(line)]
        if len(self.jobs) == 1 or TELLING.search(outcome.last_line):
            lines.append(outcome.last_line)
        for line in lines:
            if line and line not in self.said:
                self.said.add(line)
                print(line, flush=True)

    def terminate(self) -> None:
        """SIGTERM to all that runs, SIGKILL after the grace or at the second Ctrl-C."""
        groups = [job.pid for job in self.running]
        asked = len(self.signals)
        for group in groups:
            send(group, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and len(self.signals) == asked:
            if all(has_ended(group) and not group_lives(group, besides=group) for group in groups):
                break
            time.sleep(0.02)
        for group in groups:
            send(group, signal.SIGKILL)
        for job in list(self.running):
            self.end(job)


class Progress:
    """The latest line of a running job: refreshed in place on a terminal, now and then elsewhere."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.terminal = sys.stdout.isatty()
        self.shown = ""
        self.due = time.monotonic() + REPORT_EVERY

    def show(self, running: list[Job], done: int) -> None:
        if not running or (not self.terminal and time.monotonic() < self.due):
            return
        job = max(running, key=lambda job: job.log.stat().st_mtime_ns)
        line = (job.lines() or [""])[-1]
        if self.total > 1:
            line = f"{done}/{self.total} done; {job.index}: {line}"
        if self.terminal:
            print(f"\r\033[2K{line[: os.get_terminal_size().columns - 1]}", end="", flush=True)
        elif line and line != self.shown:
            print(f"  {line}", flush=True)
        self.shown = line
        self.due = time.monotonic() + REPORT_EVERY

    def clear(self) -> None:
        if self.terminal and self.shown:
            print("\r\033[2K", end="", flush=True)
            self.shown = ""


def header(job: Job, environment: dict[str, str], retries: int) -> str:
    """The log's first lines; the first is a command that does the same by hand, from anywhere."""
    settings = [f"{name}={quoted(environment[name])}" for name in SHOWN if name in environment]
    words = [quoted(word) for word in [executable(job.command[0]), *job.command[1:]]]
    command = " ".join(["cd", quoted(os.getcwd()), "&&", *settings, *words])
    attempts = f"attempt {job.attempt} of {retries + 1}"
    return f"# {command}\n# host {os.uname().nodename}, {cores()} cores\n# {attempts}\n# started {now()}\n"


def quoted(word: str) -> str:
    """`word` for a shell, on one line whatever it holds."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(c if c.isprintable() and c not in "\\'" else f"\\U{ord(c):08x}" for c in word) + "'"


def now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S%z")
