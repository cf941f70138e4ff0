"""Process groups that end when they should: asked first, then killed, and never left behind."""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import time

GRACE = 10.0  # seconds between SIGTERM and SIGKILL


def start_watcher() -> tuple[int, int]:
    """Fork a process that ends all jobs if this one dies without doing so (kill -9, out of memory).

    Returns its pid and the pipe on which jobs are announced: `+pid` as one starts, `-pid` as it has ended.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(read)
        return pid, write
    os.setsid()
    os.close(write)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    groups: set[int] = set()
    with os.fdopen(read) as announcements:
        for line in announcements:
            (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(group_lives(group) for group in groups):
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)
    os._exit(0)


def send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def has_ended(pid: int) -> bool:
    """Has this child ended? It stays to be waited for, so that its number is not given away."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def group_lives(group: int, besides: int = 0) -> bool:
    """Does any process of the group, other than `besides`, still run? (A dead one not waited for does not.)"""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    for stat in glob.iglob("/proc/[0-9]*/stat"):
        try:
            with open(stat, encoding="utf-8", errors="replace") as file:
                state, _, member_of = file.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(member_of) == group and state not in "ZX" and stat != f"/proc/{besides}/stat":
            return True
    return False
