"""Show spelling variants that systems write for what references have, as a table to mark; add what was marked."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cyasr.cli import UsageError, run

if TYPE_CHECKING:
    from cyasr.score.mining import Text

HOW = """Mark rows in the table with y under accept, name a source, then: --accept TABLE. Marked rows go to conf/variants.tsv,
where every later score reads them (its signature says how many). Nothing is added by itself."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="steps.mine_variants", description=__doc__, epilog=HOW)
    parser.add_argument("--exp", type=Path, help="all utterances that stage 8 scored below this directory")
    parser.add_argument("--ref", type=Path, help="or references in any format of steps.score")
    parser.add_argument("--hyp", type=Path, nargs="+", help="and hypotheses of one system or several")
    parser.add_argument("--profile", default="t1", help="of the normaliser, for --ref and --hyp (default: t1)")
    parser.add_argument("--least", type=int, default=2, help="times a pair must be seen (default: 2)")
    parser.add_argument("--out", type=Path, help="table of candidates to write")
    parser.add_argument("--accept", type=Path, metavar="TABLE", help="add the marked rows of TABLE to conf/variants.tsv")
    arguments = parser.parse_args()
    if arguments.accept:
        accept(arguments.accept)
    elif arguments.out and bool(arguments.exp) != bool(arguments.ref and arguments.hyp):
        write(arguments)
    else:
        raise UsageError("either --exp DIR --out TABLE, or --ref FILE --hyp FILE … --out TABLE, or --accept TABLE")


def write(arguments: argparse.Namespace) -> None:
    from cyasr.score import mining

    texts = mining.scored(arguments.exp) if arguments.exp else of_files(arguments.ref, arguments.hyp, arguments.profile)
    candidates = mining.mine(texts, arguments.least)
    mining.write_candidates(arguments.out, candidates)
    same = sum(mining.sound(one.one, one.other) == "same" for one in candidates)
    print(f"{arguments.out}: {len(candidates)} candidates, {same} of them said alike. Mark rows with y, then --accept it")


def of_files(ref: Path, hyps: list[Path], profile: str) -> Iterator[Text]:
    from cyasr.score import bare
    from cyasr.score.references import normaliser

    normal = normaliser(profile)
    for hyp in hyps:
        asked = bare.Request(bare.side(ref, None), bare.side(hyp, None), normal, missing="skipped")
        for said, heard in bare.paired(asked)[1]:
            yield str(hyp), said.id, normal.apply(said.text).split(), normal.apply(heard.text).split()


def accept(table: Path) -> None:
    from cyasr.score import mining
    from cyasr.text.variant_rows import ACCEPTED

    added, left = mining.accept(table)
    for row in added:
        print(f"added {row.kind}: {row.one} = {row.other} ({row.rule}; {row.source})")
    for line in left:
        print(line)
    print(f"{ACCEPTED}: {len(added)} rows added. Scores made from now on use them; run stage 8 again for older ones")


if __name__ == "__main__":
    run(main)
