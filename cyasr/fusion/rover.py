"""ROVER: the best hypotheses of several systems vote, word by word (Fiscus, ASRU 1997, doi:10.1109/ASRU.1997.659110).

The systems' words are aligned in the order of `lists` with the costs of NIST's tool, which gives the same slots. In a slot
a word's score is alpha * (its share of the votes) + (1 - alpha) * (its confidence): the mean over the systems that say it, or
the highest. Nothing has the confidence `nulls`. Where all votes weigh the same this is rover's meth1 and maxconf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cyasr.fusion.calibration import Kind
from cyasr.fusion.combination import Combination, Consensus, Method, Row, Settings, check_lists
from cyasr.fusion.words import Spelled, Speller, numbered, word_posteriors, word_times
from cyasr.nbest import Nbest

TIE = 1e-11  # less than scores are rounded to tell apart

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class Conf:
    """conf/fuse_<name>.yaml. Of all lists of values, the first is where the search on dev begins."""

    lists: list[str]  # decode_… or fuse_… of this system, train_…/decode_… of another; words are aligned in this order
    kind: str = "rover"
    alphas: list[float] = field(default_factory=lambda: [0.5, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    nulls: list[float] = field(default_factory=lambda: [0.5, 0.0, 0.2, 0.35, 0.65, 0.8, 1.0])
    measure: Literal["mean", "highest"] = "mean"
    votes: list[float] = field(default_factory=lambda: [1.0, 0.5, 1.5, 2.0])  # of each source
    scales: list[float] = field(default_factory=lambda: [1.0, 0.1, 0.2, 0.5])  # of totals, for confidences of lists without
    fold: bool = False  # spelling variants of a word vote together; the surest spelling is written
    calibration: Kind = "platt"
    sweeps: int = 3

    def __post_init__(self) -> None:
        check_lists(self.lists)
        for name in ("alphas", "nulls", "votes", "scales"):
            values = getattr(self, name)
            if not values or min(values) < 0 or (name in ("votes", "scales") and min(values) == 0):
                raise ValueError(
                    f"{name}: one or more values, none below zero{'' if name in ('alphas', 'nulls') else ' or zero'}"
                )
        if max(self.alphas) > 1:
            raise ValueError("alphas: from 0 to 1")


class Fusion(Combination):
    def _method(self) -> Method:
        return Rover(self.conf, self.speller)


@dataclass(frozen=True)
class Slots:
    """S slots of some utterances, R sources. said: (S, R) ids of words, 0 for nothing; place: (S, R) which of the source's
    words that is. confidences: by scale, (S, R). starts: (U + 1,)."""

    said: Ints
    place: Ints
    confidences: dict[float, Floats]
    starts: Ints
    spelled: list[list[Spelled]]
    rows: Sequence[Row]


class Rover:
    def __init__(self, conf: Conf, speller: Speller) -> None:
        self.conf, self.speller = conf, speller

    def candidates(self, names: Sequence[str]) -> dict[str, list[float]]:
        weights = {f"weight {name}": self.conf.votes for name in names}
        return {"alpha": self.conf.alphas, "null": self.conf.nulls, "scale": self.conf.scales} | weights

    def prepare(self, rows: Sequence[Row]) -> Slots:
        from cyasr.fusion.network import build

        sources = np.arange(len(rows[0]) if rows else 0)
        said, places, starts, spelled = [], [], [0], []
        confidences: dict[float, list[Floats]] = {scale: [] for scale in self.conf.scales}
        for row in rows:
            best = [self.speller.spelled(nbest.hyps[0].text) for nbest in row]
            words, bounds, ids = numbered([one.keys for one in best])
            table = build(words, bounds, sources, np.ones(len(row)), len(ids), False)[0].T.astype(np.int64)
            place = np.cumsum(table > 0, axis=0) - 1
            for scale, parts in confidences.items():
                parts.append(self._confidences(row, best, table, place, scale))
            said.append(table)
            places.append(place)
            starts.append(starts[-1] + len(table))
            spelled.append(best)
        shape = (0, len(sources))
        joined = {scale: np.concatenate([np.zeros(shape), *parts]) for scale, parts in confidences.items()}
        none = np.zeros(shape, np.int64)
        return Slots(np.concatenate([none, *said]), np.concatenate([none, *places]), joined, np.array(starts), spelled, rows)

    def _confidences(self, row: Row, best: list[Spelled], table: Ints, place: Ints, scale: float) -> Floats:
        """(S, R) of the word that each source says in each slot; 0 where it says nothing."""
        found = np.zeros(table.shape)
        for source, (nbest, one) in enumerate(zip(row, best, strict=True)):
            sure = kept_confidences(nbest, one)
            if sure is None:
                sure = word_posteriors(nbest, self.speller, scale)
            here = table[:, source] > 0
            found[here, source] = sure[place[here, source]]
        return found

    def decide(self, prepared: Slots, settings: Settings) -> list[Consensus]:
        said, sources = prepared.said, prepared.said.shape[1]
        votes = np.array([value for name, value in settings.items() if name.startswith("weight ")])
        sure = np.where(said > 0, prepared.confidences[settings["scale"]], settings["null"])
        same = said[:, :, None] == said[:, None, :]  # (S, R, R)
        share = (same * votes).sum(axis=2) / votes.sum()
        if self.conf.measure == "mean":
            measured = (same * (votes * sure[:, None, :])).sum(axis=2) / (same * votes).sum(axis=2)
        else:
            measured = np.where(same, sure[:, None, :], 0.0).max(axis=2)
        score = (settings["alpha"] * share + (1 - settings["alpha"]) * measured).round(10)
        # among equals words before nothing, then the first source's, as NIST's does
        score = np.where(said > 0, score + TIE, score)
        winner = score.argmax(axis=1) if sources else np.zeros(0, np.int64)
        slots = np.arange(len(said))
        agreeing = same[slots, winner]
        # spelled as the surest of those that agree does; confidence: what they are sure of, counted by their votes
        speller = np.where(agreeing, sure, -1.0).argmax(axis=1) if sources else winner
        believed = (agreeing * votes * sure).sum(axis=1) / votes.sum()
        chosen = said[slots, winner] > 0
        made = []
        for u, (best, row) in enumerate(zip(prepared.spelled, prepared.rows, strict=True)):
            mine = np.arange(prepared.starts[u], prepared.starts[u + 1])
            mine = mine[chosen[mine]]
            who, where = speller[mine].tolist(), prepared.place[mine, speller[mine]].tolist()
            made.append(
                Consensus(
                    [best[r].spellings[w] for r, w in zip(who, where, strict=True)],
                    believed[mine],
                    [word_times(row[r], best[r], w) for r, w in zip(who, where, strict=True)],
                )
            )
        return made


def kept_confidences(nbest: Nbest, best: Spelled) -> Floats | None:
    """Those that the best hypothesis brings along, where they are of its words as they are compared."""
    words = nbest.hyps[0].words
    if not words or len(words) != len(best.keys):
        return None
    return np.array([word.conf for word in words])
