"""The command line of run_job.py, read and checked."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

BAD_USAGE = 2
INTERRUPTED = 130


@dataclass
class Request:
    """What the command line asks for. Memory in bytes; `gpu` is None where nothing was said about GPUs."""

    backend: str = "local"
    max_jobs: int = 0
    retries: int = 1
    gpu: int | None = None
    nodes: int = 1
    mem: int = 0
    array: str = ""
    indices: range = field(default_factory=lambda: range(1, 2))
    log: str = ""
    command: list[str] = field(default_factory=list)

    def log_of(self, index: int) -> Path:
        return Path(self._numbered(self.log, index))

    def command_of(self, index: int) -> list[str]:
        return [self._numbered(word, index) for word in self.command]

    def _numbered(self, text: str, index: int) -> str:
        return text.replace(self.array, str(index)) if self.array else text


def parse(words: list[str], manual: str) -> Request:
    """Read the command line; a mistake in it ends the process with one line and status 2, --help with `manual`."""
    request = Request()
    numbers: dict[str, Callable[[str, str], int]] = {
        "max-jobs": at_least(1),
        "retries": at_least(0),
        "gpu": at_least(0),
        "nodes": at_least(1),
        "mem": size,
    }
    words = list(words)
    while words and (words[0].startswith("-") or re.fullmatch(r"[A-Za-z_]\w*=\d+(:\d+)?", words[0])):
        word = words.pop(0)
        if word in {"-h", "--help"}:
            print(manual)
            sys.exit(0)
        if not word.startswith("-"):
            request.array, _, bounds = word.partition("=")
            first, _, last = bounds.partition(":")
            request.indices = range(int(first), int(last or first) + 1)
            if not request.indices:
                usage_error(f"{word}: an array counts upwards, from 1 to 4 as {request.array}=1:4")
            continue
        name, equals, value = word.removeprefix("--").partition("=")
        if name not in {*numbers, "backend"}:
            usage_error(f"unknown option {word}{nearest(name, [*numbers, 'backend'])}")
        if not equals:
            if not words:
                usage_error(f"--{name} needs a value")
            value = words.pop(0)
        if name == "backend":
            if value not in {"local", "slurm"}:
                usage_error(f"--backend {value}: jobs run on local or slurm")
            request.backend = value
        else:
            setattr(request, name.replace("-", "_"), numbers[name](f"--{name}", value))
    if len(words) < 2:
        usage_error("usage: run_job.py [--gpu N] [--nodes K] [--mem M] [JOB=1:N] LOG COMMAND...")
    request.log, request.command = words[0], words[1:]
    if len(request.indices) > 1 and request.array not in request.log:
        usage_error(f"{request.log}: {len(request.indices)} jobs need a log each; put {request.array} into its name")
    return request


def at_least(least: int) -> Callable[[str, str], int]:
    def number(option: str, value: str) -> int:
        if not value.isdecimal() or int(value) < least:
            usage_error(f"{option} {value}: expected a whole number from {least} up")
        return int(value)

    return number


def size(option: str, value: str) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)B?", value.upper())
    if not match:
        usage_error(f"{option} {value}: expected a size like 500M or 4G")
    return int(match[1]) << 10 * " KMGT".index(match[2] or " ")


def nearest(word: str, valid: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.3)
    return f"; did you mean --{close[0]}?" if close else ""


def usage_error(message: str) -> NoReturn:
    print(f"run_job: {message}", file=sys.stderr)
    sys.exit(BAD_USAGE)
