"""Stage 9: RESULTS.md from the runs under exp/, failed and unfinished ones too; a page with plots and audio."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from cyasr.cli import UsageError, run
from cyasr.files import write_text
from cyasr.report.results import collect, compact, render

EXP, PAPERS = Path("exp"), Path("conf/papers.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the file to write, egs/<recipe>/RESULTS.md")
    parser.add_argument("--only", nargs="+", default=[], metavar="P", help="of experiments that match a pattern SET/CONF (all)")
    parser.add_argument("--print", dest="show", metavar="NAME", help="print the test results on this data set, too")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained HTML page, too")
    parser.add_argument("--utterances", type=int, default=10, metavar="N", help="on it: N worst and N random ones a set (10)")
    parser.add_argument("--audio-mb", type=float, default=6.0, metavar="M", help="on it: embedded audio, MB at most (6; 0: none)")
    arguments = parser.parse_args()
    if arguments.utterances < 0 or not arguments.audio_mb >= 0:
        raise UsageError("--utterances and --audio-mb: expected 0 or more")
    report = collect(EXP, PAPERS, arguments.only)
    only = f" --only {shlex.join(arguments.only)}" if arguments.only else ""
    text = render(report, f"python -m steps.report --out {arguments.out}{only}")
    if arguments.out.exists() and arguments.out.read_text(encoding="utf-8") == text:
        print(f"steps.report: {arguments.out} is up to date")
    else:
        write_text(arguments.out, text)
        print(f"steps.report: {arguments.out}: {len(report.results)} results")
    if arguments.html:
        from cyasr.report.page import document, sets

        options = sets.Options(arguments.utterances, arguments.audio_mb)
        made = document.write(report, EXP, PAPERS, arguments.html, options)
        print(f"steps.report: {arguments.html}{f': {made}' if made else ' is up to date'}")
    if arguments.show:
        print("\n" + compact(report, arguments.show), end="")


if __name__ == "__main__":
    run(main)
