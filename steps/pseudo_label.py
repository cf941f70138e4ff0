"""What a system heard in speech without transcripts, where it is sure of it, as silver cuts to train on."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import UsageError, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nbest", type=Path, required=True, help="lists whose words have confidences: of a fuse conf")
    parser.add_argument("--out", type=Path, required=True, help="manifest to write: data/<set>/train.jsonl.gz")
    parser.add_argument("--min-utterance", type=float, default=0.9, help="mean confidence of an utterance's words (0.9)")
    parser.add_argument("--min-word", type=float, default=0.5, help="confidence of each of its words (0.5)")
    arguments = parser.parse_args()
    for name in ("min_utterance", "min_word"):
        if not 0 <= getattr(arguments, name) <= 1:
            raise UsageError(f"--{name.replace('_', '-')}: from 0 to 1, not {getattr(arguments, name)}")
    if not arguments.out.name.endswith(".jsonl.gz"):
        raise UsageError(f"--out {arguments.out}: a manifest's name ends in .jsonl.gz")

    from cyasr.fusion.pseudo_labels import Thresholds, label

    print(label(arguments.nbest, arguments.out, Thresholds(arguments.min_utterance, arguments.min_word)))


if __name__ == "__main__":
    run(main)
