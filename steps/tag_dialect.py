"""Tag each line of standard input as cypriot, standard, english or mixed: tag, probability of Cypriot, text; tab-separated.

`--evaluate DIR` prints how often the tags are right on the held-out posts of github.com/hb20007/greek-dialect-classifier
(DIR holds its cg_*.txt and smg_*.txt); `--fit DIR` prints cyasr/text/dialect_markers.tsv with weights from the other posts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cyasr.cli import UsageError, lines, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--explain", action="store_true", help="each Greek word with its weight and markers instead of the text")
    mode.add_argument("--evaluate", type=Path, metavar="DIR", help="accuracy with 95 %% intervals, and nothing else")
    mode.add_argument("--fit", type=Path, metavar="DIR", help="the markers with new weights, and nothing else")
    parser.add_argument(
        "--more",
        action="append",
        default=[],
        metavar="LABEL=FILE",
        help="with --fit: sentences of one label, last cell of each line",
    )
    arguments = parser.parse_args()
    if arguments.evaluate:
        from cyasr.text.dialect_fit import evaluate

        print(evaluate(arguments.evaluate))
    elif arguments.fit:
        from cyasr.text.dialect_fit import fit, table_with

        sys.stdout.write(table_with(fit(arguments.fit, [pair for given in arguments.more for pair in labelled(given)])))
    else:
        try:
            tag_lines(arguments.explain)
            sys.stdout.flush()
        except BrokenPipeError:  # its reader (head) has seen enough
            sys.stderr.close()


def labelled(given: str) -> list[tuple[str, str]]:
    label, _, name = given.partition("=")
    if label not in {"cypriot", "standard"} or not Path(name).is_file():
        raise UsageError(f"--more {given}: not cypriot=FILE or standard=FILE with a file that exists")
    return [(line.split("\t")[-1], label) for line in Path(name).read_text(encoding="utf-8").splitlines()]


def tag_lines(explained: bool) -> None:
    from cyasr.text.dialect import explain, tag

    for line in lines(sys.stdin.buffer):
        found = tag(line)
        words = " ".join(f"{word}:{weight:+.2f}[{'|'.join(by)}]" for word, weight, by in explain(line)) if explained else line
        sys.stdout.write(f"{found.dialect}\t{found.cypriot:.3f}\t{words}\n")


if __name__ == "__main__":
    run(main)
