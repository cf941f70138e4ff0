"""Counts of all n-grams up to an order, from text that streams past in memory that does not grow with it.

Token ids go to a temporary file. Orders are counted one after the other: an n-gram is its first n - 1 tokens, which have
a number by then, and its last token, packed into one 64-bit key. Chunks of keys are sorted, counted and merged, then
every position of the text learns the number of the n-gram that ends there, which the next order needs.

n-grams are numbered from 1 over all orders, in the order of their keys (0 is the empty one), so keys ascend over all orders.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import UsageError

Keys = NDArray[np.uint64]
Ids = NDArray[np.uint32]
Counts = NDArray[np.int64]

UNK, BOS, EOS = 0, 1, 2  # ids of SPECIALS
SPECIALS = ("<unk>", "<s>", "</s>")
CHUNK = 1 << 20  # tokens
MAX_NGRAMS = (1 << 32) - 1


@dataclass
class NgramCounts:
    """vocab: tokens by id. keys[n - 1]: sorted, `previous_number << 32 | last_id`. counts[n - 1]: as often as seen."""

    vocab: list[str]
    keys: list[Keys]
    counts: list[Counts]
    sentences: int
    tokens: int  # without <s> and </s>
    unknown: int  # tokens outside a closed vocabulary


def pack(previous: NDArray[np.integer], token: NDArray[np.integer]) -> Keys:
    return previous.astype(np.uint64) << np.uint64(32) | token.astype(np.uint64)


def unpack(keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(number of the n-gram without its last token, id of the last token)."""
    return (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


def count_ngrams(
    sentences: Iterable[list[str]], order: int, vocab: Iterable[str] | None = None, chunk: int = CHUNK
) -> NgramCounts:
    """Count the n-grams of tokenised `sentences`, each within its <s> and </s>.

    vocab: the closed list of tokens, others being counted as <unk>; None: every token that occurs.
    chunk: tokens looked at together.
    """
    with tempfile.TemporaryDirectory(prefix="ngram-counts-") as work:
        text = Path(work) / "1"
        counted = _write_ids(sentences, text, vocab, chunk)
        unigrams = np.zeros(len(counted.vocab), np.int64)
        for ids in _read(text, chunk):
            unigrams += np.bincount(ids, minlength=len(unigrams))
        counted.keys.append(np.arange(len(unigrams), dtype=np.uint64))
        counted.counts.append(unigrams)
        offset = 1  # number of the order's first n-gram
        numbers = text  # of the n-grams of the order before, by position
        for n in range(2, order + 1):
            keys, counts = _merge_all(_key_counts(keys) for keys, _ in _positions(text, numbers, n, chunk))
            counted.keys.append(keys)
            counted.counts.append(counts)
            offset += len(counted.keys[-2])
            if offset + len(keys) > MAX_NGRAMS:
                raise UsageError(f"more than {MAX_NGRAMS} different n-grams; lower `order` or take less text")
            if n < order:
                following = Path(work) / str(n)
                _number_positions(text, numbers, n, chunk, keys, offset, following)
                if numbers != text:
                    numbers.unlink()
                numbers = following
    return counted


def _write_ids(sentences: Iterable[list[str]], path: Path, vocab: Iterable[str] | None, chunk: int) -> NgramCounts:
    """Put the ids of <s> tokens </s> into `path`, sentence after sentence."""
    ids = dict.fromkeys(SPECIALS, UNK)  # in text they are words like others, unknown ones
    for token in vocab or ():
        ids.setdefault(token, len(ids))
    total = count = unknown = 0
    waiting = array("I")
    with open(path, "wb") as out:
        for sentence in sentences:
            waiting.append(BOS)
            if vocab is None:
                waiting.extend([ids.setdefault(token, len(ids)) for token in sentence])
            else:
                known = [ids.get(token, UNK) for token in sentence]
                unknown += known.count(UNK)
                waiting.extend(known)
            waiting.append(EOS)
            count += 1
            total += len(sentence)
            if len(waiting) >= chunk:
                waiting.tofile(out)
                waiting = array("I")
        waiting.tofile(out)
    return NgramCounts(list(ids), [], [], count, total, unknown)


def _read(path: Path, chunk: int) -> Iterator[Ids]:
    with open(path, "rb") as f:
        while len(ids := _next(f, chunk)):
            yield ids


def _next(f: IO[bytes], chunk: int) -> Ids:
    return np.fromfile(f, np.uint32, chunk)


def _positions(text: Path, numbers: Path, n: int, chunk: int) -> Iterator[tuple[Keys, NDArray[np.bool_]]]:
    """By chunk: keys of the n-grams ending at its positions where there is one, and where that is.

    numbers: by position, the number of the (n - 1)-gram that ends there, 0 where there is none. For n = 2 these are the
    ids, whose numbers are one higher.
    """
    last = np.zeros(1, np.uint32)
    with open(text, "rb") as ids_file, open(numbers, "rb") as numbers_file:
        while len(ids := _next(ids_file, chunk)):
            ending = _next(numbers_file, chunk)
            if n == 2:
                ending = ending + np.uint32(1)
            previous = np.concatenate([last, ending[:-1]])
            last = ending[-1:]
            there = (previous > 0) & (ids != BOS)
            yield pack(previous[there], ids[there]), there


def _number_positions(text: Path, numbers: Path, n: int, chunk: int, keys: Keys, offset: int, into: Path) -> None:
    """Write to `into`, by position, the number of the n-gram that ends there."""
    with open(into, "wb") as out:
        for found, there in _positions(text, numbers, n, chunk):
            ending = np.zeros(len(there), np.uint32)
            ending[there] = find_sorted(keys, found) + offset
            ending.tofile(out)


def find_sorted(keys: Keys, wanted: Keys) -> NDArray[np.intp]:
    """np.searchsorted, with the wanted keys sorted first: neighbours then share their way through memory."""
    order = np.argsort(wanted)
    places = np.empty(len(wanted), np.intp)
    places[order] = np.searchsorted(keys, wanted[order])
    return places


def _key_counts(keys: Keys) -> tuple[Keys, Counts]:
    """Different keys, sorted, and how often each occurs. Sorts `keys` in place."""
    keys.sort()
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.intp)
    return keys[starts], np.diff(np.append(starts, len(keys))).astype(np.int64)


def _merge_all(runs: Iterable[tuple[Keys, Counts]]) -> tuple[Keys, Counts]:
    """Merge counted runs, always those of like size, so that each key is moved a logarithmic number of times."""
    stack: list[tuple[Keys, Counts]] = []
    for run in runs:
        stack.append(run)
        while len(stack) > 1 and len(stack[-2][0]) < 2 * len(stack[-1][0]):
            stack.append(_merge(stack.pop(), stack.pop()))
    while len(stack) > 1:
        stack.append(_merge(stack.pop(), stack.pop()))
    return stack[0] if stack else (np.zeros(0, np.uint64), np.zeros(0, np.int64))


def _merge(a: tuple[Keys, Counts], b: tuple[Keys, Counts]) -> tuple[Keys, Counts]:
    keys, _ = _key_counts(np.concatenate([a[0], b[0]]))
    counts = np.zeros(len(keys), np.int64)
    for part_keys, part_counts in (a, b):
        counts[np.searchsorted(keys, part_keys)] += part_counts
    return keys, counts
