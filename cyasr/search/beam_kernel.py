"""The compiled part of cyasr.search.ctc_beam: one utterance, frame by frame.

A prefix (a sequence of tokens) is a node of a tree that grows with the search; a beam is a set of nodes, each with the
probability of its paths that end in a blank and in its last token. What language models, word bonus and biasing say of a
prefix is a factor on both, known from the prefix alone, so that paths are summed and ranked by products, and no logarithm
is taken inside the loop. A prefix stands in the tree once, so equal ones meet without a table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import EOS, UNK
from cyasr.lm.lookup import Tables
from cyasr.lm.lookup import advance as after
from cyasr.lm.lookup import score as log_prob_of
from cyasr.search.kept_rows import Rows, new_row
from cyasr.search.lexicon import Lexicon, step
from cyasr.search.spelling import Letters, Spelling, spell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]
Records = Any  # arrays of the three below, or one of them

CTC, LM, TOKEN_LM, BIAS, WORDS, UNKNOWN, SPELLING = range(7)  # columns of scores
PARTS = 7
UNWRITTEN = -1  # a word's node in the lexicon where no word of it begins so
_LOW, _LOW_LOG = 1e-120, float(np.log(1e-120))  # masses below this are scaled up by its inverse

# A prefix. child, sibling: a list of those that extend it; slot: in the beam, -1: outside; word: node in the lexicon of the
# word begun, 0: none; state: of the word LM, before that word; token_state, match: of TokenLm, Bias; spelling_state, spelt:
# of the letters of a word begun that is not in the lexicon; factor: of this prefix over its parent's; close: of ending the
# word here, NaN: not asked yet; scores: of what is over.
_PLACES = ("parent", "token", "child", "sibling", "slot", "word", "state", "token_state", "match", "spelling_state")
NODE = np.dtype(
    [
        *((name, np.int64) for name in _PLACES),
        *((name, np.float64) for name in ("spelt", "factor", "close")),
        ("scores", np.float64, (PARTS,)),
    ]
)
# One of a beam: a node and the masses of its paths that end in a blank, in the last token.
KEPT = np.dtype([("node", np.int64), ("blank", np.float64), ("other", np.float64)])
# One that may be of the next: `source` in the present beam, or what extends it by `token` (-1: itself).
CANDIDATE = np.dtype(
    [
        *((name, np.float64) for name in ("rank", "blank", "other", "factor")),
        *((name, np.int64) for name in ("source", "token", "word")),
    ]
)


class Frames(NamedTuple):
    """What of the posteriors is looked at: frame t has tokens[starts[t] : starts[t + 1]] with their probabilities, and blank."""

    starts: Ints
    tokens: Ints
    probs: Floats
    blank: Floats


class Vocabulary(NamedTuple):
    """By token: whether it begins a word (▁ before it), whether letters follow. words: each lexicon word's place in the LM."""

    begins: NDArray[np.bool_]
    writes: NDArray[np.bool_]
    words: Ints


class TokenLm(NamedTuple):
    """An n-gram over the system's tokens. columns: (V,) their places in it; token_of: the other way, -1: none; unigrams: (V,)
    factors without context."""

    lm: Tables
    start: int
    columns: Ints
    token_of: Ints
    unigrams: Floats
    rows: Rows


class Bias(NamedTuple):
    """A matcher of phrases: follow: (S, V) states; gain: (S, V) natural logs; finish: (S,) of ending there."""

    follow: Places
    gain: NDArray[np.float32]
    finish: NDArray[np.float32]


class Settings(NamedTuple):
    """beam: prefixes kept; distance: natural log below the best at which one is dropped; weights: by column of scores.

    By lexicon node: ahead, the factor hoped for of the words below it, the last one of words outside the lexicon; given_up,
    that of the letters that lead there, where the word turns out to be another.
    """

    beam: int
    distance: float
    weights: Floats
    ahead: Floats
    given_up: Floats


