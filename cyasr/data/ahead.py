"""An iterator at work in a process of its own, so that two cores share what one of them would do in turn."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T")
R = TypeVar("R")
BATCH = 256  # items that pass at once
PATIENCE = 0.5  # seconds after which fewer do
FEW_CYCLES = 50_000  # allocations between two searches for garbage in cycles, of which streams make next to none
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Ahead(Generic[T, R]):
    """Iterates over the items of a generator, which a forked process works off; to be made before threads are.

    Items are pickled. What the generator raises is raised here, with its traceback as a note; what it returns is
    `returned` at the end. The process ends with this one, and when the iteration is given up.
    """

    returned: R

    def __init__(self, items: Generator[T, None, R]) -> None:
        gc.set_threshold(FEW_CYCLES, 100)
        reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        self._process = os.fork()
        if not self._process:
            os.close(reader)
            _work_off(items, Connection(writer, readable=False), parent)
        os.close(writer)
        self._reader = Connection(reader, writable=False)

    def __iter__(self) -> Iterator[T]:
        try:
            while True:
                items, error, ended, returned = pickle.loads(self._reader.recv_bytes())
                yield from items
                if error:
                    raise error
                if ended:
                    self.returned = returned
                    return
        except EOFError:
            raise RuntimeError("a process at work for this one was ended before it was done") from None
        finally:
            self._reader.close()
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)


def _work_off(items: Generator[Any, None, Any], writer: Connection, parent: int) -> NoReturn:
    try:
        _die_with(parent)
        _send(items, writer)
    except BrokenPipeError:  # nobody listens any more
        pass
    except BaseException:  # what could not be sent
        traceback.print_exc()
    finally:
        os._exit(0)


def _send(items: Generator[Any, None, Any], writer: Connection) -> None:
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
    except BrokenPipeError:
        raise
    except BaseException as raised:
        raised.add_note(traceback.format_exc())
        error = raised
    sys.stdout.flush()  # what it printed comes before what is made of it
    writer.send_bytes(pickle.dumps((batch, error, True, returned), pickle.HIGHEST_PROTOCOL))


def _die_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, however that happens; other systems notice at the next batch."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
