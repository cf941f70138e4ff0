"""How likely a word that a word n-gram does not list is spelled so: an n-gram over the letters of the words that it lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import UNK, count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.lm.lookup import Tables, advance, score
from cyasr.search.kept_rows import Rows, new_row, rows_for

ORDER = 5

Ints = NDArray[np.int64]


class Letters(NamedTuple):
    """An n-gram over letters, for words outside the lexicon. places: (V, L) in it, of each token's letters, -1 after the last;
    states, scores: by lexicon node, after the letters that lead there, natural log of them."""

    lm: Tables
    places: Ints
    states: Ints
    scores: NDArray[np.float64]


class Spelling(NamedTuple):
    """Letters, and of those of a token after a state: the factor, NaN where not asked for yet, its logarithm and the state
    that follows; kept as in Rows."""

    letters: Letters
    rows: Rows
    logs: NDArray[np.float64]  # (R, V), not weighted
    after: NDArray[np.int32]  # (R, V)


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


def open_spelling(letters: Letters) -> Spelling:
    """Nothing kept yet."""
    rows = rows_for(letters.lm, len(letters.places))
    return Spelling(letters, rows, np.empty(rows.factors.shape), np.empty(rows.factors.shape, np.int32))


@numba.njit(cache=True, nogil=True)
def spell(spelling: Spelling, state: int, token: int, weight: float) -> int:
    """The row that holds what is kept of `token` after `state`, filled in where it was not asked for yet."""
    row = spelling.rows.row_of[state]
    if row < 0:
        row = new_row(spelling.rows, state)
        spelling.rows.factors[row, :] = np.nan
    if np.isnan(spelling.rows.factors[row, token]):
        value = 0.0
        for letter in spelling.letters.places[token]:
            if letter >= 0:
                value += score(spelling.letters.lm, state, letter)
                state = advance(spelling.letters.lm, state, letter)
        spelling.rows.factors[row, token] = np.exp(weight * value)
        spelling.logs[row, token] = value
        spelling.after[row, token] = state
    return row
