"""A corpus's text files, line by line: a damaged line is a reject with its place, not the end of the run."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cyasr.cli import UsageError
from cyasr.data.utterance import Reject

LONGEST_CELL = 1 << 24  # characters; csv's own limit of 131,072 is below some transcripts
LONGEST_LINE = 1 << 26  # bytes; a longer one is no text, and has no place in memory


@dataclass(frozen=True)
class Row:
    """One row of a table: its cells by column name; `where` is "file:line"."""

    where: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


def read_lines(path: Path) -> Iterator[tuple[str, str] | Reject]:
    """("file:line", text without its line end) of every line that is not blank; a Reject where it is not UTF-8.

    Raises UsageError where there is no such file.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; is --corpus-dir the right folder?")
    with open(path, "rb") as lines:
        for number, line in enumerate(iter(partial(lines.readline, LONGEST_LINE), b""), 1):
            where = f"{path}:{number}"
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while (rest := lines.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield Reject("", where, f"no valid row: longer than {LONGEST_LINE >> 20} MB")
                continue
            try:
                text = line.decode("utf-8").removeprefix("\ufeff" if number == 1 else "").rstrip("\r\n")
                if text.strip():
                    yield where, text
            except UnicodeDecodeError as error:
                place = lines.tell() - len(line) + error.start
                yield Reject("", where, f"not UTF-8: byte {place} of the file is 0x{line[error.start]:02x}")


def read_table(
    path: Path, columns: Sequence[str], delimiter: str = "\t", quoted: bool = False, header: bool = True
) -> Iterator[Row | Reject]:
    """Rows of a table that has `columns` (and maybe more), in any order; without a header, exactly these in this order.

    quoted: a cell may stand in double quotes, and then hold the delimiter (never a line end).
    Raises UsageError where the file or one of the columns is missing.
    """
    csv.field_size_limit(LONGEST_CELL)
    names = None if header else list(columns)
    for line in read_lines(path):
        if isinstance(line, Reject):
            yield line
            continue
        where, text = line
        try:
            cells = next(csv.reader([text], delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE))
        except csv.Error as error:
            yield Reject("", where, f"no valid row: {error}")
            continue
        if names is None:
            names = cells
            if missing := [column for column in columns if column not in names]:
                raise UsageError(f"{where}: no column {', '.join(missing)}; there are {', '.join(names)}")
            if twice := [column for column in columns if names.count(column) > 1]:
                raise UsageError(f"{where}: column {twice[0]} stands twice; which one is it?")
        elif len(cells) != len(names):
            yield Reject("", where, f"wrong number of cells: {len(cells)} for {len(names)} columns")
        else:
            yield Row(where, dict(zip(names, cells, strict=True)))
