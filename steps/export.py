"""Write a data set's cuts for another toolkit: a Kaldi data directory, NeMo manifests, Lhotse Shar or Hub parquet.

    python -m steps.export --data data/fsdd --to kaldi --out /somewhere/fsdd

Texts are the normalised ones; licence, dialect and label go along wherever the layout has room for them.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.data.conf import SPLITS

KINDS = ("kaldi", "nemo", "shar", "hf")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a data set's cuts for another toolkit.")
    parser.add_argument("--data", type=Path, required=True, help="data/<set>, or data/<set>/<fold>")
    parser.add_argument("--to", required=True, choices=KINDS)
    parser.add_argument("--out", type=Path, required=True, help="a folder; what an export before left there is written anew")
    parser.add_argument("--copy-audio", action="store_true", help="audio too, each utterance alone (shar and hf always do)")
    args = parser.parse_args()
    export(args.data, args.to, args.out, args.copy_audio)


def export(data: Path, to: str, out: Path, copy: bool = False) -> None:
    """Raises UsageError where there are no cuts, or `out` is the data set itself."""
    splits = [split for split in SPLITS if (data / f"{split}.jsonl.gz").is_file()]
    if not splits:
        raise UsageError(f"{data} holds no train.jsonl.gz, dev.jsonl.gz or test.jsonl.gz; stage 2 makes them")
    if out.resolve() == data.resolve():
        raise UsageError(f"--out {out} is the data set itself; give another folder")
    from cyasr.data.exports.cut_rows import cut_rows
    from cyasr.data.progress import progress

    module = importlib.import_module(f"cyasr.data.exports.{to}")
    out.mkdir(parents=True, exist_ok=True)
    for split in splits:
        cuts = data / f"{split}.jsonl.gz"
        if next(cut_rows(cuts), None) is None:
            continue
        rows = progress(cut_rows(cuts), f"{out}: {split}")
        count = module.write(split, cuts, out) if to == "shar" else module.write(split, rows, out, copy)
        print(f"{out}: {split}, {count} utterances as {to}")


if __name__ == "__main__":
    run(main)
