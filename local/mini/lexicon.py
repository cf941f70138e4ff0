"""The words of the embedded corpus: one concept a row of lexicon.tsv, with a word for it in each of the three languages.

Cells: a noun is its article and nominative, with irregular plurals after slashes ("το σπίτιν/σπίθκια"; "/-": no plural);
a verb is present, aorist 1st singular, aorist 1st plural, perfective, imperative; forms that follow no rule are listed
in full, joined by "+"; English lists its forms with slashes; "-" means that a language has no word for the concept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("lexicon.tsv")
DIALECTS = ("cypriot", "standard", "english")


@dataclass(frozen=True)
class Entry:
    """A concept: `tags` say what it is (nouns, adverbs), what it describes (adjectives), what it takes (verbs)."""

    concept: str
    pos: str  # n, a, v, adv
    tags: frozenset[str]
    cypriot: str
    standard: str
    english: str

    def word(self, dialect: str) -> str:
        """The cell of `dialect`, or "" where it has none."""
        cell: str = getattr(self, dialect)
        return "" if cell == "-" else cell


@cache
def entries() -> tuple[Entry, ...]:
    """All rows, in the file's order."""
    rows = [line.split("\t") for line in PATH.read_text(encoding="utf-8").splitlines()[1:]]
    return tuple(Entry(row[0], row[1], frozenset(row[2].split(",")), *row[3:]) for row in rows)


@cache
def words(dialect: str, pos: str, *tags: str) -> tuple[Entry, ...]:
    """Entries that `dialect` has a word for, of one part of speech, with any of `tags` (none given: all)."""
    return tuple(e for e in entries() if e.pos == pos and e.word(dialect) and (not tags or e.tags & set(tags)))


def size() -> int:
    """How many different words the lexicon lists, over all dialects."""
    return len({(e.pos, cell) for e in entries() for cell in (e.cypriot, e.standard, e.english) if cell != "-"})
