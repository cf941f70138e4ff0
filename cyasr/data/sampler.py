"""Batches of similar durations, in an order that depends on the seed and the epoch alone.

What is drawn is the *global* batch: what one optimizer step sees. Processes share it out among themselves, so the
number of processes and the size of their micro-batches change the speed of a run and not what it learns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from math import floor, inf
from pathlib import Path
from typing import Any

from lhotse import CutSet
from lhotse.cut import Cut
from lhotse.dataset import DynamicBucketingSampler
from lhotse.dataset.sampling.base import TimeConstraint

from cyasr.data.seen import hash64
from cyasr.files import read_jsonl_gz

Heard = Callable[[int, Cut], float]
Unusable = Callable[[Cut], str | None]  # why a system cannot learn from a cut, or None


class GlobalBatches:
    """Epochs of global batches over a cuts file.

    seconds: speech in one global batch, padding included; padded_to: at least so much for each cut (0: as much as the
    longest beside it). without: ids of cuts that are left out. heard: (epoch, cut) -> seconds that the cut lasts once it is
    augmented; None: as long as it is recorded.
    """

    def __init__(
        self,
        cuts: Path,
        seconds: float,
        buckets: int,
        seed: int,
        shuffle: bool = True,
        heard: Heard | None = None,
        without: Collection[str] = (),
        padded_to: float = 0.0,
    ) -> None:
        self.cuts = cuts
        self.seconds = seconds
        self.buckets = buckets
        self.seed = seed
        self.shuffle = shuffle
        self.heard = heard
        self.without = without
        self.padded_to = padded_to
        self._total: tuple[int | None, float] | None = None  # of an epoch, or (None, of every epoch)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[list[Cut]]:
        """The epoch's batches, without the first `skip`. Cuts pass through a buffer: memory does not grow with them."""
        cuts = Repeated(self.cuts, self.seed, epoch, self.heard, self.without)
        some = sum(1 for _ in islice(cuts, self.buckets))
        if not some:
            return iter(())
        sampler = DynamicBucketingSampler(
            cuts,
            constraint=Length(max_duration=self.seconds, least=self.padded_to),
            num_buckets=self.buckets,
            duration_bins=[inf] if some < max(2, self.buckets) else None,  # too few to bucket: lhotse would fail
            shuffle=self.shuffle,
            seed=self.seed,
            world_size=1,
            rank=0,
        )
        sampler.set_epoch(epoch)
        return islice(map(list, sampler), skip, None)

    def total_seconds(self, epoch: int) -> float:
        """Seconds of speech in the epoch's batches; the cuts are streamed once, or once an epoch where some repeat."""
        if self._total is None or self._total[0] not in (None, epoch):
            repeats = False

            def seconds() -> Iterator[float]:
                nonlocal repeats
                for row in read_jsonl_gz(self.cuts):
                    if row["id"] in self.without:
                        continue
                    repeat = (row.get("custom") or {}).get("repeat")
                    repeats = repeats or repeat is not None
                    yield float(row["duration"]) * times(repeat, self.seed, epoch, row["id"])

            total = sum(seconds())
            self._total = (epoch if repeats else None), total
        return self._total[1]


class Repeated:
    """The cuts of one epoch, streamed: each once, or as often as its custom["repeat"] says on the average of epochs.

    Copies are told apart by their id, so that each is augmented in its own way.
    """

    def __init__(self, cuts: Path, seed: int, epoch: int, heard: Heard | None, without: Collection[str] = ()) -> None:
        self.cuts, self.seed, self.epoch, self.heard, self.without = cuts, seed, epoch, heard, without

    def __iter__(self) -> Iterator[Cut]:
        for cut in CutSet.from_jsonl_lazy(self.cuts):
            if cut.id in self.without:
                continue
            for copy in range(times((cut.custom or {}).get("repeat"), self.seed, self.epoch, cut.id)):
                one = cut.with_id(f"{cut.id}#{copy + 1}") if copy else cut
                if self.heard is not None:
                    one.custom = (one.custom or {}) | {"heard": self.heard(self.epoch, one)}
                yield one


def length(cut: Cut) -> float:
    """Seconds that the cut will last."""
    return float((cut.custom or {}).get("heard", cut.duration))


@dataclass
class Length(TimeConstraint):
    """lhotse's limit on a batch's seconds, padding included, by what the cuts will last; least: that each counts for."""

    current: float = 0.0
    longest_seen: float = 0.0
    least: float = 0.0

    def add(self, example: Cut) -> None:
        seconds = max(length(example), self.least)
        self.current += seconds
        self.longest_seen = max(self.longest_seen, seconds)
        self.num_cuts += 1

    def measure_length(self, example: Cut) -> float:
        return length(example)


def times(repeat: float | None, seed: int, epoch: int, name: str) -> int:
    """How often the epoch has the cut `name`: over any n epochs n * repeat, rounded up or down.

    Every cut of a thinned part has its turn therefore before any comes again; at which epoch depends on seed and name.
    """
    if repeat is None:
        return 1
    phase = hash64(f"{seed} {name}") / 2**64
    return floor(phase + repeat * (epoch + 1)) - floor(phase + repeat * epoch)


def share(batch: list[Cut], rank: int, ranks: int, micro_seconds: float, padded_to: float = 0.0) -> list[tuple[list[Cut], float]]:
    """One process's part of a global batch as micro-batches (cuts, weight). padded_to: as in GlobalBatches.

    Longest first and dealt in turn, so that the parts are alike. A process without a cut of its own repeats the
    first with weight 0: it takes part in the exchange of gradients and adds nothing.
    """
    cuts = sorted(batch, key=lambda cut: (-length(cut), cut.id))
    mine = cuts[rank::ranks]
    if not mine:
        return [(cuts[:1], 0.0)]
    micro: list[list[Cut]] = [[]]
    for cut in mine:
        padded = max(length(mine[0]), padded_to) * (len(micro[-1]) + 1)
        if micro_seconds and micro[-1] and padded > micro_seconds:
            micro.append([])
        micro[-1].append(cut)
    return [(part, 1.0) for part in micro]


def screen(cuts: Path, unusable: Unusable | None) -> dict[str, str]:
    """Why cuts cannot be learnt from: id -> reason. Streamed; unread where the system can learn from any (None)."""
    if unusable is None:
        return {}
    return {cut.id: reason for cut in CutSet.from_jsonl_lazy(cuts) if (reason := unusable(cut))}


def learnable(cuts: Path, unusable: Unusable | None) -> Iterator[Cut]:
    """The cuts that can be learnt from, streamed."""
    return (cut for cut in CutSet.from_file(cuts) if unusable is None or unusable(cut) is None)


class Shares:
    """One process's micro-batches of one epoch after another's, for a DataLoader: (index of global batch, cuts, weight)."""

    def __init__(self, batches: GlobalBatches, epoch: int, skip: int, rank: int, ranks: int, micro_seconds: float) -> None:
        self.batches, self.epoch, self.skip = batches, epoch, skip
        self.rank, self.ranks, self.micro_seconds = rank, ranks, micro_seconds

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for index, batch in enumerate(self.batches.epoch(self.epoch, self.skip), self.skip):
            parts = share(batch, self.rank, self.ranks, self.micro_seconds, self.batches.padded_to)
            seconds = sum(cut.duration for cut in batch)
            for number, (cuts, weight) in enumerate(parts, 1):
                last = number == len(parts)
                common = {"index": index, "epoch": self.epoch, "seconds": seconds, "count": len(batch)}
                yield common | {"cuts": cuts, "weight": weight, "last": last}
