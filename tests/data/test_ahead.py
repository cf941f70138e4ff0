"""What another process yields, raises and returns arrives here as if it had been made here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from cyasr.cli import UsageError
from cyasr.data.ahead import BATCH, Ahead


def test_items_come_in_order_from_another_process_with_what_is_returned() -> None:
    def numbers() -> Iterator[tuple[int, int]]:
        for number in range(3 * BATCH + 1):
            yield number, os.getpid()
        return "done"

    ahead = Ahead(numbers())
    items = list(ahead)
    assert [number for number, _ in items] == list(range(3 * BATCH + 1)) and ahead.returned == "done"
    assert {process for _, process in items} == {items[0][1]} != {os.getpid()}


def test_an_error_comes_after_the_items_before_it_as_the_line_it_was() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise UsageError("table.tsv:7: no such column")

    seen = []
    with pytest.raises(UsageError, match=r"table\.tsv:7: no such column") as caught:
        for item in Ahead(failing()):
            seen.append(item)
    assert seen == [1] and "in failing" in caught.value.__notes__[0]


def test_a_slow_generator_is_heard_of_before_a_batch_is_full() -> None:
    def slow() -> Iterator[int]:
        for number in range(3):
            yield number
            time.sleep(0.6)
        time.sleep(60)

    assert list(islice(Ahead(slow()), 2)) == [0, 1]


def test_a_process_that_is_killed_is_an_error_and_not_an_end() -> None:
    def dying() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), 9)

    with pytest.raises(RuntimeError, match="was ended"):
        list(Ahead(dying()))


def test_giving_up_ends_the_process() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield os.getpid()

    items = iter(Ahead(endless()))
    process = next(items)
    items.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
