"""Files that are whole or absent: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any, cast

import orjson

from cyasr.cli import RunError, UsageError

WAITING = 64  # blocks of some 8 KB on their way to be packed
ABANDONED = 3600.0  # seconds since the last write to a temporary file after which its writer is taken to have been killed


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success sync it and rename it over `path`.

    On any exception the temporary file is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - ABANDONED:
                left.unlink()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as f:
            os.fsync(f.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Raises UsageError, naming the file, where it is missing or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist") from None
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from None


@contextmanager
def writing_gz(path: Path) -> Iterator[IO[str]]:
    """Text into `path`, gzipped without a time stamp: the same text gives the same bytes. A thread does the packing."""
    with (
        replacing(path) as temporary,
        open(temporary, "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed,
        _Behind(packed) as behind,
        io.TextIOWrapper(cast("IO[bytes]", behind), encoding="utf-8") as out,
    ):
        yield out


class _Behind(io.BufferedIOBase):
    """Writes into `target` from a thread of its own; what goes wrong there is raised by the next write or at the end.

    Blocks stay as they come, and a flush is one: zlib's bytes depend on both.
    """

    def __init__(self, target: gzip.GzipFile) -> None:
        self._target = target
        self._blocks: Queue[bytes | None] = Queue(WAITING)  # b"": flush; None: that was all
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        if self._error:
            raise self._error
        self._blocks.put(bytes(block))
        return len(block)

    def flush(self) -> None:
        if self._thread.is_alive():
            self._blocks.put(b"")

    def close(self) -> None:
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()
        super().close()
        if self._error:
            raise self._error

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            try:
                if not self._error:
                    self._target.write(block) if block else self._target.flush()
            except Exception as error:  # of whatever kind: the writer should see it
                self._error = error


def write_jsonl_gz(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Stream `rows` to a gzipped JSON-lines file; return how many there were."""
    count = 0
    with writing_gz(path) as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_jsonl_gz(path: Path) -> Iterator[dict[str, Any]]:
    """Stream a gzipped JSON-lines file.

    Raises UsageError where the file is missing and RunError, naming the line, where it is damaged.
    """
    return (from_json(line, path, number) for number, line in enumerate(read_lines_gz(path), 1))


def read_lines_gz(path: Path) -> Iterator[bytes]:
    """The same, its lines unread."""
    number = 0  # lines read whole
    try:
        with gzip.open(path) as lines:
            for line in lines:
                yield line
                number += 1
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; run the stage that makes it") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, number + 1, error) from None


def from_json(line: bytes, path: Path, number: int) -> Any:
    """What line `number` of `path` says. Raises RunError where it is damaged."""
    try:
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError:
            return json.loads(line)  # NaN and infinities
    except ValueError as error:
        raise _damaged(path, number, error) from None


def _damaged(path: Path, number: int, error: Exception) -> RunError:
    return RunError(f"{path}:{number}: damaged ({error}); delete it and run its stage again")


def sha256(path: Path) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
