"""Praat's TextGrid, long and short text form. As Praat itself does, only free-standing numbers, quoted texts and
<flags> are read; the words between them are for the reader's eye."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cyasr.data.formats.cues import Cue
from cyasr.data.formats.texts import TextError

TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(<\w+>|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?!\S)')


def read_textgrid(text: str) -> dict[str, list[Cue]]:
    """tier -> its intervals (points have no length and are left out). Raises TextError where it is no whole TextGrid."""
    if text.startswith("ooBinaryFile"):
        raise TextError("no TextGrid text: it was saved in Praat's binary form; save it as a text file")
    tokens = _tokens(text)
    try:
        if next(tokens)[0] != "ooTextFile" or next(tokens)[0] != "TextGrid":
            raise TextError("no TextGrid: it does not begin as Praat writes them")
        _number(next(tokens)), _number(next(tokens))
        tiers: dict[str, list[Cue]] = {}
        if next(tokens)[0] != "<exists>":
            return tiers
        for _ in range(int(_number(next(tokens)))):
            kind, name = next(tokens)[0], next(tokens)[0]
            _number(next(tokens)), _number(next(tokens))
            cues = []
            for _ in range(int(_number(next(tokens)))):
                at, start = next(tokens)
                begin = _number((at, start))
                if kind == "IntervalTier":
                    end = _number(next(tokens))
                    cues.append(Cue(begin, end, _label(next(tokens)[0]), line=text.count("\n", 0, start) + 1))
                elif kind == "TextTier":
                    next(tokens)
                else:
                    raise TextError(f"no TextGrid: a tier of class {kind!r}")
            tiers.setdefault(name, []).extend(cues)
    except StopIteration:
        raise TextError("truncated TextGrid: it ends before all its tiers") from None
    return tiers


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    for match in TOKEN.finditer(text):
        yield match[1].replace('""', '"') if match[1] is not None else match[2], match.start()


def _number(token: tuple[str, int]) -> float:
    try:
        number = float(token[0])
        int(number)  # finite
        return number
    except (ValueError, OverflowError):
        raise TextError(f"no TextGrid: expected a number, got {token[0][:40]!r}") from None


def _label(text: str) -> str:
    return " ".join(text.split())
