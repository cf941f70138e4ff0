"""The best path through a transcript's graph is that of all paths, whatever is skipped, extra, hinted or fed in parts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cyasr.segment import align, graph
from cyasr.segment.graph import COUNTED, NOISE, Costs, Graph, Unit

SPACE, UNKNOWN = 4, 1  # of a vocabulary <blank> <unk> a b ▁
FRAME = 0.04


def log_probs(random: np.random.Generator, frames: int, sharpness: float = 2.0) -> np.ndarray:
    logits = sharpness * random.standard_normal((frames, 5)).astype(np.float32)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def best_of_all(made: Graph, costs: Costs, emissions: np.ndarray, best: np.ndarray) -> tuple[float, list[tuple]]:
    """Every sequence of states tried, from the graph's description: the best score and its items."""
    frames, states = len(emissions), len(made.column)
    units = made.units
    edge_before = {int(made.first[u]) + n: u for u in range(units + 1) for n in (0, 1)}
    last_token = {int(made.first[u + 1]) - 1: u for u in range(units)}
    unit_of = np.searchsorted(made.first, np.arange(states), side="right") - 1

    def skip(count: int) -> float:
        return costs.skip + count * costs.skip_more if count else 0.0

    def into(edge: int, frame: int, barred: bool) -> list[tuple[int, float]]:
        """(state, price) of going on from an edge."""
        ways = []
        for there in range(edge, units + 1):
            f = int(made.first[there])
            ways += [(f, skip(there - edge) + costs.enter), (f + 1, skip(there - edge))]
            if there < units and not (barred and there == edge):
                at = frame * FRAME
                off = max(0.0, made.start[there] - costs.hint_slack - at, at - made.end[there] - costs.hint_slack)
                ways.append((f + 2, skip(there - edge) + min(costs.hint_most, costs.hint * off)))
        return ways

    def onward(state: int, frame: int) -> list[tuple[int, float]]:
        ways = [(state, 0.0)]
        if state in edge_before:
            return ways + [way for way in into(edge_before[state], frame, False) if way[0] != state]
        if state in last_token:
            edge = last_token[state] + 1
            return ways + into(edge, frame, edge < units and not made.direct[edge])
        ways.append((state + 1, 0.0))
        if state + 2 < int(made.first[unit_of[state] + 1]) and made.jump[state + 2]:
            ways.append((state + 2, 0.0))
        return ways

    def price_of_ending(state: int) -> float:
        if state in last_token:
            return skip(units - last_token[state] - 1)
        return skip(units - int(unit_of[state]))

    @cache
    def best_from(state: int, frame: int) -> tuple[float, tuple[int, ...]]:
        here = float(emissions[frame, made.column[state]])
        if frame == frames - 1:
            return here - price_of_ending(state), (state,)
        value, path = max((best_from(there, frame + 1)[0] - price, there) for there, price in onward(state, frame + 1))
        return here + value, (state, *best_from(path, frame + 1)[1])

    score, _, states_of = max(
        (best_from(state, 0)[0] - price, state, best_from(state, 0)[1]) for state, price in into(0, 0, False)
    )
    items: list[list] = []
    for frame, state in enumerate(states_of):
        begins = frame == 0 or states_of[frame - 1] != state
        if begins and (made.word[state] >= 0 or made.kind[state] == NOISE):
            items.append([int(made.word[state]) if made.word[state] >= 0 else None, frame, frame, {}])
        if items and made.kind[state] == COUNTED:
            value = float(emissions[frame, made.column[state]] + best[frame])
            spans = items[-1][3]
            spans[state] = max(spans.get(state, -np.inf), value)
        if made.kind[state] in (COUNTED, NOISE) or made.word[state] >= 0:
            items[-1][2] = frame
    return score, [(word, first, last, sum(spans.values())) for word, first, last, spans in items]


def random_units(random: np.random.Generator) -> list[Unit]:
    def unit() -> Unit:
        words = [
            tuple(random.choice([2, 3, 3, UNKNOWN], size=random.integers(1, 3)).tolist()) for _ in range(random.integers(1, 3))
        ]
        start = float(random.uniform(0, 0.4)) if random.random() < 0.3 else None
        return Unit(tuple(words), start, None if start is None else start + 0.1)

    return [unit() for _ in range(random.integers(1, 4))]


@pytest.mark.parametrize("seed", range(60))
def test_the_path_is_the_best_of_all_paths(seed: int) -> None:
    random = np.random.default_rng(seed)
    space = SPACE if seed % 2 else None
    made = graph.build(random_units(random), space, UNKNOWN)
    draw = random.uniform
    prices = {"filler": draw(0.1, 0.9), "rest": draw(0, 10), "enter": draw(0, 3), "skip": draw(0, 4), "skip_more": draw(0.1, 2)}
    costs = Costs(**prices, hint=10.0, hint_slack=0.05, hint_most=3.0)
    emissions, best = made.emissions(log_probs(random, int(random.integers(2, 14))), space, costs.filler, costs.rest * FRAME)
    expected, items = best_of_all(made, costs, emissions, best)
    alignment = align.Alignment(made, costs, FRAME)
    cut = int(random.integers(0, len(emissions)))
    alignment.feed(emissions[:cut], best[:cut])
    alignment.feed(emissions[cut:], best[cut:])
    path = alignment.finish()
    assert path.score == pytest.approx(expected, abs=1e-3)
    assert [(one.word, one.first, one.last) for one in path.items] == [item[:3] for item in items]
    assert [one.log_prob for one in path.items if one.word is not None] == pytest.approx(
        [item[3] for item in items if item[0] is not None], abs=1e-3
    )
