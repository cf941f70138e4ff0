"""One run at a time in an experiment directory."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from pathlib import Path
from types import TracebackType

from cyasr.cli import RunError, UsageError


class Lock:
    """A POSIX record lock on `<directory>/.lock`: gone with the process, never inherited by its children.

    Raises UsageError on entry where another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / ".lock"
        self._token = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(8)}\n"

    def __enter__(self) -> Lock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(self._file, 200, 0).decode().split()
            os.close(self._file)
            where = f"process {owner[1]} on {owner[0]}" if len(owner) > 1 else "another process"
            raise UsageError(f"{self.path.parent} is in use by {where}; wait for it or end it") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, self._token.encode(), 0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._file)

    def check(self) -> None:
        """Raise RunError where the directory was moved away or taken over: then nothing may be published in it."""
        try:
            # Opening the lock's own file and closing it would drop the lock, so compare the inodes first.
            ours = os.fstat(self._file).st_ino == os.stat(self.path).st_ino
            ours = ours and os.pread(self._file, 200, 0).decode() == self._token
        except FileNotFoundError:
            ours = False
        if not ours:
            raise RunError(f"{self.path.parent} was moved or taken over by another run; nothing more is written there")
