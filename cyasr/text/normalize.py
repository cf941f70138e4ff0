"""One text for what is written in many ways: a profile is a list of named rules, printed as its signature.

T0 keeps everything a reader sees and settles how it is encoded; T1 is what systems are trained and scored on;
T2 folds spelling variants of a word; T3 reads Greeklish. Every rule is pure and total (rules_encoding.py,
rules_spoken.py); a profile is applied until nothing changes, so that it is idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from itertools import groupby
from typing import Any

from cyasr.text import rules_encoding as encoding
from cyasr.text import rules_spoken as spoken

Rule = Callable[[str], str]

VERSION = 2
PASSES = 8  # the second one changes nothing but in rare texts
REMEMBERED = 1 << 17  # words
LONG = 64  # characters, from which a word is not remembered


def fold(text: str) -> str:
    """Spelling variants of a word as one, word to word: `cyasr.text.variants.fold`."""
    from cyasr.text import variants

    return " ".join(map(variants.fold, text.split()))


def greeklish(text: str) -> str:
    """Greek typed in Latin letters as Greek; English words stay: `cyasr.text.greeklish.to_greek`."""
    if not any("A" <= char <= "z" for char in text):
        return text
    from cyasr.text.greeklish import to_greek

    return to_greek(text)


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        *(encoding.invisible, encoding.nfc, encoding.letter_forms, encoding.apostrophe, encoding.palatal_mark),
        *(encoding.homoglyphs, encoding.tonos, encoding.spaces, encoding.latin_article),
        *(
            spoken.links,
            spoken.emoji,
            spoken.tags,
            spoken.numbers,
            spoken.lower,
            spoken.numerals,
            spoken.crasis,
            spoken.monotonic,
        ),
        *(spoken.hypodiastole, spoken.initials, spoken.quotes, spoken.punctuation, spoken.hyphen, spoken.elision, spoken.fillers),
        *(spoken.final_sigma, fold, greeklish),
    )
}

T0 = "invisible nfc letter_forms apostrophe homoglyphs palatal_mark nfc tonos spaces latin_article"
UNSAID = "links emoji tags"
SAID = "numbers lower numerals crasis hypodiastole monotonic"
WORDS = "initials quotes punctuation hyphen elision fillers final_sigma spaces"
PROFILES: dict[str, tuple[str, ...]] = {
    "t0": tuple(T0.split()),
    "t1": tuple(f"{T0} {UNSAID} {SAID} {WORDS}".split()),
    "t2": tuple(f"{T0} {UNSAID} {SAID} {WORDS} fold".split()),
    "t3": tuple(f"{T0} {UNSAID} greeklish {SAID} {WORDS}".split()),
}


def normalize(text: str, profile: str = "t1") -> str:
    """`text` under a profile of PROFILES, its words a single space apart; "" where it says nothing."""
    alone, steps = _words_alone[profile], _steps[profile]
    for _ in range(PASSES):
        words = [alone[word] for word in text.split()]
        if None not in words:
            return " ".join(filter(None, words))
        before = text
        for step in steps:
            text = step(text)
        if text == before:
            break
    return text


def signature(profile: str = "t1") -> str:
    """What a score or a data set says about its text: `t1.v2:invisible+nfc+…|unicode14.0.0|numbers.v1`.

    With the Unicode version, that of numbers, and for t2 what words are folded by.
    """
    names = PROFILES[profile]
    parts = [f"{profile}.v{VERSION}:{'+'.join(names)}", f"unicode{unicodedata.unidata_version}"]
    if "numbers" in names:
        from cyasr.text import numbers

        parts.append(f"numbers.v{numbers.VERSION}")
    if "fold" in names:
        from cyasr.text import variants

        parts.append(variants.signature())
    return "|".join(parts)


def explain(text: str, profile: str = "t1") -> list[tuple[str, str, str]]:
    """(rule, text before, text after) of each rule that changed something, in order; the last `after` is the result."""
    changes: list[tuple[str, str, str]] = []
    for _ in range(PASSES):
        start = text
        for name in PROFILES[profile]:
            before, text = text, RULES[name](text)
            if text != before:
                changes.append((name, before, text))
        if text == start:
            break
    return changes


# What follows is speed. Nearly every rule looks no further than one word, so what it makes of a word is remembered.
# A line none of whose words concerns a rule of LINE_RULES is looked up word by word; in any other line, runs of word
# rules between those rules are looked up.

_memories: list[_Remembered] = []
LATIN_ARTICLES = {"o", "O", "H"}
NOT_GREEK = re.compile(f"[^\\W\\d_{encoding.GREEK}]")
LINE_RULES = {"latin_article", "tags", "numbers", "greeklish"}


def _needs_its_line(word: str, profile: str) -> bool:
    """Whether `word` holds what a rule of LINE_RULES acts on."""
    if word in LATIN_ARTICLES or _in_turn(PROFILES["t0"])(word) in LATIN_ARTICLES:
        return True
    if profile == "t0":
        return False
    if profile == "t3" and NOT_GREEK.search(word):  # greeklish
        return True
    return any(char in "[]<>{}()*" or spoken.may_be_read_out(char) for char in word)  # tags, numbers


class _Remembered(dict[str, Any]):
    """`compute` of a word, remembered for REMEMBERED words, then forgotten and begun anew."""

    def __init__(self, compute: Callable[[str], str | None]) -> None:
        self.compute = compute

    def __missing__(self, word: str) -> str | None:
        if len(self) >= REMEMBERED:
            self.clear()
        result = self.compute(word)
        if len(word) <= LONG:
            self[word] = result
        return result


# Words as most are: one capital at most, sigmas in their places, common punctuation around them. Of these the rules
# leave the letters, in lower case; seeing that at once makes a new word 20 times as fast.
PLAIN_GREEK = re.compile(
    '[«“"]?((?:[Α-ΩΆΈΉΊΌΎΏΪΫ]|[ΣΖΞΨ]\u0306)?(?:[αβγδεζηθικλμνξοπρτυφχψωάέήίόύώϊϋΐΰ]|[σζξψ]\u0306|σ(?=[ά-ώ]))+ς?)[.,;:!?»”"…]*'
)
PLAIN_LATIN = re.compile('"?([A-Z]?[a-z]+)[.,;:!?"…]*')


def _plain(word: str, profile: str) -> str | None:
    """The word under `profile` where it is plain, or None."""
    match = PLAIN_GREEK.fullmatch(word) or (PLAIN_LATIN.fullmatch(word) if profile != "t3" else None)
    if not match or match[1] in LATIN_ARTICLES:
        return None
    if profile == "t0":
        return word
    letters = spoken.numerals(match[1].lower())
    if spoken.FILLER.fullmatch(letters):
        return None
    return fold(letters) if profile == "t2" else letters


def _alone(word: str, profile: str) -> str | None:
    """What becomes of a word between blanks whatever stands beside it, or None where its neighbours have a say."""
    plain = _plain(word, profile)
    if plain is not None:
        return plain
    parts = [word]
    for _ in range(PASSES):
        if any(_needs_its_line(part, profile) for part in parts):
            return None
        before, parts = parts, _in_turn(PROFILES[profile])(" ".join(parts)).split()
        if parts == before or all(_plain(part, profile) == part for part in parts):
            break
    return " ".join(parts)


def _in_turn(names: Iterable[str]) -> Rule:
    rules = [RULES[name] for name in names]

    def apply(text: str) -> str:
        for rule in rules:
            text = rule(text)
        return text

    return apply


def _word_by_word(rule: Rule, plain_as: str) -> Rule:
    """`rule` of each word; a plain one becomes what the profile `plain_as` makes of it."""

    def compute(word: str) -> str:
        plain = _plain(word, plain_as)
        return rule(word) if plain is None else plain

    remembered = _Remembered(compute)
    _memories.append(remembered)
    return lambda text: " ".join([remembered[word] for word in text.split()])


def _steps_of(profile: str) -> list[Rule]:
    """The profile's rules, runs of word rules as one step each; plain words stay as they are until the last run."""
    runs = [(across, tuple(names)) for across, names in groupby(PROFILES[profile], LINE_RULES.__contains__)]
    steps = [_in_turn(names) if across else _word_by_word(_in_turn(names), "t0") for across, names in runs]
    if profile != "t0":
        steps[-1] = _word_by_word(_in_turn(runs[-1][1]), profile)
    return steps


def forget() -> None:
    """Empty the memory of words, as if nothing had been normalised yet."""
    for remembered in _memories:
        remembered.clear()


_words_alone = {profile: _Remembered(partial(_alone, profile=profile)) for profile in PROFILES}
_memories += _words_alone.values()
_steps = {profile: _steps_of(profile) for profile in PROFILES}
