"""What a path through a transcript may be: CTC's states of each sentence, with a way around it and room before it.

A unit is a sentence as tokens. Its states are, in this order: filler (speech that is not in the transcript), silence, then
token, blank, token, … A path may stay in a state, go on to the next, leave out a blank between unlike tokens (Graves et
al., ICML 2006), and at the edge between two units stay silent, go through the filler, or leave the units that follow out
at a price. After the last unit there is a filler and a silence more.

Emissions are natural logs relative to the best token of the frame, so that a path that agrees with greedy decoding
costs nothing and a price is how much worse than that speech may fit before it is taken for something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.segment.transcript import Sentence
from cyasr.text.tokenizer import SPACE

BLANK, PAUSE, FILLER, ANY = range(4)  # columns of emissions before those of tokens; ANY: an unknown token
FIRST_TOKEN = 4
FLOOR = -20.0  # nats; what the model thinks impossible may still have been said

SILENT, NOISE, COUNTED, UNCOUNTED = range(4)  # kinds of states; the confidence of a word is that of its counted tokens


@dataclass(frozen=True)
class Costs:
    """Prices in nats. filler: of speech in it, as a share of what taking it for silence would cost, so that it depends
    on how sure the model is of what it hears; rest: besides, a second of it. enter: each time. skip: a run of units left
    out, and skip_more: each of them.

    hint: a second that a unit begins outside the time where it is said to be, beyond `slack` seconds; at most `hint_most`.
    beam: how much worse than the best path another is kept.

    The defaults trust a transcript: what is hard to recognise stays in. LOOSE is for those that machines or subtitlers
    made. tools/bench/segment.py measures both.
    """

    filler: float = 0.7
    rest: float = 5.0
    enter: float = 20.0
    skip: float = 20.0
    skip_more: float = 3.0
    hint: float = 2.0
    hint_slack: float = 2.0
    hint_most: float = 30.0
    beam: float = 250.0


LOOSE = Costs(filler=0.6, enter=12.0, skip=8.0)


@dataclass(frozen=True)
class Unit:
    """One sentence as the token ids of each word. start, end: seconds between which it is said to begin."""

    words: tuple[tuple[int, ...], ...]
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Graph:
    """S states of U units and the edge after the last, as arrays; W words are numbered through all units.

    first: (U + 2,) first state of each unit, of the last edge, and S. column: (S,) of the emissions. kind: (S,).
    word: (S,) number of the word that begins with this token, or -1. jump: (S,) the token two before differs.
    direct: (U,) the first token may follow the last one of the unit before at once. entries: (U + 1,) records that a
    frame may begin in a unit. tokens: ids of the emissions' columns from FIRST_TOKEN on. counted: (W,) counted tokens.
    unit_of: (W,). start, end: (U,) seconds; -inf, inf where not known.
    """

    first: NDArray[np.int64]
    column: NDArray[np.int32]
    kind: NDArray[np.uint8]
    word: NDArray[np.int32]
    jump: NDArray[np.bool_]
    direct: NDArray[np.bool_]
    entries: NDArray[np.int64]
    tokens: NDArray[np.int64]
    counted: NDArray[np.int32]
    unit_of: NDArray[np.int32]
    start: NDArray[np.float32]
    end: NDArray[np.float32]

    @property
    def units(self) -> int:
        return len(self.first) - 2

    def emissions(self, log_probs: NDArray[np.float32], space: int | None, filler: float, rest: float) -> tuple[Any, Any]:
        """(T, C) relative emissions by column and (T,) the best token's log-probabilities.

        log_probs: (T, V). space: id of the token that stands for a space, where there is one: a pause may emit it
        or not. filler, rest: what a frame of the filler costs.
        """
        best = log_probs.max(axis=1)
        out = np.empty((len(log_probs), FIRST_TOKEN + len(self.tokens)), np.float32)
        out[:, BLANK] = log_probs[:, 0] - best
        out[:, PAUSE] = out[:, BLANK] if space is None else np.maximum(log_probs[:, 0], log_probs[:, space]) - best
        out[:, FILLER] = filler * out[:, PAUSE] - rest
        out[:, ANY] = log_probs[:, 1:].max(axis=1) - best - 1
        out[:, FIRST_TOKEN:] = log_probs[:, self.tokens] - best[:, None]
        return np.maximum(out, FLOOR), best


def tokenized(sentences: Sequence[Sentence], tokenizer: Any) -> list[Unit]:
    """`sentences` as units of `tokenizer`'s tokens."""
    return [
        Unit(tuple(tuple(tokenizer.encode(word)) for piece in one.pieces for word in piece.words), one.start, one.end)
        for one in sentences
    ]


def space_of(tokenizer: Any) -> int | None:
    """Id of the token that stands alone between two words, as in a tokenizer of characters; None where none does."""
    probe = tokenizer.tokens[-2].strip(SPACE) or "α"
    one, two = tokenizer.pieces(probe), tokenizer.pieces(f"{probe} {probe}")
    return tokenizer.encode(SPACE)[0] if len(two) == 2 * len(one) + 1 and SPACE in tokenizer.tokens else None


def build(units: Sequence[Unit], space: int | None, unknown: int) -> Graph:
    """The graph of `units`, each of one word at least. space: as from `space_of`. unknown: id of the unknown token."""
    tokens = sorted({token for unit in units for word in unit.words for token in word} - {unknown})
    columns = {token: FIRST_TOKEN + n for n, token in enumerate(tokens)} | {unknown: ANY}
    first, column, kind, starts, jump, direct = [0], [], [], [], [], []
    counted: list[int] = []
    unit_of: list[int] = []
    entries: list[int] = []
    last = -1
    for number, unit in enumerate(units):
        column += [FILLER, PAUSE]
        kind += [NOISE, SILENT]
        starts += [-1, -1]
        jump += [False, False]
        spelt = _spelt(unit, space)
        direct.append(spelt[0][0] != last)
        before = -1
        for place, (token, begins) in enumerate(spelt):
            if place:
                column.append(BLANK)
                kind.append(SILENT)
                starts.append(-1)
                jump.append(False)
            pause = token == space and not begins
            column.append(PAUSE if pause else columns[token])
            kind.append(UNCOUNTED if pause or token == unknown else COUNTED)
            starts.append(len(counted) if begins else -1)
            jump.append(bool(place) and token != before)
            if begins:
                counted.append(0)
                unit_of.append(number)
            counted[-1] += kind[-1] == COUNTED
            before = token
        last = before
        entries.append(len(unit.words) + 1)
        first.append(len(column))
    column += [FILLER, PAUSE]
    kind += [NOISE, SILENT]
    starts += [-1, -1]
    jump += [False, False]
    return Graph(
        np.array([*first, len(column)], np.int64),
        np.array(column, np.int32),
        np.array(kind, np.uint8),
        np.array(starts, np.int32),
        np.array(jump, np.bool_),
        np.array(direct, np.bool_),
        np.array([*entries, 1], np.int64),
        np.array(tokens, np.int64),
        np.array(counted, np.int32),
        np.array(unit_of, np.int32),
        np.array([-np.inf if unit.start is None else unit.start for unit in units], np.float32),
        np.array([np.inf if unit.end is None else unit.end for unit in units], np.float32),
    )


def _spelt(unit: Unit, space: int | None) -> list[tuple[int, bool]]:
    """(token, whether a word begins with it)."""
    spelt: list[tuple[int, bool]] = []
    for word in unit.words:
        if spelt and space is not None:
            spelt.append((space, False))
        spelt += [(token, place == 0) for place, token in enumerate(word)]
    return spelt
