"""The words of an n-gram as paths of a system's tokens, however these cut them: a trie over letters, walked by tokens.

Node 0 is the empty word. A token goes from node to node where its letters do, so pieces of any length serve, and a word
may be cut in every way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Places = NDArray[np.int32]

SPACE = "▁"
_EMPTY = -1
_MIX = np.uint64(0x9E3779B97F4A7C15)  # Knuth's multiplicative hashing: 2**64 over the golden ratio


class Lexicon(NamedTuple):
    """keys: node * V + token, hashed with open addressing, -1 where free; nodes: where each leads. word: by node, -1: none.

    best: by node, the highest score of the words below it.
    """

    keys: Ints
    nodes: Places
    word: Places
    best: NDArray[np.float64]


def lexicon(words: Sequence[str], scores: NDArray[np.floating], tokens: Sequence[str]) -> tuple[Lexicon, Ints, Ints]:
    """The lexicon, and by node its parent and the letter (code point) that leads to it; parents come first.

    words: different ones, none empty; scores: (W,) of each; tokens: (V,) without ▁, empty for those that write nothing.
    """
    levels = _trie(words)
    parents, letters, word = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    best = np.full(len(word), -np.inf)
    best[word >= 0] = scores[word[word >= 0]]
    end = len(word)
    for above, _, _ in reversed(levels[1:]):
        np.maximum.at(best, above, best[end - len(above) : end])
        end -= len(above)
    keys, nodes = _steps(parents, letters, tokens)
    return Lexicon(*_hashed(keys, nodes), word.astype(np.int32), best), parents, letters


def _trie(words: Sequence[str]) -> list[tuple[Ints, Ints, Ints]]:
    """Parent, letter (code point) and word (-1: none) of the nodes, by level; nodes are numbered level after level."""
    order = np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)
    lengths = np.array([len(words[i]) for i in order], np.int64)
    points = np.zeros((len(words), lengths.max(initial=0)), np.int64)  # 0 beyond the end
    for row, i in enumerate(order):
        points[row, : lengths[row]] = [ord(letter) for letter in words[i]]
    levels = [(np.zeros(1, np.int64), np.zeros(1, np.int64), np.full(1, -1, np.int64))]
    at = np.zeros(len(words), np.int64)  # each word's node at the level above
    total = 1
    for depth in range(points.shape[1]):
        rows = np.flatnonzero(lengths > depth)
        above, letter = at[rows], points[rows, depth]
        new = np.append(True, (above[1:] != above[:-1]) | (letter[1:] != letter[:-1]))  # sorted: equal ones are neighbours
        at[rows] = total + np.cumsum(new) - 1
        ends = np.full(int(new.sum()), -1, np.int64)
        ending = rows[lengths[rows] == depth + 1]
        ends[at[ending] - total] = order[ending]
        levels.append((above[new], letter[new], ends))
        total += len(ends)
    return levels


def _steps(parents: Ints, letters: Ints, tokens: Sequence[str]) -> tuple[Ints, Ints]:
    """Every (node * V + token) that leads somewhere, and where."""
    edges = parents[1:] << 32 | letters[1:]
    order = np.argsort(edges)
    sorted_edges, below = edges[order], order + 1
    by_letter: dict[int, Ints] = {}
    grouped = np.argsort(letters[1:], kind="stable") + 1
    for group in np.split(grouped, np.flatnonzero(np.diff(letters[grouped])) + 1):
        if len(group):
            by_letter[int(letters[group[0]])] = group
    keys, nodes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for token, spelling in enumerate(tokens):
        at = by_letter.get(ord(spelling[0])) if spelling else None
        if at is None:
            continue
        start = parents[at]
        for letter in spelling[1:]:
            wanted = at << 32 | ord(letter)
            places = np.minimum(np.searchsorted(sorted_edges, wanted), len(sorted_edges) - 1)
            there = sorted_edges[places] == wanted
            start, at = start[there], below[places[there]]
        keys.append(start * len(tokens) + token)
        nodes.append(at)
    return np.concatenate(keys), np.concatenate(nodes)


def _hashed(keys: Ints, nodes: Ints) -> tuple[Ints, Places]:
    size = 1 << max(4, int(2 * len(keys)).bit_length())
    table, values = np.full(size, _EMPTY, np.int64), np.zeros(size, np.int32)
    _fill(table, values, keys, nodes)
    return table, values


@numba.njit(cache=True, nogil=True)
def _place(table: Ints, key: int) -> np.int64:
    """Where `key` stands, or the free place where it would."""
    mask = len(table) - 1
    mixed = np.uint64(key) * _MIX
    place = np.int64(mixed >> np.uint64(32)) & mask
    while table[place] != _EMPTY and table[place] != key:
        place = (place + 1) & mask
    return place


@numba.njit(cache=True, nogil=True)
def _fill(table: Ints, values: Places, keys: Ints, nodes: Ints) -> None:
    for i in range(len(keys)):
        place = _place(table, keys[i])
        table[place] = keys[i]
        values[place] = nodes[i]


@numba.njit(cache=True, nogil=True)
def step(words: Lexicon, key: int) -> int:
    """The node that `key`, node * V + token, leads to; -1 where no word goes on so."""
    place = _place(words.keys, key)
    return words.nodes[place] if words.keys[place] == key else -1
