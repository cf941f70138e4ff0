"""One text for what is written in many ways: a profile is a list of named rules, printed as its signature.

T0 keeps everything a reader sees and settles how it is encoded; T1 is what systems are trained and scored on;
T2 folds spelling variants of a word; T3 reads Greeklish. Every rule is pure and total (rules_encoding.py,
rules_spoken.py); a profile is applied until nothing changes, so that it is idempotent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from cyasr.text import rules_encoding as encoding
from cyasr.text import rules_spoken as spoken

Rule = Callable[[str], str]

VERSION = 2
PASSES = 8  # the second one changes nothing but in rare texts
REMEMBERED = 1 << 16  # words a profile
LONG = 64  # characters, from which a word is not remembered


def fold(text: str) -> str:
    """Spelling variants of a word as one, word to word: `cyasr.text.variants.fold`."""
    try:
        from cyasr.text import variants
    except ImportError:  # TEMPORARY, until it is written
        return text

    return " ".join(map(variants.fold, text.split()))


def greeklish(text: str) -> str:
    """Greek typed in Latin letters as Greek; English words stay: `cyasr.text.greeklish.to_greek`."""
    if not any("A" <= char <= "z" for char in text):
        return text
    try:
        from cyasr.text.greeklish import to_greek
    except ModuleNotFoundError:  # TEMPORARY, until it is written
        return text

    return to_greek(text)


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        *(encoding.invisible, encoding.nfc, encoding.letter_forms, encoding.apostrophe, encoding.palatal_mark),
        *(encoding.homoglyphs, encoding.tonos, encoding.spaces, encoding.latin_article),
        *(spoken.links, spoken.emoji, spoken.tags, spoken.numbers, spoken.lower, spoken.crasis, spoken.monotonic),
        *(spoken.initials, spoken.quotes, spoken.punctuation, spoken.hyphen, spoken.elision, spoken.fillers),
        *(spoken.final_sigma, fold, greeklish),
    )
}

T0 = "invisible nfc letter_forms apostrophe palatal_mark homoglyphs nfc tonos spaces latin_article"
UNSAID = "links emoji tags"
WORDS = "numbers lower final_sigma crasis monotonic initials quotes punctuation hyphen elision fillers final_sigma spaces"
PROFILES: dict[str, tuple[str, ...]] = {
    "t0": tuple(T0.split()),
    "t1": tuple(f"{T0} {UNSAID} {WORDS}".split()),
    "t2": tuple(f"{T0} {UNSAID} {WORDS} fold".split()),
    "t3": tuple(f"{T0} {UNSAID} greeklish {WORDS}".split()),
}


def normalize(text: str, profile: str = "t1") -> str:
    """`text` under a profile of PROFILES, its words a single space apart; "" where it says nothing."""
    known = _known[profile]
    for _ in range(PASSES):
        words = [known[word] for word in text.split()]
        if None not in words:
            return " ".join(filter(None, words))
        before, text = text, _once(text, profile)
        if text == before:
            break
    return text


def signature(profile: str = "t1") -> str:
    """What a score or a data set says about its text: `t1.v2:invisible+nfc+…`, with the Unicode version."""
    return f"{profile}.v{VERSION}:{'+'.join(PROFILES[profile])}|unicode{unicodedata.unidata_version}"


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


def _once(text: str, profile: str) -> str:
    for name in PROFILES[profile]:
        text = RULES[name](text)
    return text


class _Words(dict[str, str | None]):
    """What becomes of a word between blanks that stands alone, or None where its neighbours have a say."""

    def __init__(self, profile: str) -> None:
        self.profile = profile

    def __missing__(self, word: str) -> str | None:
        if len(self) >= REMEMBERED:
            self.clear()
        result = None if _needs_its_line(word, self.profile) else _until_stable(word, self.profile)
        if result is not None and any(_needs_its_line(part, self.profile) for part in result.split()):
            result = None
        if len(word) <= LONG:
            self[word] = result
        return result


def _until_stable(text: str, profile: str) -> str:
    for _ in range(PASSES):
        before, text = text, _once(text, profile)
        if text == before:
            break
    return text


def _needs_its_line(word: str, profile: str) -> bool:
    """Whether `word` holds what one of the rules that look across words acts on."""
    if word in {"o", "O", "H"}:  # latin_article
        return True
    if profile == "t0":
        return False
    if profile == "t3" and any("A" <= char <= "z" for char in word):  # greeklish
        return True
    return any(char in "[]<>{}()*" or spoken.may_be_read_out(char) for char in word)  # tags, numbers


_known = {profile: _Words(profile) for profile in PROFILES}
