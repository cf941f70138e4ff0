"""Word lattices of either backend: their best word sequences, and rescoring with a larger language model.

A raw lattice has an arc for every frame and alignment that survived the search. Taken as an acceptor of words, without
epsilons and determinised in the tropical semiring, it holds each word sequence once, with its best alignment's score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import EOS, UNK
from cyasr.lm.ngram import NgramLM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_STATES = 30_000  # of a determinised lattice
DISTANCES = (8.0, 4.0, 2.0, 1.0, 0.5)  # natural logs below the best path
ROUNDING = 1e-6  # the best path is always within its own distance


@dataclass(frozen=True)
class Lattice:
    """arcs: (A, 3) state, next state, word (0: none); scores: (A,); finals: (F,) states and their scores (F,). Start is 0.

    Scores are natural logs as the search added them up, higher being better. No arc: the search found no way through.
    """

    arcs: Ints
    scores: Floats
    finals: Ints
    final_scores: Floats


@dataclass(frozen=True)
class Path:
    """words: numbers of words.txt; score: as the search added it up, natural log."""

    words: list[int]
    score: float


def determinised(lattice: Lattice) -> Lattice:
    """The same word sequences, each once with its best score.

    Their number can grow exponentially with the length of an unclear utterance. Beyond MOST_STATES only those near the best
    count, within the first of DISTANCES that makes them few enough, or the best alone.
    """
    import kaldifst

    near = lattice
    for distance in (*DISTANCES, 0.0):
        fst = _acceptor(near)
        with suppress(RuntimeError):  # "aborted since passed … states"
            kaldifst.determinize_star(fst, max_states=MOST_STATES)
            return _read(fst)
        near = pruned(near, distance)
    best = kaldifst.shortest_path(_acceptor(near), n=1)
    kaldifst.determinize_star(best)
    return _read(best)


def pruned(lattice: Lattice, distance: float) -> Lattice:
    """The arcs and final states of paths at most `distance` natural logs below the best."""
    place = {state: i for i, state in enumerate(_sorted(lattice.arcs))}
    arcs = [(place[state], place[to]) for state, to, _ in lattice.arcs.tolist()]
    ends = np.array([place[state] for state in lattice.finals.tolist()], np.int64)
    until, after = np.full((2, len(place)), -np.inf)
    until[place[0]] = 0.0
    after[ends] = lattice.final_scores
    forwards = sorted(range(len(arcs)), key=lambda arc: arcs[arc][0])
    for arc in forwards:
        state, to = arcs[arc]
        until[to] = max(until[to], until[state] + lattice.scores[arc])
    for arc in reversed(forwards):
        state, to = arcs[arc]
        after[state] = max(after[state], after[to] + lattice.scores[arc])
    least = after[place[0]] - distance - ROUNDING
    states, nexts = np.array(arcs, np.int64).reshape(-1, 2).T
    kept = until[states] + lattice.scores + after[nexts] >= least
    ending = until[ends] + lattice.final_scores >= least
    return Lattice(lattice.arcs[kept], lattice.scores[kept], lattice.finals[ending], lattice.final_scores[ending])


def best_paths(lattice: Lattice, n: int) -> list[Path]:
    """The `n` best word sequences of a determinised lattice, best first."""
    import kaldifst

    paths = kaldifst.convert_nbest_to_vector(kaldifst.shortest_path(_acceptor(lattice), n=n))
    found = (kaldifst.get_linear_symbol_sequence(path) for path in paths)
    best = [Path([int(word) for word in words], -cost.value) for there, words, _, cost in found if there]
    return sorted(best, key=lambda path: -path.score)


def rescored(lattice: Lattice, old: NgramLM, new: NgramLM, words: list[str]) -> Lattice:
    """A determinised lattice, `old`'s share of the scores replaced by `new`'s; words: by number.

    States are those of the lattice by what both models know of the way there, so that every path has its exact score
    (lattice expansion: Ljolje et al. 1999; Kaldi's lattice-lmrescore does the same by composition).
    """
    places = [np.array([lm.ids.get(word, UNK) for word in words], np.int64) for lm in (old, new)]
    leaving: dict[int, list[int]] = defaultdict(list)
    for arc, state in enumerate(lattice.arcs[:, 0].tolist()):
        leaving[state].append(arc)
    final = dict(zip(lattice.finals.tolist(), lattice.final_scores.tolist(), strict=True))
    histories: dict[int, dict[tuple[int, int], int]] = defaultdict(dict)  # lattice state -> what the models know -> state
    histories[0][old.start(), new.start()] = 0
    count = 1
    arcs: list[tuple[int, int, int]] = []
    scores: list[float] = []
    finals: dict[int, float] = {}
    for state in _sorted(lattice.arcs):
        known = list(histories[state])
        before = [np.array(column, np.int64) for column in zip(*known, strict=True)]
        numbers = [histories[state][one] for one in known]
        if state in final:
            change = _change(old, new, before, [np.full(len(known), EOS)] * 2)
            finals |= dict(zip(numbers, (final[state] + change).tolist(), strict=True))
        taken = np.repeat(leaving[state], len(known)).astype(np.int64)
        if not len(taken):
            continue
        tiled = [np.tile(column, len(leaving[state])) for column in before]
        tokens = [place[lattice.arcs[taken, 2]] for place in places]
        change = _change(old, new, tiled, tokens)
        after = [lm.advance(column, token).tolist() for lm, column, token in zip((old, new), tiled, tokens, strict=True)]
        for i, (arc, history) in enumerate(zip(taken.tolist(), zip(*after, strict=True), strict=True)):
            to = histories[int(lattice.arcs[arc, 1])]
            if history not in to:
                to[history] = count
                count += 1
            arcs.append((numbers[i % len(known)], to[history], int(lattice.arcs[arc, 2])))
            scores.append(float(lattice.scores[arc] + change[i]))
    return Lattice(
        np.array(arcs, np.int64).reshape(-1, 3),
        np.array(scores),
        np.array(list(finals), np.int64),
        np.array(list(finals.values())),
    )


def from_text(text: str) -> Lattice:
    """A lattice from OpenFst's text, costs of one or two parts (Kaldi's `graph,acoustic`); no text: an empty lattice."""
    arcs: list[tuple[int, int, int]] = []
    scores: list[float] = []
    finals: list[int] = []
    final_scores: list[float] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 3:
            arcs.append((int(fields[0]), int(fields[1]), int(fields[3])))
            scores.append(_score(fields[4:]))
        elif fields:
            finals.append(int(fields[0]))
            final_scores.append(_score(fields[1:]))
    table, ends = np.array(arcs, np.int64).reshape(-1, 3), np.array(finals, np.int64)
    first = arcs[0][0] if arcs else 0  # the start is the first line's state
    for states in (table[:, :2], ends):
        start, zero = states == first, states == 0
        states[zero], states[start] = first, 0
    return Lattice(table, np.array(scores), ends, np.array(final_scores))


def _score(fields: list[str]) -> float:
    return -sum(map(float, fields[0].split(",")[:2])) if fields else 0.0


def _acceptor(lattice: Lattice) -> Any:
    import kaldifst

    lines = [
        f"{state} {to} {word} {-score!r}"
        for (state, to, word), score in zip(lattice.arcs.tolist(), lattice.scores.tolist(), strict=True)
    ]
    ends = zip(lattice.finals.tolist(), lattice.final_scores.tolist(), strict=True)
    lines += [f"{state} {-score!r}" for state, score in ends]
    return kaldifst.compile("\n".join(lines) + "\n", acceptor=True)


def _read(fst: Any) -> Lattice:
    return from_text(fst.to_str(show_weight_one=True))


def _sorted(arcs: Ints) -> Iterable[int]:
    """States in topological order, those that the start leads to."""
    before: TopologicalSorter[int] = TopologicalSorter({0: ()})
    for state, to, _ in arcs.tolist():
        before.add(to, state)
    return before.static_order()


def _change(old: NgramLM, new: NgramLM, states: list[Ints], tokens: list[Ints]) -> Floats:
    return new.log_probs(states[1], tokens[1]) - old.log_probs(states[0], tokens[0])