@numba.njit(cache=True, nogil=True)
def search(
    frames: Frames,
    settings: Settings,
    vocabulary: Vocabulary,
    words: Lexicon,
    lm: Tables,
    lm_start: int,
    token_lm: TokenLm,
    spelling: Spelling,
    bias: Bias,
    tree: Records,
    kept: Records,
    candidates: Records,
    order: Ints,
    heard: Floats,
    taken: Ints,
) -> tuple[int, float]:
    """Fill kept[0] with the prefixes that the last beam holds; return how many, and the natural log its masses are scaled by.

    tree: (1 + T * beam,) NODE; kept: (2, beam) KEPT; candidates: (beam * (V + 1),) CANDIDATE; order: as many; heard: (V,)
    zeros; taken: (beam, V) zeros.
    """
    beam, weights, ahead = settings.beam, settings.weights, settings.ahead
    least = np.exp(-settings.distance)
    size = len(vocabulary.begins)
    with_bias, with_tokens, with_spelling = weights[BIAS] != 0.0, weights[TOKEN_LM] != 0.0, weights[SPELLING] != 0.0
    tree[0].parent = tree[0].token = tree[0].child = tree[0].sibling = -1
    tree[0].word = tree[0].slot = tree[0].match = 0
    tree[0].state, tree[0].token_state = lm_start, token_lm.start
    tree[0].factor = tree[0].close = 1.0
    tree[0].scores[:] = 0.0
    made, width, shift, now = 1, 1, 0.0, 0
    kept[0, 0].node, kept[0, 0].blank, kept[0, 0].other = 0, 1.0, 0.0
    for t in range(len(frames.blank)):
        first, last = frames.starts[t], frames.starts[t + 1]
        silent = frames.blank[t]
        here = kept[now]
        top = 0.0
        if first == last:  # nothing but blank
            for k in range(width):
                here[k].blank = (here[k].blank + here[k].other) * silent
                here[k].other = 0.0
                top = max(top, here[k].blank)
            if top < _LOW:
                for k in range(width):
                    here[k].blank /= _LOW
                shift += _LOW_LOG
            continue
        for i in range(first, last):
            heard[frames.tokens[i]] = frames.probs[i]
        for k in range(width):
            one = tree[here[k].node]
            other = 0.0
            if one.token >= 0:
                prob = heard[one.token]
                other = here[k].other * prob
                above = tree[one.parent]
                if above.slot >= 0:
                    taken[above.slot, one.token] = t + 1
                    arriving = here[above.slot].blank
                    if above.token != one.token:
                        arriving += here[above.slot].other
                    other += arriving * prob * one.factor
            candidate = candidates[k]
            candidate.blank = (here[k].blank + here[k].other) * silent
            candidate.other = other
            candidate.rank = candidate.blank + other
            candidate.source, candidate.token = k, -1
            top = max(top, candidate.rank)
        total = width
        for k in range(width):
            one = tree[here[k].node]
            both = here[k].blank + here[k].other
            row = _token_row(token_lm, one.token_state, weights[TOKEN_LM]) if with_tokens else 0
            for i in range(first, last):
                v = frames.tokens[i]
                mass = (here[k].blank if v == one.token else both) * frames.probs[i]
                if mass < top * least or taken[k, v] == t + 1:
                    continue
                word, factor = one.word, 1.0
                if vocabulary.begins[v]:
                    if word == 0 and one.token >= 0 and not vocabulary.writes[v]:
                        continue  # two spaces
                    if np.isnan(one.close):
                        one.close = _close(one, words, ahead, vocabulary, lm, spelling.letters, weights)
                    word, factor = 0, one.close
                if vocabulary.writes[v]:
                    place = UNWRITTEN
                    if word != UNWRITTEN:
                        place = step(words, word * size + v)
                        factor *= ahead[place] / ahead[word]
                    if place == UNWRITTEN and with_spelling:
                        at = one.spelling_state
                        if word != UNWRITTEN:
                            at = spelling.letters.states[word]
                            factor *= settings.given_up[word]
                        spelt_row = spelling.rows.row_of[at]  # looked up here: a call costs a tenth of the search
                        if spelt_row < 0 or np.isnan(spelling.rows.factors[spelt_row, v]):
                            spelt_row = spell(spelling, at, v, weights[SPELLING])
                        factor *= spelling.rows.factors[spelt_row, v]
                    word = place
                if with_tokens:
                    factor *= token_lm.rows.factors[row, v]
                if with_bias:
                    factor *= np.exp(weights[BIAS] * bias.gain[one.match, v])
                rank = mass * factor
                if rank < top * least:
                    continue
                top = max(top, rank)
                candidate = candidates[total]
                candidate.rank = candidate.other = rank
                candidate.blank, candidate.factor = 0.0, factor
                candidate.source, candidate.token, candidate.word = k, v, word
                total += 1
        for i in range(first, last):
            heard[frames.tokens[i]] = 0.0
        found = 0
        for i in range(total):
            if candidates[i].rank >= top * least:
                order[found] = i
                found += 1
        if found > beam:
            _select(candidates, order, found, beam)
            found = beam
        for k in range(width):
            tree[here[k].node].slot = -1
        scale = 1.0
        if top < _LOW:
            scale = 1.0 / _LOW
            shift += _LOW_LOG
        there = kept[1 - now]
        for k in range(found):
            candidate = candidates[order[k]]
            node, v = here[candidate.source].node, candidate.token
            if v >= 0:
                parent, node = node, tree[node].child
                while node >= 0 and tree[node].token != v:
                    node = tree[node].sibling
                if node < 0:
                    node, made = made, made + 1
                    _extend(tree[node], tree[parent], v, candidate.word, candidate.factor)
                    if candidate.word == UNWRITTEN:
                        at, spelt = spelling.letters.states[0], 0.0
                        if not vocabulary.begins[v]:
                            at, spelt = _spelt(tree[parent], spelling.letters)
                        spelt_row = spell(spelling, at, v, weights[SPELLING])
                        tree[node].spelling_state = spelling.after[spelt_row, v]
                        tree[node].spelt = spelt + spelling.logs[spelt_row, v]
                    tree[node].parent, tree[node].sibling, tree[parent].child = parent, tree[parent].child, node
                    if with_bias:
                        tree[node].scores[BIAS] += bias.gain[tree[parent].match, v]
                        tree[node].match = bias.follow[tree[parent].match, v]
                    if with_tokens:
                        tree[node].scores[TOKEN_LM] += log_prob_of(token_lm.lm, tree[parent].token_state, token_lm.columns[v])
                        tree[node].token_state = after(token_lm.lm, tree[parent].token_state, token_lm.columns[v])
                    if vocabulary.begins[v]:
                        _end_word(tree[node], tree[parent], words, vocabulary, lm, spelling.letters)
            there[k].node, there[k].blank, there[k].other = node, candidate.blank * scale, candidate.other * scale
        for k in range(found):
            tree[there[k].node].slot = k
        width, now = found, 1 - now
    for k in range(width):
        kept[0, k].node, kept[0, k].blank, kept[0, k].other = kept[now, k].node, kept[now, k].blank, kept[now, k].other
    return width, shift


