"""What a process asks of the system it runs on."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def ahead(pool: Executor, work: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[R]:
    """`work` of each item, in order, with at most `count` begun that nobody has asked for yet."""
    source = iter(items)
    waiting: deque[Future[R]] = deque(pool.submit(work, item) for item in islice(source, count))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(pool.submit(work, item) for item in islice(source, 1))


@contextlib.contextmanager
def without_cycles() -> Iterator[None]:
    """Do without the search for reference cycles, which takes half the time where many objects are made and none has any."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def keep_freed_memory() -> None:
    """Let malloc keep what is freed for the next operation (glibc only; without effect elsewhere).

    By default glibc maps every block above 32 MB afresh and the kernel zeroes it page by page: 30 ms for an activation
    of 80 MB, several times what computing it takes. Peak memory stays what it was.
    """
    trim_threshold, mmap_max = -1, -4  # of malloc.h
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)


def die_with_parent() -> None:
    """End this process with the one that started it, also when that one is killed (Linux only)."""
    set_parent_death_signal = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def peak_memory_mb() -> float:
    """This process's largest resident set, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
