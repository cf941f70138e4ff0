"""What an epoch holds: each cut once, or as often as a mixture says; the same again from any point."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from lhotse.cut import Cut

from cyasr.data.sampler import GlobalBatches, share, times


def write_cuts(path: Path, rows: list[tuple[str, float, float | None]]) -> Path:
    """rows: (id, seconds, repeat)."""
    with gzip.open(path, "wt") as out:
        for name, seconds, repeat in rows:
            source = {"type": "file", "channels": [0], "source": f"{name}.wav"}
            recording = {"id": name, "sources": [source], "sampling_rate": 16000, "num_samples": int(seconds * 16000)}
            cut = {"id": name, "start": 0.0, "duration": seconds, "channel": 0, "supervisions": [], "type": "MonoCut"}
            cut |= {"recording": recording | {"duration": seconds}}
            out.write(json.dumps(cut | ({"custom": {"repeat": repeat}} if repeat is not None else {})) + "\n")
    return path


def epoch(batches: GlobalBatches, number: int, skip: int = 0) -> list[list[str]]:
    return [[cut.id for cut in batch] for batch in batches.epoch(number, skip)]


def flat(batches: list[list[str]]) -> list[str]:
    return [name for batch in batches for name in batch]


def test_every_cut_comes_once_an_epoch_and_skipping_gives_the_same_rest(tmp_path: Path) -> None:
    cuts = write_cuts(tmp_path / "cuts.jsonl.gz", [(f"u{n}", 1 + n % 7, None) for n in range(60)])
    batches = GlobalBatches(cuts, 20, 4, seed=1)
    first = epoch(batches, 0)
    assert sorted(flat(first)) == sorted(f"u{n}" for n in range(60))
    assert epoch(batches, 0, skip=5) == first[5:]
    assert epoch(batches, 1) != first


def test_repeated_cuts_come_as_often_as_asked_over_any_epochs_and_under_other_ids() -> None:
    for repeat in (0.25, 0.5, 1.0, 1.7, 3.0):
        for name in ("a", "b", "c"):
            taken = [times(repeat, 3, number, name) for number in range(40)]
            for start in range(20):
                for length in (1, 4, 20):
                    assert abs(sum(taken[start : start + length]) - repeat * length) < 1
    assert times(None, 3, 7, "a") == 1


def test_an_epoch_of_a_mixture_lasts_as_long_as_its_batches_say(tmp_path: Path) -> None:
    rows = [(f"much{n}", 2.0, 2.5) for n in range(40)] + [(f"little{n}", 3.0, 0.3) for n in range(40)]
    batches = GlobalBatches(write_cuts(tmp_path / "cuts.jsonl.gz", rows), 20, 3, seed=1)
    counts: Counter[str] = Counter()
    for number in range(10):
        ids = flat(epoch(batches, number))
        assert len(ids) == len(set(ids))
        seconds = sum(cut.duration for batch in batches.epoch(number) for cut in batch)
        assert batches.total_seconds(number) == pytest.approx(seconds)
        assert epoch(batches, number, skip=3) == epoch(batches, number)[3:]
        counts.update(name.partition("#")[0] for name in ids)
    assert {counts[f"much{n}"] for n in range(40)} == {25}
    assert {counts[f"little{n}"] for n in range(40)} == {3}


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_fewer_cuts_than_buckets_are_no_fault(tmp_path: Path, count: int) -> None:
    cuts = write_cuts(tmp_path / "cuts.jsonl.gz", [(f"u{n}", 1 + n, None) for n in range(count)])
    assert len(flat(epoch(GlobalBatches(cuts, 400, 30, seed=1), 0))) == count


def test_cuts_are_batched_by_how_long_they_will_be_heard(tmp_path: Path) -> None:
    cuts = write_cuts(tmp_path / "cuts.jsonl.gz", [(f"u{n}", 4.0, None) for n in range(60)])

    def heard(epoch: int, cut: Cut) -> float:
        return float(cut.duration * (0.5 + int(cut.id[1:]) % 7))

    def padded(batches: list[list[Cut]]) -> float:
        """Seconds with padding, for each second without."""
        assert sum(map(len, batches)) == 60
        lengths = [[heard(0, cut) for cut in batch] for batch in batches]
        return sum(len(batch) * max(batch) for batch in lengths) / sum(map(sum, lengths))

    found = list(GlobalBatches(cuts, 60, 5, seed=1, heard=heard).epoch(0))
    for batch in found:
        assert len(batch) * max(heard(0, cut) for cut in batch) <= 60
        for part, _ in share(batch, 0, 1, 30.0):
            assert len(part) * max(heard(0, cut) for cut in part) <= 30
    assert padded(found) < 1.3 < padded(list(GlobalBatches(cuts, 60, 5, seed=1).epoch(0)))


def test_cuts_that_are_padded_to_a_window_count_for_it(tmp_path: Path) -> None:
    cuts = write_cuts(tmp_path / "cuts.jsonl.gz", [(f"u{n}", 1 + n % 7, None) for n in range(64)])
    batches = list(GlobalBatches(cuts, 125, 3, seed=1, padded_to=30.0).epoch(0))
    assert sum(map(len, batches)) == 64 and sorted(map(len, batches))[3:] == [4] * (len(batches) - 3)
    full = next(batch for batch in batches if len(batch) == 4)
    assert [len(share(full, rank, 2, 0.0, 30.0)[0][0]) for rank in (0, 1)] == [2, 2]
    assert [len(part) for part, _ in share(full, 0, 1, 60.0, 30.0)] == [2, 2]
    assert max(cut.duration for cut in full) - min(cut.duration for cut in full) < 4  # labels of like length still
