"""Normalised text as somebody else's model expects to read it: changes that a conf lists under `prepare:`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

MARKS = "\u0306\u030c"  # breve and caron, on σ̆ τζ̆ and the like

Change = Literal["lower", "unaccent", "unmark", "capital"]


def unaccent(text: str) -> str:
    """All marks away: those of stress and diaeresis, and those of Cypriot letters too."""
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))


def unmark(text: str) -> str:
    """Only the marks of Cypriot letters away, which Standard Greek models never saw: σ̆ύλλος, σύλλος."""
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(one for one in apart if one not in MARKS))


CHANGES: dict[Change, Callable[[str], str]] = {
    "lower": str.lower,
    "unaccent": unaccent,
    "unmark": unmark,
    "capital": lambda text: text[:1].upper() + text[1:],
}


def prepared(text: str, changes: Sequence[Change]) -> str:
    """`text` after each of `changes`, in their order."""
    for change in changes:
        text = CHANGES[change](text)
    return text