@numba.njit(cache=True, nogil=True)
def finish(
    count: int,
    shift: float,
    settings: Settings,
    vocabulary: Vocabulary,
    words: Lexicon,
    lm: Tables,
    token_lm: TokenLm,
    letters: Letters,
    bias: Bias,
    tree: Records,
    kept: Records,
    scores: Floats,
    lengths: Ints,
    tokens: Places,
) -> None:
    """The `count` prefixes of kept[0] as whole outputs: scores (K, PARTS), lengths (K,) and, a row each, tokens from the back."""
    weights = settings.weights
    for k in range(count):
        node = kept[0, k].node
        one = tree[node]
        held = np.log(settings.ahead[one.word])  # the mass holds what was said and hoped of the prefix: take it out
        if one.word == UNWRITTEN:
            held += weights[SPELLING] * one.spelt
        for part in range(1, PARTS):
            held += weights[part] * one.scores[part]
        mass = kept[0, k].blank + kept[0, k].other
        one.scores[CTC] = np.log(mass) + shift - held if mass > 0.0 else -np.inf
        _end_word(one, one, words, vocabulary, lm, letters)
        one.scores[LM] += log_prob_of(lm, one.state, EOS)
        if weights[TOKEN_LM] != 0.0:
            one.scores[TOKEN_LM] += log_prob_of(token_lm.lm, one.token_state, EOS)
        if weights[BIAS] != 0.0:
            one.scores[BIAS] += bias.finish[one.match]
        for part in range(PARTS):
            scores[k, part] = one.scores[part]
        lengths[k] = 0
        while tree[node].parent >= 0:
            tokens[k, lengths[k]] = tree[node].token
            lengths[k] += 1
            node = tree[node].parent


