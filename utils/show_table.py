"""Show the first table below a heading of a Markdown file on the terminal: show_table.py FILE HEADING [COLUMN...]

COLUMNs are left out; they are for those who open the file.
"""

from __future__ import annotations

import sys
from itertools import dropwhile, takewhile
from pathlib import Path


def main(file: str, heading: str, *hidden: str) -> None:
    lines = iter(Path(file).read_text(encoding="utf-8").splitlines())
    below = dropwhile(lambda line: line != f"## {heading}", lines)
    table = takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), below))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    del rows[1:2]  # the rule below the header
    columns = [column for column in zip(*rows, strict=True) if column[0] not in hidden]
    widths = [max(map(len, column)) for column in columns]
    for row in zip(*columns, strict=True):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(*sys.argv[1:])
