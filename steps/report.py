"""Stage 9: RESULTS.md from every run under exp/, failed and unfinished ones too."""

from __future__ import annotations

import argparse
from pathlib import Path

from cyasr.cli import run
from cyasr.files import write_text
from cyasr.report.results import collect, compact, render


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write, egs/<recipe>/RESULTS.md")
    parser.add_argument("--print", dest="show", metavar="NAME", help="print the test results on this data set, too")
    arguments = parser.parse_args()
    report = collect(Path("exp"), Path("conf/papers.yaml"))
    text = render(report, f"python -m steps.report --out {arguments.out}")
    if arguments.out.exists() and arguments.out.read_text(encoding="utf-8") == text:
        print(f"steps.report: {arguments.out} is up to date")
    else:
        write_text(arguments.out, text)
        print(f"steps.report: {arguments.out}: {len(report.results)} results")
    if arguments.show:
        print("\n" + compact(report, arguments.show), end="")


if __name__ == "__main__":
    run(main)