@numba.njit(cache=True, nogil=True)
def _extend(one: Records, parent: Records, token: int, word: int, factor: float) -> None:
    """What `parent` followed by `token` starts from."""
    one.token, one.word, one.factor = token, word, factor
    one.child = one.slot = -1
    one.close = np.nan
    one.state, one.token_state, one.match = parent.state, parent.token_state, parent.match
    for part in range(PARTS):
        one.scores[part] = parent.scores[part]


@numba.njit(cache=True, nogil=True)
def _close(
    one: Records,
    words: Lexicon,
    ahead: Floats,
    vocabulary: Vocabulary,
    lm: Tables,
    letters: Letters,
    weights: Floats,
) -> float:
    """The factor of ending the word begun: what the LM says of it for what was hoped of it."""
    if one.word == 0:
        return 1.0
    spelled = _spelled(one.word, words, vocabulary)
    value = weights[LM] * log_prob_of(lm, one.state, spelled) + weights[WORDS]
    if spelled == UNK:
        at, spelt = _spelt(one, letters)
        value += weights[UNKNOWN] + weights[SPELLING] * log_prob_of(letters.lm, at, EOS)
        if one.word != UNWRITTEN:  # the letters of a word that was given up are paid for
            value += weights[SPELLING] * spelt
    return np.exp(value) / ahead[one.word]


@numba.njit(cache=True, nogil=True)
def _spelt(one: Records, letters: Letters) -> tuple[int, float]:
    """The state after the letters of the word begun, and the natural log of them."""
    if one.word == UNWRITTEN:
        return one.spelling_state, one.spelt
    return letters.states[one.word], letters.scores[one.word]


@numba.njit(cache=True, nogil=True)
def _end_word(one: Records, last: Records, words: Lexicon, vocabulary: Vocabulary, lm: Tables, letters: Letters) -> None:
    """Count the word begun at `last`, which ends there, in the scores of `one`, and go on from it."""
    if last.word == 0:
        return
    spelled = _spelled(last.word, words, vocabulary)
    one.scores[LM] += log_prob_of(lm, one.state, spelled)
    one.scores[WORDS] += 1.0
    if spelled == UNK:
        one.scores[UNKNOWN] += 1.0
        at, spelt = _spelt(last, letters)
        one.scores[SPELLING] += spelt + log_prob_of(letters.lm, at, EOS)
    one.state = after(lm, one.state, spelled)


@numba.njit(cache=True, nogil=True)
def _spelled(word: int, words: Lexicon, vocabulary: Vocabulary) -> int:
    """The LM's place of the word that is whole at a node of the lexicon, <unk>'s where none is."""
    if word == UNWRITTEN or words.word[word] < 0:
        return UNK
    return vocabulary.words[words.word[word]]


@numba.njit(cache=True, nogil=True)
def _token_row(token_lm: TokenLm, state: int, weight: float) -> int:
    """The row of every token's factor after `state`."""
    row = token_lm.rows.row_of[state]
    if row < 0:
        row = new_row(token_lm.rows, state)
        _fill_row(token_lm, state, weight, token_lm.rows.factors[row])
    return row


@numba.njit(cache=True, nogil=True)
def _fill_row(token_lm: TokenLm, state: int, weight: float, row: Floats) -> None:
    """The factors of all tokens after `state`: of longer contexts where they are listed, else of shorter ones."""
    lm = token_lm.lm
    row[:] = np.nan
    left = 0.0
    while state > 0:
        for number in range(lm.children[state], lm.children[state + 1]):
            v = token_lm.token_of[lm.last[number - 1]]
            if v >= 0 and np.isnan(row[v]):
                row[v] = np.exp(weight * (left + lm.log_prob[number - 1]))
        left += lm.backoff[state]
        state = lm.suffix[state]
    left = np.exp(weight * left)
    for v in range(len(row)):
        if np.isnan(row[v]):
            row[v] = left * token_lm.unigrams[v]


@numba.njit(cache=True, nogil=True)
def _select(candidates: Records, order: Ints, count: int, keep: int) -> None:
    """Bring the `keep` highest ranks among candidates[order[:count]] to the front of `order` (Hoare's quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = candidates[order[(low + high) >> 1]].rank
        i, j = low, high
        while i <= j:
            while candidates[order[i]].rank > pivot:
                i += 1
            while candidates[order[j]].rank < pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if keep - 1 <= j:
            high = j
        elif keep - 1 >= i:
            low = i
        else:
            return
