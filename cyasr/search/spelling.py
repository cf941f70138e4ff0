"""How likely a word that a word n-gram does not list is spelled so: an n-gram over the letters of the words that it lists."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import UNK, count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.lm.lookup import Tables, advance, score
from cyasr.search.beam_kernel import Letters

ORDER = 5

Ints = NDArray[np.int64]


def letters_of(words: Sequence[str], parents: Ints, letters: Ints, tokens: Sequence[str]) -> Letters:
    """words: the lexicon's, each counted once, since new words resemble rare ones; parents, letters: its trie's, by node;
    tokens: (V,) without ▁."""
    lm, _ = estimate(count_ngrams([list(word) for word in words] or [[]], ORDER))
    places = np.full((len(tokens), max(map(len, tokens))), -1, np.int64)
    for row, token in zip(places, tokens, strict=True):
        row[: len(token)] = [lm.ids.get(letter, UNK) for letter in token]
    different, at = np.unique(letters[1:], return_inverse=True)
    ids = np.array([lm.ids[chr(letter)] for letter in different], np.int64)
    tables = lm.tables()
    return Letters(tables, places, *_along(tables, lm.start(), parents, ids[at]))


@numba.njit(cache=True, nogil=True)
def _along(lm: Tables, start: int, parents: Ints, letters: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """States and natural logs by node of a trie; letters: (N - 1,) of those after the first."""
    states, scores = np.full(len(parents), start), np.zeros(len(parents))
    for node in range(1, len(parents)):
        above, letter = parents[node], letters[node - 1]
        states[node] = advance(lm, states[above], letter)
        scores[node] = scores[above] + score(lm, states[above], letter)
    return states, scores
