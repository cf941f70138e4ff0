"""Copies of audio files that libsndfile would read wrongly: the same bytes behind a header that says how long they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cyasr.data.headers import Header, read_header
from cyasr.data.seen import hash64


class Mended:
    """Copies of one corpus's files, in `folder`; those of an earlier run go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        shutil.rmtree(folder, ignore_errors=True)

    def open(self, path: str) -> tuple[Header, str]:
        """A file's header, and where to read the file: mostly from `path`. Raises AudioError."""
        header = read_header(path)
        if not header.mend:
            return header, path
        copy = self.folder / f"{hash64(path):016x}{os.path.splitext(path)[1]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(path, "rb") as old, open(copy, "wb") as new:
            new.write(header.mend.head)
            old.seek(header.mend.start)
            left = header.mend.end - header.mend.start
            while left and (block := old.read(min(left, 1 << 20))):
                new.write(block)
                left -= len(block)
        self.count += 1
        return header, str(copy)
