"""The best path through a transcript's graph (Viterbi), frame by frame, in memory that does not grow with the audio.

No table of back-pointers is kept: each state carries the record of where its path last began a word or a filler (token
passing: Young, Russell & Thornton, Cambridge University tech. report TR38, 1989), and records that no path leads to any
more are cleared away. What is far worse than the best path is left out, a unit at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cyasr.score.kernel import compiled
from cyasr.segment.graph import COUNTED, SILENT, Costs, Graph

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NONE = np.float32(-np.inf)
RECORDS = 1 << 16  # at first; more where more paths live


@dataclass(frozen=True)
class Aligned:
    """A word of the transcript, or (word None) speech that is not in it: first and last frame with a token.

    log_prob: sum over its tokens of the natural log of each one's highest probability.
    """

    word: int | None
    first: int
    last: int
    log_prob: float


@dataclass(frozen=True)
class Path:
    """score: natural log relative to the greedy path's, prices included. items: in order of time."""

    score: float
    items: list[Aligned]


class Alignment:
    """Feed it emissions in order, then ask for the path. frame_seconds: what hints are counted in."""

    def __init__(self, graph: Graph, costs: Costs, frame_seconds: float) -> None:
        self.graph, self.costs = graph, costs
        states, edges = len(graph.column), graph.units + 1
        self._score = np.full(states, NONE)
        self._conf = np.zeros(states, np.float32)  # log-probability of the word so far
        self._peak = np.zeros(states, np.float32)  # of its present token
        self._link = np.full(states, -1, np.int32)  # record
        self._end = np.full(states, -1, np.int32)  # last frame with a token
        self._alive = np.zeros(edges, np.bool_)
        self._edges = np.empty((4, edges), np.float32)  # arrivals at each edge: score, conf; the same at first tokens
        self._edge_links = np.empty((4, edges), np.int32)  # link, end; the same at first tokens
        self._records = np.empty((4, RECORDS), np.int32)  # previous, word or -1, frame, last frame of the previous
        self._confs = np.empty(RECORDS, np.float32)  # of the previous
        self._bounds = np.array([0, 0], np.int64)  # first and last unit that may be alive
        self._frame = self._count = 0
        self._top = 0.0  # of the scores as they stand
        self._total = 0.0  # taken off them so far
        with np.errstate(invalid="ignore"):
            self._hints = np.stack([graph.start - costs.hint_slack, graph.end + costs.hint_slack]) / frame_seconds
        self._prices = np.array(
            [costs.enter, costs.skip, costs.skip_more, costs.beam, costs.hint * frame_seconds, costs.hint_most], np.float32
        )

    def feed(self, emissions: Floats, best: Floats) -> None:
        """emissions: (T, C), best: (T,), as Graph.emissions gives them, of the frames that follow."""
        done = 0
        graph = self.graph
        while done < len(emissions):
            steps, self._count, self._top, taken = _advance(
                emissions[done:],
                best[done:],
                self._frame,
                (graph.first, graph.column, graph.kind, graph.word, graph.jump, graph.direct, graph.entries),
                self._hints,
                self._prices,
                (self._score, self._conf, self._peak, self._link, self._end),
                self._alive,
                self._bounds,
                (self._edges, self._edge_links),
                (self._records, self._confs),
                self._count,
                self._top,
            )
            done += steps
            self._frame += steps
            self._total += taken
            if done < len(emissions):
                self._clear()

    def finish(self) -> Path:
        """The best path to the end; where the audio stops within a unit, that unit's words so far are in it."""
        score, link, end, conf = self._last()
        items: list[Aligned] = []
        while link >= 0:
            previous, word, frame, last = self._records[:, link].tolist()
            items.append(Aligned(None if word < 0 else word, frame, end, conf))
            link, end, conf = previous, last, float(self._confs[link])
        return Path(self._total + score, items[::-1])

    def _last(self) -> tuple[float, int, int, float]:
        """Score (as the scores stand), record, last frame with a token and log-probability of the best path."""
        graph, costs = self.graph, self.costs
        if not self._frame:
            return 0.0, -1, -1, 0.0
        best = (-np.inf, -1, -1, 0.0)
        for unit in np.flatnonzero(self._alive):
            begin, end = int(graph.first[unit]), int(graph.first[unit + 1])
            left = graph.units - unit  # units that come from here on
            around = costs.skip + costs.skip_more * left if left else 0.0
            for state in range(begin, end):
                price = around
                if state == end - 1 and unit < graph.units:  # its last token
                    price = costs.skip + costs.skip_more * (left - 1) if left > 1 else 0.0
                if (value := float(self._score[state]) - price) > best[0]:
                    best = (value, int(self._link[state]), int(self._end[state]), float(self._conf[state]))
        return best

    def _clear(self) -> None:
        """Make room among the records."""
        self._count = _compact(self._records, self._confs, self._count, self._score, self._link, self._alive, self.graph.first)
        if 2 * self._count > len(self._confs):
            self._records = np.concatenate([self._records, np.empty_like(self._records)], axis=1)
            self._confs = np.concatenate([self._confs, np.empty_like(self._confs)])


