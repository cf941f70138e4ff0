"""Are systems different? Paired bootstrap and MAPSSWE on the same utterances, Holm-corrected, from what stage 8 wrote."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cyasr.cli import UsageError, run
from cyasr.files import write_json

if TYPE_CHECKING:
    from cyasr.report.compared import Seeds

SUFFIX = ".utterances.jsonl.gz"


def main() -> None:
    parser = argparse.ArgumentParser(prog="steps.compare", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=f"*{SUFFIX} of each system")
    parser.add_argument("--exp", type=Path, help="exp/<set>: all systems tested on that set, in place of files")
    parser.add_argument("--split", default="test", help="with --exp (test); dev served for selection")
    parser.add_argument("--against", default="best", metavar="SYSTEM", help="best (default), all (each pair), or one by its name")
    parser.add_argument("--rung", default="strict", choices=("strict", "fold", "lenient"), help="of the ladder (strict)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the figures as JSON, too")
    arguments = parser.parse_args()
    if bool(arguments.files) == bool(arguments.exp) or len(arguments.files) == 1:
        raise UsageError(f"either --exp exp/<set>, or two or more *{SUFFIX}")

    from cyasr.report import cells, compared
    from cyasr.score.statistics.comparisons import compare_files

    if arguments.exp:
        systems, groups = of_set(arguments.exp, arguments.split)
    else:
        systems, groups = dict(zip(names(arguments.files), arguments.files, strict=True)), []
    table = compare_files(systems, arguments.against, arguments.rung)
    print(f"{compared.title(table)}\n\n{cells.plain(compared.HEAD, compared.rows(table))}", end="")
    for name, reason in table.left_out.items():
        print(f"Not compared: {name} ({reason})")
    if groups:
        print(f"\nSeveral seeds:\n\n{cells.plain(compared.SEEDS_HEAD, compared.seed_rows(groups))}", end="")
    if arguments.out:
        write_json(arguments.out, table.to_json())


def of_set(directory: Path, split: str) -> tuple[dict[str, Path], list[Seeds]]:
    """Utterances files by system of the finished scores on exp/<set>, and the runs that differ in their seed only."""
    from cyasr.report import compared
    from cyasr.report.collect import results, trainings
    from cyasr.score.lists import exp_root

    root = exp_root(directory.absolute())
    name = str(directory.absolute().relative_to(root))
    found = results(root, trainings(root))
    systems = compared.comparable(found, name, split)
    if len(systems) < 2:
        raise UsageError(f"{directory} has {len(systems)} finished scores on {split} with their counts; run stages 5 to 8")
    return systems, compared.seeds(found, name, split)


def names(files: list[Path]) -> list[str]:
    """The files' paths without what all of them share; the whole paths where that leaves one of them nothing."""
    parts = [(*path.absolute().parts[:-1], path.name.removesuffix(SUFFIX)) for path in files]
    if len(set(parts)) < len(parts):
        raise UsageError("a file is given twice; give each system's once")
    short = ["/".join(one) for one in zip(*(column for column in zip(*parts, strict=False) if len(set(column)) > 1), strict=True)]
    same_depth = len({len(one) for one in parts}) == 1
    return short if same_depth and all(short) else [str(path) for path in files]


if __name__ == "__main__":
    run(main)
