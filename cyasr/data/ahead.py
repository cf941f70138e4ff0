"""An iterator at work in a process of its own, so that two cores share what one of them would do in turn."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from cyasr.process import die_with_parent

T = TypeVar("T")
R = TypeVar("R")
FEW_CYCLES = 50_000  # allocations between two searches for garbage in cycles, of which streams make next to none
BATCH = 256  # items that pass at once
PATIENCE = 0.5  # seconds after which fewer do


class Ahead(Generic[T, R]):
    """Iterates over the items of a generator, which a forked process works off; to be made before threads are.

    Items are pickled. What the generator raises is raised here, with its traceback as a note; what it returns is
    `returned` at the end. The process dies with this one, and when the iteration is given up.
    """

    returned: R

    def __init__(self, items: Generator[T, None, R]) -> None:
        context = get_context("fork")
        gc.set_threshold(FEW_CYCLES, 100)
        self._reader, writer = context.Pipe(duplex=False)
        self._process = context.Process(target=_work_off, args=(items, writer, os.getpid()), daemon=True)
        self._process.start()
        writer.close()

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                items, error, ended, returned = pickle.loads(self._reader.recv_bytes())
                yield from items
                if error:
                    raise error
                if ended:
                    self.returned = returned
                    self._process.join()  # what it printed comes first
                    return
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a process at work for this one was ended (status {self._process.exitcode})") from None
        finally:
            self._process.kill()
            self._process.join()
            self._reader.close()


def _work_off(items: Generator[Any, None, Any], writer: Connection, parent: int) -> None:
    die_with_parent()
    if os.getppid() != parent:  # it was ended before that took hold
        os._exit(1)
    gc.set_threshold(FEW_CYCLES, 100)
    batch: list[Any] = []
    sent = time.monotonic()
    error: BaseException | None = None
    returned = None
    try:
        while True:
            try:
                batch.append(next(items))
            except StopIteration as end:
                returned = end.value
                break
            if len(batch) >= BATCH or time.monotonic() - sent > PATIENCE:
                writer.send_bytes(pickle.dumps((batch, None, False, None), pickle.HIGHEST_PROTOCOL))
                batch, sent = [], time.monotonic()
    except BrokenPipeError:  # nobody listens any more
        return
    except BaseException as raised:
        raised.add_note(traceback.format_exc())
        error = raised
    sys.stdout.flush()
    with suppress(BrokenPipeError):
        writer.send_bytes(pickle.dumps((batch, error, True, returned), pickle.HIGHEST_PROTOCOL))
