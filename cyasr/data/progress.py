"""Signs of life on long work: a line that counts on a terminal, a plain line every few seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], what: str, total: int | None = None, every: float = 2.0) -> Iterator[T]:
    """Yield `items`, saying on standard error at most once in `every` seconds how many have passed."""
    terminal = sys.stderr.isatty()
    start = said = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - said >= every:
            said = now
            share = f" of {total} ({100 * count / total:.0f} %)" if total and count <= total else ""
            line = f"{what}: {count}{share}, {count / (now - start):.0f} a second"
            print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
    if terminal and said > start:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
