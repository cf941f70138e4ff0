"""Confusion-network combination: all hypotheses of all lists vote, word by word, each with its posterior.

The lists' hypotheses, heaviest first, join one network (cyasr.fusion.network) in which each slot's word is the one with
the most weight: N-best ROVER (Stolcke et al., NIST Speech Transcription Workshop 2000), which combines systems'
confusion networks (Evermann & Woodland, NIST Speech Transcription Workshop 2000) without aligning networks. A
hypothesis weighs its list's weight times its posterior in the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cyasr.fusion.calibration import Kind
from cyasr.fusion.combination import Combination, Consensus, Method, Row, Settings, check_lists
from cyasr.fusion.words import Spelled, Speller, numbered, posteriors, word_times

LEAST = 1e-6  # of all weight; a hypothesis below it takes no part


@dataclass
class Conf:
    """conf/fuse_<name>.yaml. Of all lists of values, the first is where the search on dev begins."""

    lists: list[str]  # decode_… or fuse_… of this system, train_…/decode_… of another
    kind: str = "confusion"
    scales: list[float] = field(default_factory=lambda: [0.5, 0.1, 0.2, 0.3, 1.0, 2.0])  # of each list's totals
    weights: list[float] = field(default_factory=lambda: [1.0, 0.25, 0.5, 2.0, 4.0])  # of each list
    fold: bool = False  # spelling variants of a word are one; the heaviest hypothesis's spelling is written
    calibration: Kind = "platt"
    sweeps: int = 2

    def __post_init__(self) -> None:
        check_lists(self.lists)
        for name in ("scales", "weights"):
            if not getattr(self, name) or min(getattr(self, name)) <= 0:
                raise ValueError(f"{name}: one or more values above zero")


class Fusion(Combination):
    def _method(self) -> Method:
        return Voting(self.conf, self.speller)


@dataclass(frozen=True)
class Pooled:
    """All hypotheses of an utterance: ids of their words, where each begins, how each is spelled, whose it is."""

    words: NDArray[np.int32]
    starts: NDArray[np.int64]
    vocabulary: int
    spelled: list[Spelled]
    row: Row


class Voting:
    def __init__(self, conf: Conf, speller: Speller) -> None:
        self.conf, self.speller = conf, speller

    def candidates(self, names: Sequence[str]) -> dict[str, list[float]]:
        scales = {f"scale {name}": self.conf.scales for name in names}
        return scales | {f"weight {name}": self.conf.weights for name in names}

    def prepare(self, rows: Sequence[Row]) -> list[Pooled]:
        made = []
        for row in rows:
            spelled = [self.speller.spelled(hyp.text) for nbest in row for hyp in nbest.hyps]
            words, starts, ids = numbered([one.keys for one in spelled])
            made.append(Pooled(words, starts, len(ids), spelled, row))
        return made

    def decide(self, prepared: list[Pooled], settings: Settings) -> list[Consensus]:
        scales = [value for name, value in settings.items() if name.startswith("scale ")]
        weights = [value for name, value in settings.items() if name.startswith("weight ")]
        return [self._decide(one, scales, weights) for one in prepared]

    @staticmethod
    def _decide(one: Pooled, scales: Sequence[float], weights: Sequence[float]) -> Consensus:
        from cyasr.fusion.network import NOTHING, build

        shares = [w * posteriors(nbest, scale) for nbest, scale, w in zip(one.row, scales, weights, strict=True)]
        heavy = np.concatenate(shares) / sum(weights)
        order = np.argsort(-heavy, kind="stable")
        order = order[heavy[order] > LEAST]
        said, mass = build(one.words, one.starts, order, heavy, one.vocabulary, True)
        winner = mass.argmax(axis=1)
        slots = np.flatnonzero(winner != NOTHING)
        owner = np.repeat(np.arange(len(one.row)), [len(nbest.hyps) for nbest in one.row])
        firsts = np.cumsum([0, *(len(nbest.hyps) for nbest in one.row)])
        words, times = [], []
        for slot in slots.tolist():
            hyp = int(order[np.argmax(said[order, slot] == winner[slot])])  # the heaviest that says so
            place = int((said[hyp, :slot] != NOTHING).sum())
            words.append(one.spelled[hyp].spellings[place])
            best = hyp == firsts[owner[hyp]]
            times.append(word_times(one.row[owner[hyp]], one.spelled[hyp], place) if best else (None, None))
        return Consensus(words, mass[slots, winner[slots]] / mass[slots].sum(axis=1), times)
