"""What a sentence is in: cypriot, standard, english, or mixed (Greek and English in one sentence).

Greek against Greek is a logistic regression over listed markers: words, beginnings, endings and letter patterns that one
of the two has and the other has not (dialect_markers.tsv, patterns by hand, weights by `python -m steps.tag_dialect --fit`;
marks after Armostis et al. 2014, markers after Varella 2006 and Tsiplakou 2014). A word's weight does not depend on its
neighbours, so that `explain` can show what decided. Greeklish is read as the Greek it stands for.
A sentence without any marker is Standard: nothing tells it apart, and it is correct in both.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from cyasr.text.english import english, is_english, is_listed
from cyasr.text.greeklish import PIECES, UNTOUCHED, word_to_greek
from cyasr.text.greeklish_readings import Style, style_of

__all__ = ["MARKERS", "Dialect", "Tag", "explain", "is_english", "markers", "plain_words", "tag"]

Dialect = Literal["cypriot", "standard", "english", "mixed"]

MARKERS = Path(__file__).with_name("dialect_markers.tsv")
SWITCHED = 0.2  # share of English words from which a Greek sentence is mixed, if there are two or more
ENGLISH = 0.9  # and from which it is English
ENGLISH_LATIN = 0.7  # the same where no word is in Greek letters: what is unknown there is rather a name

ADDRESS = re.compile(rf"{UNTOUCHED}|\bRT\b")
WORD = re.compile(r"[^\W\d_](?:[^\W_]|[\u0300-\u036f'’-])*|[34890][a-z][\w'’-]*", re.IGNORECASE)
GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
LATIN = re.compile("[A-Za-z]")
MARK = re.compile("([σζξψ])[\u0306\u030c](?:\\1[\u0306\u030c])?(ι)?")


class Tag(NamedTuple):
    """dialect: what the sentence is in; cypriot: probability that its Greek is Cypriot; english: share of its words."""

    dialect: Dialect
    cypriot: float
    english: float


def tag(text: str) -> Tag:
    """The tag of one sentence. A text without words is Standard, with probability 0.5 and no English."""
    greek, switched = split_languages(text)
    total = len(greek) + switched
    if total == 0:
        return Tag("standard", 0.5, 0.0)
    evidence = markers().intercept + sum(markers().weight(word) for word in greek)
    cypriot = 1 / (1 + math.exp(-max(-50.0, min(50.0, evidence))))
    share = switched / total
    if share >= (ENGLISH if GREEK.search(text) else ENGLISH_LATIN):
        dialect: Dialect = "english"
    elif (share >= SWITCHED and switched >= 2) or share >= 0.5:
        dialect = "mixed"
    else:
        dialect = "cypriot" if cypriot >= 0.5 else "standard"
    return Tag(dialect, cypriot, share)


def explain(text: str) -> list[tuple[str, float, list[str]]]:
    """Each Greek word as it was read, its weight (above 0: Cypriot), and its markers' patterns."""
    table = markers()
    return [
        (word, table.weight(word), [table.patterns[i].pattern for i in table.found(word)]) for word in split_languages(text)[0]
    ]


def split_languages(text: str) -> tuple[list[str], int]:
    """Plain Greek words of a text (Greeklish ones read), and how many of its words are English.

    Beside words in Greek letters, Latin words with a capital that are not listed English are names and count as neither.
    """
    words = [match[0] for match in WORD.finditer(ADDRESS.sub(" ", unicodedata.normalize("NFC", text)))]
    latin = [i for i, word in enumerate(words) if LATIN.search(word) and not GREEK.search(word) and PIECES.fullmatch(word)]
    in_greek = any(GREEK.search(word) for word in words)
    decided = dict(zip(latin, english([words[i] for i in latin], in_greek), strict=True))
    style = style_of(" ".join(words[i] for i in latin if not decided[i])) if latin else Style()
    greek: list[str] = []
    switched = 0
    for i, word in enumerate(words):
        if decided.get(i):
            switched += not in_greek or word.islower() or is_listed(word)
        elif i in decided:
            greek += plain_words(word_to_greek(word, style))
        else:
            greek += plain_words(word)
    return greek, switched


def plain_words(text: str) -> list[str]:
    """Greek words in lower case without accents, σ for ς, and a marked consonant with the ι that stands for its mark."""
    decomposed = unicodedata.normalize("NFD", text.lower()).replace("ς", "σ")
    marked = MARK.sub(lambda match: match[1] * (1 + (match[0].count(match[1]) > 1)) + "ι", decomposed)
    bare = re.sub("[\u0300-\u036f'’-]", "", marked)
    return re.findall("[α-ω]+", bare)


class Markers:
    """The table: patterns over a plain word, their weights, an intercept, and what the weights were drawn to."""

    def __init__(self, patterns: list[str], weights: list[float], intercept: float, priors: list[float]) -> None:
        self.patterns = [re.compile(pattern) for pattern in patterns]
        self.weights = weights
        self.intercept = intercept
        self.priors = priors
        self.found = lru_cache(maxsize=1 << 16)(self._found)
        self.weight = lru_cache(maxsize=1 << 16)(self._weight)

    def _found(self, word: str) -> tuple[int, ...]:
        """Which patterns a plain word matches from its first letter to its last."""
        return tuple(i for i, pattern in enumerate(self.patterns) if pattern.fullmatch(word))

    def _weight(self, word: str) -> float:
        """Sum of the weights of a plain word's markers; above 0 speaks for Cypriot."""
        return sum(self.weights[i] for i in self.found(word))


@cache
def markers() -> Markers:
    """The table of dialect_markers.tsv."""
    rows = [line.split("\t") for line in MARKERS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    (intercept,) = (float(weight) for pattern, weight, _ in rows if pattern == "intercept")
    rows = [row for row in rows if row[0] != "intercept"]
    return Markers([row[0] for row in rows], [float(row[1]) for row in rows], intercept, [float(row[2]) for row in rows])
