"""By hand: write a trained system as one plain checkpoint, low-rank updates added to the weights they belong to.

The outputs before and after are compared on utterances of dev; where they differ nothing is written. What it writes,
transformers loads by itself, and a train conf takes as `pretrained: DIR`.
"""

from __future__ import annotations

import argparse
import os
import shutil
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import RunError, UsageError, run
from cyasr.files import read_json, write_json

if TYPE_CHECKING:
    from lhotse.cut import Cut

TOLERANCE = 1e-3  # of natural-log scores, relative to 1 + their size
UTTERANCES = 3  # compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/train_<system>, trained to its end")
    parser.add_argument("--out", type=Path, required=True, help="directory to make")
    arguments = parser.parse_args()
    exp, out = arguments.exp, arguments.out
    if out.exists():
        raise UsageError(f"--out {out}: exists already; choose another or remove it")
    record = read_json(exp / "run.json")

    from cyasr.adaptation.adapt import merge
    from cyasr.data.sampler import learnable
    from cyasr.systems import restore

    system = restore(exp, merged=False)
    dev = Path(record["data"]) / "dev.jsonl.gz"
    cuts = list(islice(learnable(dev, system.unusable), UTTERANCES))
    before = _outputs(system, cuts)
    merge(system)
    difference = _difference(before, _outputs(system, cuts))
    if not difference <= TOLERANCE:
        raise RunError(f"{exp}: merged, its scores differ by {difference:.2g} (relative); nothing was written")

    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        system.export(temporary)
        if (exp / "tokenizer" / "tokens.txt").exists():
            shutil.copytree(exp / "tokenizer", temporary / "tokenizer")
        origin = {key: record.get(key) for key in ("system", "conf", "data", "commit", "seed")}
        write_json(temporary / "origin.json", {"exp": str(exp), **origin, "largest_difference": difference})
        os.rename(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    print(f"{out}: scores of {len(cuts)} utterances differ by at most {difference:.1g} (relative) from {exp}")


def _outputs(system: Any, cuts: list[Cut]) -> list[Any]:
    """For each cut the greedy hypothesis' score and, where the system has them, its CTC log-probabilities (T, V)."""
    from cyasr.search.conf import DecodeConf

    conf = DecodeConf(search="greedy")
    found = [system.transcribe([cut], conf, None)[0] for cut in cuts]
    return [scores for nbest, log_probs in found for scores in (nbest.hyps[0].total, log_probs) if scores is not None]


def _difference(before: list[Any], after: list[Any]) -> float:
    """The largest difference, relative to 1 + the size."""
    import numpy as np

    return float(np.max([0.0, *(np.max(np.abs(b - a) / (1 + np.abs(a))) for a, b in zip(before, after, strict=True))]))


if __name__ == "__main__":
    run(main)
