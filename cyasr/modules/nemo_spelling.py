"""What a pretrained tokenizer can write: letters of our texts that it cannot, and what they are folded to.

Cypriot's σ̆ τζ̆ are letters with a combining mark, which tokenizers of Standard Greek have seldom seen: they come out as
<unk>, or without the mark.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cyasr.cli import UsageError
from cyasr.files import read_jsonl_gz

Unspellable = Literal["refuse", "fold", "extend"]  # what becomes of letters that the tokenizer lacks
LETTER = re.compile("[^\u0300-\u036f][\u0300-\u036f]*")  # a letter with its combining marks


@dataclass
class Speller:
    """encode: text to ids; decode: ids to text; unknown: the ids that stand for what has no token."""

    encode: Callable[[str], list[int]]
    decode: Callable[[list[int]], str]
    unknown: frozenset[int] = frozenset()
    _folds: dict[str, str | None] = field(default_factory=dict)

    def can(self, letter: str) -> bool:
        """Whether `letter` comes back as it went in."""
        ids = self.encode(letter)
        return not self.unknown.intersection(ids) and _same(self.decode(ids), letter)

    def fold(self, letter: str) -> str | None:
        """`letter` without as few of its marks as have to go; None where its base cannot be written either."""
        if letter not in self._folds:
            self._folds[letter] = self._folded(letter)
        return self._folds[letter]

    def spell(self, text: str) -> str:
        """`text` in letters that can be written; what has no such fold is left out."""
        return "".join(one if one.isspace() else self.fold(one) or "" for one in LETTER.findall(text))

    def missing(self, letters: Mapping[str, int]) -> Counter[str]:
        """Those of `letters`, with how often they stand somewhere, that cannot be written as they are."""
        return Counter({one: count for one, count in letters.items() if self.fold(one) != one})

    def _folded(self, letter: str) -> str | None:
        marks = unicodedata.normalize("NFD", letter)
        while marks and not self.can(unicodedata.normalize("NFC", marks)):
            if not unicodedata.combining(marks[-1]):
                return None
            marks = marks[:-1]
        whole = unicodedata.normalize("NFC", marks)
        return letter if marks and _same(whole, letter) else whole or None


def check_spelling(spellers: Mapping[str, Speller], data: Path, language: str | None, unspellable: Unspellable) -> None:
    """Say which letters of train the model cannot write, and what becomes of them.

    language: of all cuts; None: each says its own. Raises UsageError where there are some and `unspellable` is not `fold`.
    """
    missing, letters = _missing(spellers, data, language)
    every = sum(missing.values(), Counter[str]())
    if not every:
        _tell(f"tokenizer: writes all {letters} letters of train")
        return
    found = told(every, spellers[next(iter(missing))])
    if unspellable != "fold":
        raise UsageError(
            f"the model's tokenizer cannot write {len(every)} of train's {letters} letters: {found}. With "
            "`unspellable: fold` it learns the second of each pair instead, and scores fold both; with `unspellable: extend` "
            "it gets tokens for them, of which it knows nothing yet"
        )
    _tell(f"tokenizer: {letters - len(every)} of {letters} letters of train as they are; folded: {found}")


def new_pieces(spellers: Mapping[str, Speller], data: Path, language: str | None) -> dict[str, list[str]]:
    """The characters, by language, that a tokenizer lacks to write the letters of train: of σ̆ and ζ̆ the mark alone."""
    missing, _ = _missing(spellers, data, language)
    added = {
        name: sorted({one for letter in found for one in letter if not spellers[name].can(one)})
        for name, found in missing.items()
    }
    if added:
        _tell(f"tokenizer: gets tokens for {', '.join(sorted({f'U+{ord(one):04X}' for some in added.values() for one in some}))}")
    return added


def _missing(spellers: Mapping[str, Speller], data: Path, language: str | None) -> tuple[dict[str, Counter[str]], int]:
    """The letters of train that cannot be written, by language, and how many letters there are in all."""
    missing, letters = {}, 0
    for name, seen in _letters(data / "train.jsonl.gz", language).items():
        if name in spellers:
            letters += len(seen)
            if lacking := spellers[name].missing(seen):
                missing[name] = lacking
    return missing, letters


def _letters(train: Path, language: str | None) -> dict[str, Counter[str]]:
    """How often each letter stands in train, by the first part of the language that it is said to be."""
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    if train.exists():
        for row in read_jsonl_gz(train):
            for one in row.get("supervisions") or ():
                name = language or (one.get("language") or "").partition("-")[0].lower()
                seen[name].update(letter for letter in LETTER.findall(one.get("text") or "") if not letter.isspace())
    return dict(seen)


def _tell(line: str) -> None:
    """Once, whatever the number of processes."""
    if "LOCAL_RANK" not in os.environ:
        print(line, flush=True)


def _same(one: str, other: str) -> bool:
    return unicodedata.normalize("NFC", one).strip() == unicodedata.normalize("NFC", other).strip()


def told(missing: Counter[str], speller: Speller) -> str:
    """The letters, how often each stands there, and what it is folded to: `σ̆ (120, σ), ζ̆ (80, ζ)`."""
    return ", ".join(f"{letter} ({count}, {speller.fold(letter) or 'nothing'})" for letter, count in missing.most_common())
