"""One utterance as any side of a scoring has it, and the files it is read from, line by line."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cyasr.cli import RunError, UsageError
from cyasr.score.markup import Piece

CHECKED = 4096  # utterances between two looks for repeated ids
BOM = "\ufeff"


@dataclass(slots=True)
class Word:
    """times: seconds from the start of the recording."""

    text: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(slots=True)
class Utterance:
    """text: as written; pieces: the same with its alternatives and optional words, where the format has such.

    hyps: an n-best list's texts, best first (text is the first of them); None where there is one text only.
    """

    id: str
    text: str
    where: str = ""  # file:line, for messages
    speaker: str | None = None
    dialect: str | None = None
    domain: str | None = None
    corpus: str | None = None
    label: str | None = None
    duration: float | None = None  # seconds
    pieces: tuple[Piece, ...] | None = None
    hyps: list[str] | None = None
    words: list[Word] | None = None  # with their times, first readings only
    timed: list[tuple[float, Piece]] | None = None  # the middle of each word or alternation, in seconds
    recording: str | None = None
    channel: str | None = None
    begin: float | None = None  # seconds into the recording
    ignored: bool = False  # a stretch of time in which nothing is scored
    decode_seconds: float = 0.0
    audio_seconds: float = 0.0
    labels: str | None = None  # of an stm


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of a UTF-8 file, gzipped where its name ends in .gz.

    Lines end at LF or CRLF and nowhere else; a byte-order mark at the start is skipped. Raises UsageError for a
    missing file, RunError for other bytes than UTF-8 and a damaged .gz, both naming the line.
    """
    number = 0
    try:
        with _bytes(path) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if number == 1:
                    line = line.removeprefix(BOM)
                yield number, line.removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory; name the file in it") from None
    except PermissionError:
        raise UsageError(f"{path} may not be read") from None
    except UnicodeDecodeError:
        hint = "if it is older Greek text: iconv -f ISO-8859-7 -t UTF-8"
        raise RunError(f"{path}:{_bad_byte(path)} is not UTF-8; {hint}") from None
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise RunError(f"{path}:{number + 1}: damaged ({error})") from None


def _bytes(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")  # type: ignore[return-value]


def _bad_byte(path: Path) -> str:
    """`line: byte and column` of the first that is not UTF-8; lines are decoded many at once, so it is looked for anew."""
    with _bytes(path) as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return f"{number}: byte 0x{line[error.start]:02x} at column {error.start + 1}"
    return "1: a byte"


def without_repeats(
    utterances: Iterable[Utterance], what: str = "utterance", then: str = "ids have to be unique"
) -> Iterator[Utterance]:
    """The same utterances; raises RunError at the first id that was there before. Holds eight bytes an utterance."""
    import numpy as np

    runs: list[np.ndarray] = []  # sorted hashes of the ids so far, each run at least twice as long as the next
    chunk: list[Utterance] = []

    def check() -> None:
        hashes = np.fromiter((hash(one.id) for one in chunk), np.int64, len(chunk))
        order = np.argsort(hashes, kind="stable")
        ranked = hashes[order]
        repeated = set(order[1:][ranked[1:] == ranked[:-1]].tolist())
        for run in runs:
            found = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            repeated.update(np.flatnonzero(run[found] == hashes).tolist())
        if repeated:
            first = chunk[min(repeated)]
            raise RunError(f"{first.where}: {what} {first.id} stands twice; {then}")
        runs.append(ranked)
        while len(runs) > 1 and len(runs[-2]) < 2 * len(runs[-1]):
            last = runs.pop()
            runs[-1] = np.sort(np.concatenate([runs[-1], last]))

    for one in utterances:
        chunk.append(one)
        if len(chunk) == CHECKED:
            check()
            yield from chunk
            chunk.clear()
    check()
    yield from chunk
