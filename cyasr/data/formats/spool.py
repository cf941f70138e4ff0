"""Order for streams that do not fit into memory: utterances pass over the disk, a few bytes of each are held."""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from cyasr.data.audiofile import AudioError, read_header
from cyasr.data.leaks import SENTENCE_WORDS
from cyasr.data.seen import hash64
from cyasr.data.utterance import Reject, Utterance

OVERSHOOT = 0.25  # seconds by which a table's last segment may exceed its audio; more is no rounding


@contextmanager
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    """A database on disk that is gone afterwards; its order of texts is that of their bytes, as LC_ALL=C sorts."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.NamedTemporaryFile(dir=folder, prefix=".spool-", suffix=".tmp") as file,
        closing(sqlite3.connect(file.name, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        yield connection


def in_a_row(items: Iterable[Utterance | Reject], folder: Path) -> Iterator[Utterance | Reject]:
    """`items`; those that are a part of their file come last, file by file in the order of their starts.

    An end that exceeds its audio by OVERSHOOT at most becomes the end of the audio.
    """
    with database(folder) as spool:
        spool.execute("CREATE TABLE files (path BLOB PRIMARY KEY, number INTEGER)")
        spool.execute("CREATE TABLE parts (file INTEGER, start REAL, item BLOB)")
        numbers: dict[str, int] = {}  # of the file before alone
        for item in items:
            if isinstance(item, Reject) or item.audio is None or (item.start == 0 and item.end is None):
                yield item
                continue
            path = str(item.audio)
            if path not in numbers:
                key = path.encode("utf-8", "surrogateescape")
                spool.execute("INSERT OR IGNORE INTO files VALUES (?, (SELECT COUNT(*) FROM files))", (key,))
                numbers = {path: spool.execute("SELECT rowid FROM files WHERE path = ?", (key,)).fetchone()[0]}
            spool.execute("INSERT INTO parts VALUES (?, ?, ?)", (numbers[path], item.start, pickle.dumps(item)))
        spool.execute("CREATE INDEX file_start ON parts (file, start)")
        before, length = None, None
        for (blob,) in spool.execute("SELECT item FROM parts ORDER BY file, start, rowid"):
            utterance: Utterance = pickle.loads(blob)
            assert utterance.audio
            if utterance.audio != before:
                before, length = utterance.audio, _length(utterance.audio)
            if length and utterance.end and length < utterance.end <= length + OVERSHOOT and utterance.start < length:
                utterance = replace(utterance, end=length)
            yield utterance


def drawn(
    items: Iterable[Utterance | Reject], shares: Mapping[str, float], seed: int, folder: Path
) -> Iterator[Utterance | Reject]:
    """`items` with dev and test drawn, in these shares of files, from what is in neither; the rest is train.

    Files that say the same sentence (of SENTENCE_WORDS at least) are drawn together. The draw depends on names and
    texts alone: a file that joins the corpus moves few others.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keys = array("Q")
    with tempfile.TemporaryFile(dir=folder, prefix=".draw-", suffix=".tmp") as spool:
        for item in items:
            pickle.dump(item, spool)
            if isinstance(item, Utterance) and item.split in (None, "train"):
                keys.append(_key(item, seed))
        limits = _limits(keys, shares)
        spool.seek(0)
        for item in _unpickled(spool):
            if isinstance(item, Utterance) and item.split in (None, "train"):
                key = _key(item, seed)
                item = replace(item, split=next((split for split, limit in limits.items() if key <= limit), "train"))
            yield item


def _limits(keys: array[int], shares: Mapping[str, float]) -> dict[str, int]:
    """split -> highest key that falls into it, at least one key each; asked in this order."""
    import numpy as np

    different = np.unique(np.frombuffer(keys, dtype=np.uint64)) if keys else np.empty(0, np.uint64)
    limits, taken = {}, 0
    for split, share in shares.items():
        taken += max(1, round(share * len(different)))
        if taken < len(different):
            limits[split] = int(different[taken - 1])
    return limits


def _key(item: Utterance, seed: int) -> int:
    whole = item.start == 0 and item.end is None
    words = item.text.split()
    what = " ".join(words).casefold() if whole and len(words) >= SENTENCE_WORDS else str(item.audio)
    return hash64(f"{seed} {what}")


def _unpickled(spool: IO[bytes]) -> Iterator[Utterance | Reject]:
    while True:
        try:
            yield pickle.load(spool)
        except EOFError:
            return


def _length(audio: Path) -> float | None:
    try:
        header = read_header(audio)
    except AudioError:
        return None
    return header.frames / header.rate
