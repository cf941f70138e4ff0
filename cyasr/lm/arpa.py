"""ARPA files, plain or gzipped: base-10 logs in text, one section an order."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import UsageError
from cyasr.files import writing_gz
from cyasr.lm.counts import BOS, SPECIALS, Keys, find_sorted, pack, unpack
from cyasr.lm.ngram import NO_LOG_PROB, NgramLM

LN10 = float(np.log(10.0))
LINES = 1 << 16  # written together


def write_arpa(lm: NgramLM, path: Path) -> None:
    """Write `lm`, gzipped, with as many digits as bring the same float32 back."""
    counts = lm.counts()
    with writing_gz(path) as out:
        out.write("\\data\\\n" + "".join(f"ngram {n}={count}\n" for n, count in enumerate(counts, 1)))
        first = 1
        for n, count in enumerate(counts, 1):
            out.write(f"\n\\{n}-grams:\n")
            for start in range(first, first + count, LINES):
                out.write(_lines(lm, np.arange(start, min(start + LINES, first + count)), n))
            first += count
        out.write("\n\\end\\\n")


def _lines(lm: NgramLM, numbers: NDArray[np.int64], n: int) -> str:
    columns: list[list[str]] = []
    at = numbers
    for _ in range(n):
        at, tokens = unpack(lm.keys[at - 1])
        columns.append([lm.vocab[token] for token in tokens.tolist()])
    words = map(" ".join, zip(*reversed(columns), strict=True))
    probs = (lm.log_prob[numbers - 1].astype(np.float64) / LN10).tolist()
    if n == lm.order:
        return "".join([f"{prob:.9g}\t{word}\n" for prob, word in zip(probs, words, strict=True)])
    backoffs = (lm.backoff[numbers].astype(np.float64) / LN10).tolist()
    return "".join([f"{prob:.9g}\t{word}\t{off:.9g}\n" for prob, word, off in zip(probs, words, backoffs, strict=True)])


def read_arpa(path: Path) -> NgramLM:
    """Read an ARPA file of any tool.

    Raises UsageError, naming file and line, where a section is missing or does not hold what \\data\\ announces, where a
    line cannot be read, an n-gram stands twice or its first n - 1 tokens are not listed. A missing <unk> gets -99.
    """
    lines = _Lines(path)
    counts = _header(lines)
    vocab, ids = list(SPECIALS), {token: i for i, token in enumerate(SPECIALS)}
    probs, backoffs = _unigrams(lines, counts[0], vocab, ids, len(counts) > 1)
    levels = [np.arange(len(vocab), dtype=np.uint64)]
    all_probs, all_backoffs = [probs], [backoffs]
    first = 1
    for n, count in enumerate(counts[1:], 2):
        keys, probs, backoffs = _section(lines, n, count, ids, levels, first, n < len(counts))
        levels.append(keys)
        all_probs.append(probs)
        all_backoffs.append(backoffs)
        first += len(levels[-2])
    lines.expect("\\end\\")
    order = len(counts)
    states = [np.zeros(1, np.float32), *all_backoffs[: order - 1]]
    return NgramLM(vocab, order, np.concatenate(levels), np.concatenate(all_probs), np.concatenate(states))


class _Lines:
    """The file's lines with their numbers, empty ones left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self._lines = self._read()

    def _read(self) -> Iterator[str]:
        try:
            with gzip.open(self.path, "rb") if self.path.suffix == ".gz" else open(self.path, "rb") as raw:
                for line in raw:
                    self.number += 1
                    if text := line.decode("utf-8").strip(" \t\r\n"):
                        yield text
        except FileNotFoundError:
            raise UsageError(f"{self.path} does not exist; run stage 4") from None
        except UnicodeDecodeError as error:
            raise UsageError(f"{self.path}:{self.number}: not UTF-8 at byte {error.start} of the line") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UsageError(f"{self.path}:{self.number + 1}: damaged gzip ({error}); make it again") from None

    def next(self, expected: str) -> str:
        line = next(self._lines, None)
        if line is None:
            raise UsageError(f"{self.path}:{self.number}: ends where {expected} should come; the file is cut short")
        return line

    def expect(self, section: str) -> None:
        line = self.next(section)
        if line != section:
            raise self.wrong(f"expected {section}, found {line!r}")

    def wrong(self, what: str) -> UsageError:
        return UsageError(f"{self.path}:{self.number}: {what}")


