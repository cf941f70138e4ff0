"""Batches of similar durations, in an order that depends on the seed and the epoch alone.

What is drawn is the *global* batch: what one optimizer step sees. Processes share it out among themselves, so the
number of processes and the size of their micro-batches change the speed of a run and not what it learns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lhotse import CutSet
from lhotse.cut import Cut
from lhotse.dataset import DynamicBucketingSampler


class GlobalBatches:
    """Epochs of global batches over a cuts file.

    seconds: speech in one global batch, speed perturbation not counted. without: ids of cuts that are left out.
    """

    def __init__(
        self, cuts: Path, seconds: float, buckets: int, seed: int, shuffle: bool = True, without: Collection[str] = ()
    ) -> None:
        self.cuts = cuts
        self.seconds = seconds
        self.buckets = buckets
        self.seed = seed
        self.shuffle = shuffle
        self.without = without

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[list[Cut]]:
        """The epoch's batches, without the first `skip`. Cuts pass through a buffer: memory does not grow with them."""
        cuts = CutSet.from_file(self.cuts)
        if self.without:
            cuts = cuts.filter(lambda cut: cut.id not in self.without)
        sampler = DynamicBucketingSampler(
            cuts,
            max_duration=self.seconds,
            num_buckets=self.buckets,
            shuffle=self.shuffle,
            seed=self.seed,
            world_size=1,
            rank=0,
        )
        sampler.set_epoch(epoch)
        return islice(map(list, sampler), skip, None)


def share(batch: list[Cut], rank: int, ranks: int, micro_seconds: float) -> list[tuple[list[Cut], float]]:
    """One process's part of a global batch as micro-batches (cuts, weight).

    Longest first and dealt in turn, so that the parts are alike. A process without a cut of its own repeats the
    first with weight 0: it takes part in the exchange of gradients and adds nothing.
    """
    cuts = sorted(batch, key=lambda cut: (-cut.duration, cut.id))
    mine = cuts[rank::ranks]
    if not mine:
        return [(cuts[:1], 0.0)]
    micro: list[list[Cut]] = [[]]
    for cut in mine:
        padded = mine[0].duration * (len(micro[-1]) + 1)
        if micro_seconds and micro[-1] and padded > micro_seconds:
            micro.append([])
        micro[-1].append(cut)
    return [(part, 1.0) for part in micro]


def screen(cuts: Path, unusable: Callable[[Cut], str | None]) -> tuple[float, dict[str, str]]:
    """Seconds of speech in the cuts that can be learnt from, and why the others cannot: id -> reason. Streamed."""
    seconds, reasons = 0.0, {}
    for cut in CutSet.from_file(cuts):
        if reason := unusable(cut):
            reasons[cut.id] = reason
        else:
            seconds += cut.duration
    return seconds, reasons


class Shares:
    """One process's micro-batches of one epoch after another's, for a DataLoader: (index of global batch, cuts, weight)."""

    def __init__(self, batches: GlobalBatches, epoch: int, skip: int, rank: int, ranks: int, micro_seconds: float) -> None:
        self.batches, self.epoch, self.skip = batches, epoch, skip
        self.rank, self.ranks, self.micro_seconds = rank, ranks, micro_seconds

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for index, batch in enumerate(self.batches.epoch(self.epoch, self.skip), self.skip):
            parts = share(batch, self.rank, self.ranks, self.micro_seconds)
            seconds = sum(cut.duration for cut in batch)
            for number, (cuts, weight) in enumerate(parts, 1):
                last = number == len(parts)
                common = {"index": index, "epoch": self.epoch, "seconds": seconds, "count": len(batch)}
                yield common | {"cuts": cuts, "weight": weight, "last": last}
