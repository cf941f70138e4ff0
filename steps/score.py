"""Stage 8: error rates with intervals for every n-best list below a directory of exp/, folds pooled."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.score.scoring import score_all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>; folds are pooled for exp/<name> over all of them")
    arguments = parser.parse_args()
    if not arguments.exp.is_dir():
        raise UsageError(f"{arguments.exp} is no directory; run stages 5 and 6")
    made, standing = score_all(arguments.exp)
    if not made:
        print(f"steps.score: {standing} scores below {arguments.exp} are up to date")


if __name__ == "__main__":
    run(main)
