"""One text for what is written in many ways: a profile is a list of named rules, printed as its signature.

T0 keeps everything a reader sees and settles how it is encoded; T1 is what systems are trained and scored on.
Every rule is pure and total; a profile is applied until nothing changes, so that it is idempotent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

Rule = Callable[[str], str]

VERSION = 1
BREVE, CARON = "\u0306", "\u030c"
APOSTROPHES = "\u2019\u2018\u02bc\u1fbf\u1fbd\u0384\u00b4\u02b9\u2032\uff07`"  # ’ ‘ ʼ ᾿ ᾽ ΄ ´ ʹ ′ ＇ `
INVISIBLE = re.compile("[\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad\u202a-\u202e]")
GREEK = "\u0370-\u03ff\u1f00-\u1fff"
LETTERS = f"A-Za-z\u0400-\u04ff{GREEK}"
MIXED_WORD = re.compile(f"[{LETTERS}\u0300-\u036f]*[{GREEK}][{LETTERS}\u0300-\u036f]*")
PALATAL_CARON = re.compile(f"([σςζξψΣΖΞΨ]){CARON}")
TAG = re.compile(r"\[[^\[\]]*\]|<[^<>]*>")
FINAL_SIGMA = re.compile(r"σ(?![\w\u0300-\u036f'-])")
INNER_SIGMA = re.compile(r"ς(?=[\w\u0300-\u036f])")

# Letters of other alphabets that look like Greek ones; only ever replaced inside words that hold Greek letters.
HOMOGLYPHS = str.maketrans(
    "ABEZHIKMNOPTYXaeikopuvxyó" + "АВЕЗНІКМОРТУХаеікорухѵ",
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαεικορυνχγό" + "ΑΒΕΖΗΙΚΜΟΡΤΥΧαεικορυχν",
)


def invisible(text: str) -> str:
    """Without byte-order marks, zero-width characters, soft hyphens and direction marks."""
    return INVISIBLE.sub("", text)


def nfc(text: str) -> str:
    """Composed Unicode (NFC): accents on their letters; also turns U+037E into `;` and U+1F71 into U+03AC."""
    return unicodedata.normalize("NFC", text)


def spaces(text: str) -> str:
    """Words a single space apart, whatever kind of blank stood there."""
    return " ".join(text.split())


def apostrophe(text: str) -> str:
    """One apostrophe, U+0027, for the eleven that are met."""
    return re.sub(f"[{APOSTROPHES}]", "'", text)


def homoglyphs(text: str) -> str:
    """Latin and Cyrillic look-alikes inside words with Greek letters, where all of the word's letters allow it."""

    def repair(match: re.Match[str]) -> str:
        repaired = match[0].translate(HOMOGLYPHS)
        return repaired if not re.search("[A-Za-z\u0400-\u04ff]", repaired) else match[0]

    return MIXED_WORD.sub(repair, text)


def palatal_mark(text: str) -> str:
    """σ̆ ζ̆ ξ̆ ψ̆ with the breve U+0306 where a caron was typed; č š ž and all other letters keep theirs."""
    return PALATAL_CARON.sub(rf"\1{BREVE}", text)


def tags(text: str) -> str:
    """Without [noise], [disfluency], <unk> and the like."""
    return TAG.sub(" ", text)


def lower(text: str) -> str:
    """Lower case; a capital sigma becomes σ wherever it stands (`final_sigma` knows the word's end)."""
    return text.replace("Σ", "σ").lower()


def punctuation(text: str) -> str:
    """Only letters, digits, marks, apostrophes, hyphens inside words and blanks are left."""
    kept = "".join(c if c in "'-" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    kept = re.sub(r"(?<![\w\u0300-\u036f'])-+|-+(?![\w\u0300-\u036f'])", " ", kept)
    return re.sub(r"-{2,}|(?<![\w\u0300-\u036f])'+(?![\w\u0300-\u036f])", " ", kept)


def final_sigma(text: str) -> str:
    """ς at the end of words and σ elsewhere; before an apostrophe or hyphen the word is taken to go on."""
    return FINAL_SIGMA.sub("ς", INNER_SIGMA.sub("σ", text))


T0: list[Rule] = [invisible, nfc, apostrophe, palatal_mark, homoglyphs, nfc, spaces]
T1: list[Rule] = [*T0, tags, lower, nfc, punctuation, final_sigma, spaces]
PROFILES: dict[str, list[Rule]] = {"t0": T0, "t1": T1}


def normalize(text: str, profile: str = "t1") -> str:
    """`text` under a profile of PROFILES."""
    for _ in range(8):
        before = text
        for rule in PROFILES[profile]:
            text = rule(text)
        if text == before:
            break
    return text


def signature(profile: str = "t1") -> str:
    """What a score or a data set says about its text: `t1.v1:invisible+nfc+…`, with the Unicode version."""
    rules = "+".join(rule.__name__ for rule in PROFILES[profile])
    return f"{profile}.v{VERSION}:{rules}|unicode{unicodedata.unidata_version}"
