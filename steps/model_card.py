"""Stage 9: MODEL_CARD.md for every trained system: its data and their licences, what they allow, its scores."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.files import write_text

VERSION = 1  # counts up where the same files give another card


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/<system>, or a folder above it for all below")
    arguments = parser.parse_args()
    from cyasr.report.collect import results, trainings
    from cyasr.report.model_card import inputs, render
    from cyasr.stage import Stage

    root = Path("exp")
    if not arguments.exp.is_relative_to(root) or not arguments.exp.is_dir():
        raise UsageError(f"--exp {arguments.exp}: should be exp/ or a folder below it")
    found = [one for one in trainings(root) if one.directory.is_relative_to(arguments.exp) and ".old-" not in one.conf]
    written = 0
    for one in found:
        data, card = Path("data", one.data_set), one.directory / "MODEL_CARD.md"
        if card.exists() and not (data / "train.jsonl.gz").is_file():
            continue  # it was made while its data lay here, and says more than could be said now
        stage = Stage(one.directory / ".card.json", inputs(one, data), {"version": VERSION, "status": one.status})
        if not stage.fresh(quiet=True):
            write_text(card, render(one, results(root, [one]), data))
            stage.done([card])
            written += 1
    print(f"steps.model_card: {len(found)} model cards below {arguments.exp}, {written or 'none'} written anew")


if __name__ == "__main__":
    run(main)
