"""Text in, normalised text out, line by line: `python -m steps.normalize --profile t1 < in > out`.

With --explain, tab-separated rows in the text's place: line, rule, words before, words after; and `=` with the result.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from difflib import SequenceMatcher

from cyasr.cli import lines, run
from cyasr.text.normalize import PROFILES, explain, normalize, signature


def main() -> None:
    parser = argparse.ArgumentParser(description="Normalise standard input, a line a text (UTF-8), to standard output.")
    parser.add_argument("--profile", choices=PROFILES, default="t1", help="t1 (what is scored) unless given")
    parser.add_argument("--explain", action="store_true", help="show which rule changed what: line, rule, before, after")
    parser.add_argument("--signature", action="store_true", help="print the profile's rules and versions, and read nothing")
    args = parser.parse_args()
    if args.signature:
        print(signature(args.profile))
        return
    write = sys.stdout.buffer.write
    try:
        for number, text in enumerate(lines(sys.stdin.buffer), 1):
            out = explained(number, text, args.profile) if args.explain else normalize(text, args.profile) + "\n"
            write(out.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # its reader (head) has seen enough
        sys.stderr.close()


def explained(number: int, text: str, profile: str) -> str:
    """What each rule changed in line `number`, a row for each place, then the row of the result."""
    rows = [(rule, old, new) for rule, before, after in explain(text, profile) for old, new in changed_words(before, after)]
    rows.append(("=", text, normalize(text, profile)))
    return "".join(f"{number}\t" + "\t".join(cell.replace("\t", " ") for cell in row) + "\n" for row in rows)


def changed_words(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The words that differ, place by place; blanks are none."""
    old, new = before.split(), after.split()
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield " ".join(old[i:j]), " ".join(new[k:m])


if __name__ == "__main__":
    run(main)
