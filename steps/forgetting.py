"""What systems gained and what they forgot of the ones they started from (`init_from`), dialect by dialect."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import UsageError, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="steps.forgetting", description=__doc__)
    parser.add_argument("--exp", type=Path, default=Path("exp"), help="where experiments lie (exp)")
    arguments = parser.parse_args()

    from cyasr.report import cells, forgetting
    from cyasr.report.collect import results, trainings

    made = forgetting.changes(results(arguments.exp, trainings(arguments.exp)), arguments.exp)
    if not made:
        raise UsageError(
            f"{arguments.exp} holds no system with `init_from` whose ancestor was scored on the same test set; "
            "decode both on it (./run.sh --also SET)"
        )
    print(cells.plain(forgetting.HEAD, forgetting.rows(made)), end="")


if __name__ == "__main__":
    run(main)