@compiled
def _advance(emissions, best, frame, graph, hints, prices, states, alive, bounds, edge, record, count, top):  # type: ignore[no-untyped-def]
    """Take in frames until all are, or there is room for no more records: (frames, records, top, taken off the scores)."""
    first, column, kind, word, jump, direct, entries = graph
    score, conf, peak, link, end = states
    arrive, arrive_links = edge
    records, confs = record
    enter, skip, skip_more, beam, hint, hint_most = prices
    units, taken = len(entries) - 1, 0.0
    low, high = bounds
    for t in range(len(emissions)):
        now = frame + t
        # What arrives at each edge before this frame: from its silence and filler, from the unit before, from before that one.
        run, run_conf, run_link, run_end = NONE, np.float32(0), -1, -1
        needed = 0
        u = low
        while u <= units:
            f = first[u]
            a, c, k, e = NONE, np.float32(0), -1, -1
            if now == 0 and u == 0:
                a = np.float32(0)
            if u <= high and alive[u]:
                for s in range(f, f + 2):
                    if score[s] > a:
                        a, c, k, e = score[s], conf[s], link[s], end[s]
            b, d, m, g = a, c, k, e  # at the first token, which may not follow its like
            if 0 < u <= high + 1 and alive[u - 1]:
                s = f - 1
                if score[s] > a:
                    a, c, k, e = score[s], conf[s], link[s], end[s]
                    if u < units and direct[u]:
                        b, d, m, g = a, c, k, e
            onward, onward_conf, onward_link, onward_end = a, c, k, e
            if run > a:
                a, c, k, e = run, run_conf, run_link, run_end
            if run > b:
                b, d, m, g = run, run_conf, run_link, run_end
            if u > high and a <= top - beam:
                break
            arrive[0, u], arrive[1, u], arrive_links[0, u], arrive_links[1, u] = a, c, k, e
            arrive[2, u], arrive[3, u], arrive_links[2, u], arrive_links[3, u] = b, d, m, g
            if onward - skip > run:
                run, run_conf, run_link, run_end = onward - skip, onward_conf, onward_link, onward_end
            run -= skip_more
            needed += entries[u]
            u += 1
        if count + needed > len(confs):
            bounds[0], bounds[1] = low, high
            return t, count, top, taken
        for v in range(high + 1, u):
            alive[v] = False
        high = u - 1
        taken += top
        new_top = NONE
        for u in range(low, high + 1):
            f, stop = first[u], first[u + 1]
            if not alive[u]:
                if arrive[0, u] <= top - beam:
                    continue
                score[f:stop] = NONE
            unit_top = NONE
            for s in range(stop - 1, f + 1, -1):
                here = emissions[t, column[s]]
                if kind[s] == SILENT:
                    if score[s - 1] > score[s]:
                        score[s], conf[s], peak[s] = score[s - 1], conf[s - 1], peak[s - 1]
                        link[s], end[s] = link[s - 1], end[s - 1]
                    score[s] += here - top
                    unit_top = max(unit_top, score[s])
                    continue
                a, c, k, e = NONE, np.float32(0), -1, -1
                if s == f + 2:
                    a, c, k, e = arrive[2, u], arrive[3, u], arrive_links[2, u], arrive_links[3, u]
                    off = max(np.float32(0), max(hints[0, u] - now, now - hints[1, u]))
                    a -= min(hint_most, hint * off)
                else:
                    a, c, k, e = score[s - 1], conf[s - 1], link[s - 1], end[s - 1]
                    if jump[s] and score[s - 2] > a:
                        a, c, k, e = score[s - 2], conf[s - 2], link[s - 2], end[s - 2]
                log_prob = here + best[t] if kind[s] == COUNTED else np.float32(0)
                if a > score[s]:
                    score[s], link[s], peak[s] = a, k, log_prob
                    if word[s] >= 0 and a > top - beam:
                        records[0, count], records[1, count], records[2, count], records[3, count] = k, word[s], now, e
                        confs[count] = c
                        link[s] = count
                        count += 1
                        c = np.float32(0)
                    elif word[s] >= 0:
                        score[s] = NONE
                    conf[s] = c + log_prob
                    end[s] = e
                elif log_prob > peak[s]:
                    conf[s] += log_prob - peak[s]
                    peak[s] = log_prob
                if kind[s] == COUNTED or word[s] >= 0:
                    end[s] = now
                score[s] += here - top
                unit_top = max(unit_top, score[s])
            a, c, k, e = arrive[0, u], arrive[1, u], arrive_links[0, u], arrive_links[1, u]
            if a - enter > score[f]:
                records[0, count], records[1, count], records[2, count], records[3, count] = k, -1, now, e
                confs[count] = c
                score[f], link[f], conf[f] = a - enter, count, 0
                count += 1
            score[f] += emissions[t, column[f]] - top
            end[f] = now
            score[f + 1] = a + emissions[t, column[f + 1]] - top
            conf[f + 1], link[f + 1], end[f + 1] = c, k, e
            unit_top = max(unit_top, score[f], score[f + 1])
            alive[u] = unit_top > NONE
            new_top = max(new_top, unit_top)
            arrive[0, u] = unit_top
        for u in range(low, high + 1):
            if alive[u] and arrive[0, u] <= new_top - beam:
                alive[u] = False
        while low < high and not alive[low]:
            low += 1
        while high > low and not alive[high]:
            high -= 1
        top = new_top
    bounds[0], bounds[1] = low, high
    return len(emissions), count, top, taken


@compiled
def _compact(records, confs, count, score, link, alive, first):  # type: ignore[no-untyped-def]
    """Keep the records that a living state's path goes through, in order; return how many."""
    kept = np.zeros(count, np.bool_)
    for u in range(len(alive)):
        if alive[u]:
            for s in range(first[u], first[u + 1]):
                k = link[s] if score[s] > NONE else -1
                while k >= 0 and not kept[k]:
                    kept[k] = True
                    k = records[0, k]
    moved = np.full(count, -1, np.int32)
    new = 0
    for k in range(count):
        if kept[k]:
            moved[k] = new
            records[:, new] = records[:, k]
            confs[new] = confs[k]
            if records[0, new] >= 0:
                records[0, new] = moved[records[0, new]]
            new += 1
    for u in range(len(alive)):
        if alive[u]:
            for s in range(first[u], first[u + 1]):
                link[s] = moved[link[s]] if score[s] > NONE and link[s] >= 0 else -1
    return new
