"""Which of the words in Latin letters are English, and which are Greek in Greeklish: one decision a word, by its company.

A word has a score from lists of ours and from letter patterns; those that could be either ("me", "pale", "to") go with
their neighbours: two states, one step of Viterbi a word, and a price for every change of language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from cyasr.text.greeklish_readings import is_known

CHANGE = 1.2  # price of a change of language between neighbours, on the scale of the scores
GREEK_SCRIPT = 1.5  # a writer who has Greek letters writes Greek in them
SURE = 4.0

LATIN_WORD = re.compile(r"[a-z0-9'’-]*[a-z][a-z0-9'’-]*", re.IGNORECASE)
ENGLISH_FIGURE = re.compile(
    r"\d+(?:st|nd|rd|th|am|pm|km|kg|g|k|d|m|s|x\d*|p|gb|mb)|mp[34]|ps[345]|[a-z]{1,2}-?(?:[12567]|\d\d)", re.IGNORECASE
)
ELIDED = {"k", "m", "s", "t", "j", "p", "tz", "g"}  # κ' μ' σ' τ' τζ̆' π' and their like in chats

# Letter patterns, searched in the lower-case word: (pattern, how much they speak for English).
PATTERNS = [
    (re.compile(pattern), weight)
    for pattern, weight in [
        (r"[bcdfgjklmpqrtvxz]$", 2.0),  # Greek words end in a vowel, s or n
        (r"[a-z]y$|[a-z]ow$|[a-z]ew$|[a-z]aw$|e[rl]s$|[lnrt]ts$|ks$|ds$|gs$|ms$|ps$", 1.5),
        (r"(?:tion|sion|ing|ness|ment|ful|able|ible|ght|ive|ance|ence|ship|ward|less|ism|ist|ings|ed)$", 2.5),
        (r"ck|wh|wr|ee|ea[dklmnrst]|oo|igh|ough|sch|sc[aior]|qu|ff[ei]|[aeiou]c[eh]|ll[ys]|ch$|sh$|th$|rr[yi]|mm[ei]", 1.2),
        (r"^(?:wo|wi|we|wa|ya?c|ju|ho[tuw]|spr|scr|un|re|sw|tw|cl|cr|ce|ci|fl|qu)", 0.8),
        (r"[aeiou][bcdfgklmnprtv]e[sd]?$", 0.4),
        (r"[a-z'][3489]|[3489][a-z]", -4.0),
        (r"(?:os|ou|ei|eis|ous|oun|oume[n]?|amen?|ete|etai|omai|asin|ousin|ikh|iko|ia|on|wn|as|is|hs|in|an|en|i|u|o|a|w)$", -1.0),
        (r"tz|dz|dh|gh[aeiou]|ks|x[aeiourt]|ps[aeiouyh]|^(?:mp|mb|nt|gk|ks|kk|tt|pp|ss|ll|nn|mm|j[ei]|kt|pt|ft|xt)", -2.0),
        (r"[aeiou]h[snk]|[bdfgklmnprvxz]h|[aeiou]w[^aeiouhsn]|[^aeiou]w$|[^aeio]w[^aeiouhr]", -2.0),
        (r"ei|oi[^nlds]|ou[mnks]|eu|iou|oun|aei|iai|yia|kia|uia|rk[io]|thk|fk", -1.0),
        (r"[aeiou]'?$", -0.4),
    ]
]


@cache
def _listed() -> dict[str, bool]:
    """English word -> whether it is also Greek in Latin letters."""
    text = Path(__file__).with_name("english_words.txt").read_text(encoding="utf-8")
    words = (word for line in text.splitlines() if not line.startswith("#") for word in line.split())
    return {word.rstrip("?"): word.endswith("?") for word in words}


def is_listed(word: str) -> bool:
    """Whether a word, in any case, is on our list of English words."""
    return word.lower() in _listed()


@lru_cache(maxsize=1 << 16)
def score(word: str) -> float:
    """How much a word in Latin letters looks English, above 0, or Greek, below."""
    word = word.lower().replace("’", "'")
    if ENGLISH_FIGURE.fullmatch(word) and not word.isalpha():
        return SURE
    either = _listed().get(word) or _listed().get(word.removesuffix("'s"))
    if either is not None:
        return 0.0 if either else SURE
    if word.strip("'") in ELIDED:
        return -1.0
    patterns = sum(weight for pattern, weight in PATTERNS if pattern.search(word))
    return max(-SURE, min(SURE, patterns)) - (2.5 if is_known(word) else 0.0)


def is_english(word: str) -> bool:
    """Whether a word by itself, in Latin letters, is rather English than Greeklish; a word in Greek letters never is."""
    return bool(LATIN_WORD.fullmatch(word)) and score(word) >= 0


def english(words: Sequence[str], greek_script: bool = False) -> list[bool]:
    """For each of a text's words in Latin letters, in order, whether it is English.

    `greek_script`: the text also has words in Greek letters.
    """
    bias = GREEK_SCRIPT if greek_script else 0.0
    back: list[tuple[bool, bool]] = []  # whether the best way to Greek, to English, came from English
    greek, other = 0.0, 0.0  # the best totals so far
    for word in words:
        gain = (score(word) + bias) / 2
        back.append((other - CHANGE > greek, other >= greek - CHANGE))
        greek, other = max(greek, other - CHANGE) - gain, max(other, greek - CHANGE) + gain
    state = other >= greek
    out: list[bool] = []
    for to_greek, to_english in reversed(back):
        out.append(state)
        state = to_english if state else to_greek
    return out[::-1]
