"""Texts in whatever encoding their tools write: Praat UTF-16, Windows with a byte order mark or in a code page."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyasr.cli import UsageError
from cyasr.data import tables
from cyasr.data.utterance import Reject

BOMS = (  # UTF-32's little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LARGEST = 1 << 26  # bytes of a transcript that is read at once


class TextError(Exception):
    """One line on what is wrong with a text."""


def read_text(path: Path, encoding: str | None = None) -> str:
    """All of a transcript, line ends as \\n. Raises TextError: unreadable, too large, or not in its encoding."""
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise TextError(f"unreadable transcript: {error.strerror}: {path.name}") from None
    if len(data) > LARGEST:
        raise TextError(f"unreadable transcript: {path.name} is larger than {LARGEST >> 20} MB")
    return decode(data, encoding, path.name).replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes, encoding: str | None = None, name: str = "") -> str:
    """Text of `data`: a byte order mark counts first, then `encoding`, then UTF-8 (UTF-16 where every other byte is 0)."""
    chosen = mark(data) or encoding or unmarked(data) or "utf-8"
    try:
        return data.decode(chosen)
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} of {name} is 0x{data[error.start]:02x}" if name else f"byte {error.start}"
        hint = "" if encoding else "; if it is in another encoding, as cp1253, name it in the conf's options: encoding"
        raise TextError(f"not {chosen.upper().removesuffix('-SIG')}: {byte}{hint}") from None


def mark(data: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of `data` names."""
    return next((encoding for bom, encoding in BOMS if data.startswith(bom)), None)


def unmarked(data: bytes) -> str | None:
    """UTF-16 without a byte order mark, told by its zero bytes (spaces and digits have one)."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 20 < len(head) or min(even, odd) * 10 > max(even, odd):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def read_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[str, str] | Reject]:
    """As `cyasr.data.tables.read_lines`, in any encoding. Raises UsageError where UTF-16 breaks off."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist; is --corpus-dir the right folder?")
    with open(path, "rb") as file:
        head = file.read(4096)
    chosen = mark(head) or encoding or unmarked(head) or "utf-8"
    if chosen in {"utf-8", "utf-8-sig"}:
        yield from tables.read_lines(path)
        return
    number = 0
    try:
        with open(path, encoding=chosen) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}:{number}", line.removeprefix("\ufeff").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}:{number + 1}: not {chosen.upper()} ({error.reason}); see options: encoding") from None


def read_objects(path: Path, encoding: str | None = None) -> Iterator[tuple[str, dict[str, Any]] | Reject]:
    """("file:line", object) of every line of a JSON-lines file; a Reject where a line is no object."""
    for line in read_lines(path, encoding):
        if isinstance(line, Reject):
            yield line
            continue
        where, text = line
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            yield Reject("", where, f"no valid JSON: {error}")
            continue
        yield (where, row) if isinstance(row, dict) else Reject("", where, "no valid row: not an object {…}")
