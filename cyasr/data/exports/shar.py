"""Lhotse Shar, for training on a cluster: cuts and their audio in shards that are read one after another."""

from __future__ import annotations

from pathlib import Path

SHARD = 1000  # cuts


def write(split: str, cuts: Path, folder: Path) -> int:
    """`folder`/<split> from the cuts' manifest; returns how many. Audio at 16 kHz as FLAC, each cut its own."""
    from lhotse import CutSet
    from lhotse.shar import SharWriter

    out = folder / split
    out.mkdir(parents=True, exist_ok=True)
    for old in (*out.glob("cuts.*.jsonl.gz"), *out.glob("recording.*.tar")):
        old.unlink()
    count = 0
    with SharWriter(str(out), fields={"recording": "flac"}, shard_size=SHARD) as shards:
        for cut in CutSet.from_jsonl_lazy(cuts):
            shards.write(cut)
            count += 1
    return count
