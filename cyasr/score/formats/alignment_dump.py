"""Alignments for people: reference over hypothesis, words in columns, as sclite's `pralign` shows them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

GAP = "*"


def lines(row: dict[str, Any]) -> str:
    """One utterance's block from its row of utterances.jsonl.gz, with a blank line behind."""
    said, heard = iter(row["ref"].split()), iter(row["hyp"].split())
    columns: tuple[list[str], list[str], list[str]] = ([], [], [])
    for op in row["ops"]:
        ref, hyp = next(said) if op != "I" else "", next(heard) if op != "D" else ""
        room = max(width(ref), width(hyp), 1)
        cells = (_filled(ref, room), _filled(hyp, room), (" " if op == "C" else op).ljust(room))
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    counts = " ".join(f"#{letter} {row['ops'].count(letter)}" for letter in "CSDI")
    speaker = f"  speaker {row['speaker']}" if row["speaker"] else ""
    text = [" ".join(column).rstrip() for column in columns]
    return f"id: {row['id']}{speaker}\n{counts}\nREF:  {text[0]}\nHYP:  {text[1]}\nEval: {text[2]}".rstrip() + "\n\n"


@lru_cache(maxsize=1 << 16)
def width(word: str) -> int:
    """Columns on a terminal: combining marks take none, wide letters two."""
    return sum(_columns(character) for character in word)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _filled(word: str, room: int) -> str:
    return word + " " * (room - width(word)) if word else GAP * room