def _header(lines: _Lines) -> list[int]:
    while lines.next("\\data\\") != "\\data\\":
        pass
    counts: list[int] = []
    while True:
        line = lines.next("ngram counts")
        match = re.fullmatch(r"ngram\s+(\d+)\s*=\s*(\d+)", line)
        if match is None:
            break
        if int(match[1]) != len(counts) + 1:
            raise lines.wrong(f"expected the count of order {len(counts) + 1}, found {line!r}")
        counts.append(int(match[2]))
    if not counts:
        raise lines.wrong(f"\\data\\ announces no n-grams; found {line!r}")
    if line != "\\1-grams:":
        raise lines.wrong(f"expected \\1-grams:, found {line!r}")
    return counts


def _entries(lines: _Lines, n: int, count: int, has_backoff: bool) -> Iterator[tuple[list[str], float, float]]:
    """(tokens, log10 probability, log10 back-off) of each of a section's lines."""
    for i in range(count):
        line = lines.next(f"{n}-gram {i + 1} of {count}")
        if line.startswith("\\") and "\t" not in line and " " not in line:
            raise lines.wrong(f"{line} comes after {i} {n}-grams; \\data\\ announces {count}")
        fields = re.split("[ \t]+", line)
        try:
            backoff = float(fields[n + 1]) if has_backoff and len(fields) == n + 2 else 0.0
            prob = float(fields[0])
        except ValueError:
            raise lines.wrong(f"no number where a log probability should stand: {line!r}") from None
        if not n + 1 <= len(fields) <= n + 2 or np.isnan(prob) or np.isnan(backoff) or prob > 0:
            raise lines.wrong(f"no {n}-gram with a log probability of at most 0: {line!r}")
        yield fields[1 : n + 1], prob, backoff


def _natural(log10: list[float]) -> NDArray[np.float32]:
    return (np.maximum(np.array(log10, np.float64), -99.0) * LN10).astype(np.float32)


def _unigrams(
    lines: _Lines, count: int, vocab: list[str], ids: dict[str, int], has_backoff: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    probs, backoffs = [-99.0] * len(vocab), [0.0] * len(vocab)
    seen: set[str] = set()
    for (token,), prob, backoff in _entries(lines, 1, count, has_backoff):
        if token in seen:
            raise lines.wrong(f"{token!r} stands twice")
        seen.add(token)
        if token in ids:
            probs[ids[token]], backoffs[ids[token]] = prob, backoff
            continue
        ids[token] = len(vocab)
        vocab.append(token)
        probs.append(prob)
        backoffs.append(backoff)
    for token in SPECIALS[1:]:
        if token not in seen:
            raise lines.wrong(f"the \\1-grams: above lack {token}")
    natural = _natural(probs)
    natural[BOS] = NO_LOG_PROB
    return natural, _natural(backoffs)


def _section(
    lines: _Lines, n: int, count: int, ids: dict[str, int], levels: list[Keys], first: int, has_backoff: bool
) -> tuple[Keys, NDArray[np.float32], NDArray[np.float32]]:
    """Keys, log probabilities and back-offs of order `n`, sorted by key. first: number of order n - 1's first n-gram."""
    lines.expect(f"\\{n}-grams:")
    begin = lines.number
    tokens, probs, backoffs = np.zeros((count, n), np.int64), [0.0] * count, [0.0] * count
    for i, (words, probs[i], backoffs[i]) in enumerate(_entries(lines, n, count, has_backoff)):
        try:
            tokens[i] = [ids[word] for word in words]
        except KeyError as error:
            raise lines.wrong(f"{error} is not among the 1-grams") from None
    at = 1 + tokens[:, 0]
    offset = 1
    for k in range(1, n - 1):
        offset += len(levels[k - 1])
        wanted = pack(at, tokens[:, k])
        places = np.minimum(find_sorted(levels[k], wanted), max(len(levels[k]) - 1, 0))
        there = levels[k][places] == wanted if len(levels[k]) else np.zeros(count, bool)
        if not there.all():
            raise UsageError(
                f"{lines.path}:{begin + 1 + int(np.argmin(there))}: the first {k + 1} tokens are not listed themselves"
            )
        at = places + offset
    keys = pack(at, tokens[:, -1])
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(twice):
        raise UsageError(f"{lines.path}:{begin + 1 + int(order[twice[0] + 1])}: the {n}-gram stands twice")
    return keys[order], _natural(probs)[order], _natural(backoffs)[order]
