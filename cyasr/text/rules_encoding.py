"""Rules of T0: how a text is encoded, never what it says. Each is a pure, total function str -> str.

They look no further than one word and its apostrophes, `latin_article` excepted.
"""

from __future__ import annotations

import re
import unicodedata

BREVE, CARON, TONOS, DIAERESIS = "\u0306", "\u030c", "\u0301", "\u0308"
APOSTROPHES = "\u2019\u2018\u201b\u02bc\u02bb\u02bd\u1fbf\u1fbd\u1ffe\u0384\u00b4\u02b9\u2032\uff07\ua78c`"
INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u2060-\u2064\u2066-\u206f\u202a-\u202e\u00ad\u061c\ufffe]")
GREEK = "\u0370-\u0373\u0376-\u037d\u0386\u0388-\u03ff\u1f00-\u1fbc\u1fc2-\u1fcc\u1fd0-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ffc"
MARKS = "\u0300-\u036f"
CONSONANTS = "βγδζθκλμνξπρσςτφχψΒΓΔΖΘΚΛΜΝΞΠΡΣΤΦΧΨ"

HYPHENS = re.compile("[\u2010\u2011\ufe63\uff0d]")
FORMS = re.compile(
    "[\u00b5\u03d0-\u03d6\u03f0-\u03f5\u03f9\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\ufb00-\ufb06\U0001d400-\U0001d7ff]"
)
SIGNS_AS_LETTERS = re.compile(f"[∆∑∏](?=[{GREEK}{MARKS}])|(?<=[{GREEK}{MARKS}])[∆∑∏]")
SIGNS = {"∆": "Δ", "∑": "Σ", "∏": "Π"}
PALATAL_MARK = re.compile(
    f"(?<=[{CONSONANTS}])[{MARKS}]*(?:{CARON}|\u0311|\u02c7|\u02d8)[{MARKS}\u02c7\u02d8]*|(?<=[{CONSONANTS}]){BREVE}{{2,}}"
)
LOOSE_TONOS = re.compile(f"(?<![\\w{MARKS}'])'([ΑΕΗΙΟΥΩ])([ά-ώ]+)(?![\\w{MARKS}'])")
SECOND = {"αι", "ει", "οι", "υι", "ου", "αυ", "ευ", "ηυ"}  # the tonos stands on their second letter
WORD = re.compile(f"[^\\W\\d_](?:[^\\W\\d_]|[{MARKS}\u02c7\u02d8])*")
GREEK_LETTER = re.compile(f"[{GREEK}]")
LATIN_WORD = re.compile(f"[A-Za-zÀ-ɏ{MARKS}\u02c7\u02d8]+")
OTHER_LETTER = re.compile(f"[^{GREEK}{MARKS}\u02c7\u02d8]")
LATIN_ARTICLE = re.compile(f"(?<!\\S)(?<![A-Za-z] )[oOH](?= [^\\w\\s]*[{GREEK}])")

# Letters of other alphabets that look like Greek ones: Latin, accented Latin, Cyrillic, phonetic.
LOOK_ALIKES = str.maketrans(
    dict(zip("ABEZHIKMNOPTYXaeikopuvxywtɑɛɣıßєАВЕЗНІКМОРТУХГПФЛаеікорухѵтпфг",
             "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαεικορυνχγωταεγιβεΑΒΕΖΗΙΚΜΟΡΤΥΧΓΠΦΛαεικορυχντπφγ", strict=True))
    | dict(zip("áéíóúýàèìòùïüÁÉÍÓÝÏ", "άέίόύύάέίόύϊϋΆΈΊΌΎΪ", strict=True))
    | {"š": "σ" + BREVE, "ž": "ζ" + BREVE, "Š": "Σ" + BREVE, "Ž": "Ζ" + BREVE}
)  # fmt: skip
FIRST_Y = re.compile("^y(?=[βγδζθκμξπστφχψ])")  # yπάρχει; elsewhere y looks like γ: yια
LATIN_CAPITALS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")


def invisible(text: str) -> str:
    """Without byte-order marks, zero-width characters, soft hyphens and direction marks."""
    return INVISIBLE.sub("", text)


def nfc(text: str) -> str:
    """Composed Unicode (NFC): accents on their letters; also turns U+037E into `;` and U+1F71 into U+03AC."""
    return unicodedata.normalize("NFC", text)


def letter_forms(text: str) -> str:
    """Plain letters and hyphens for their typographic forms: µ U+00B5, ϑ ϕ ϵ, ∆ U+2206 in a word, Ａ, 𝐀, ﬁ, U+2010."""
    text = FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return HYPHENS.sub("-", SIGNS_AS_LETTERS.sub(lambda match: SIGNS[match[0]], text))


def apostrophe(text: str) -> str:
    """One apostrophe, U+0027, for the 16 that are met: εν’ εν΄ εν᾿ εν´ -> εν'."""
    return re.sub(f"[{APOSTROPHES}]", "'", text)


def palatal_mark(text: str) -> str:
    """One breve U+0306 on a Greek consonant that bears a caron, an inverted breve, a spacing ˇ ˘, or two marks.

    č š ž and all vowels keep theirs.
    """
    return PALATAL_MARK.sub(_one_breve, text)


def _one_breve(match: re.Match[str]) -> str:
    others = re.sub(f"[{BREVE}{CARON}\u0311\u02c7\u02d8]", "", match[0])
    return others + BREVE


def homoglyphs(text: str) -> str:
    """Latin and Cyrillic look-alikes inside words with Greek letters, where all of the word's letters allow it.

    A Latin word with Greek capitals in it (Εmail) becomes Latin; what neither way mends stays (emailάκι).
    """
    return text if text.isascii() else WORD.sub(_one_alphabet, text)


def _one_alphabet(match: re.Match[str]) -> str:
    word = match[0]
    if not GREEK_LETTER.search(word) or not OTHER_LETTER.search(word):
        return word
    greek = FIRST_Y.sub("υ", word).translate(LOOK_ALIKES)
    if not OTHER_LETTER.search(greek):
        return greek
    latin = word.translate(LATIN_CAPITALS)
    return latin if LATIN_WORD.fullmatch(latin) else word


def tonos(text: str) -> str:
    """The accent that was typed before its capital goes onto it: ΄Ενας, ’Ενας -> Ένας; an accented word has none to take."""
    return LOOSE_TONOS.sub(_accented, text)


def _accented(match: re.Match[str]) -> str:
    first, rest = match[1], match[2]
    digraph = (first + rest[0]).lower() in SECOND
    if TONOS in unicodedata.normalize("NFD", rest) or not re.search("[αεηιουω]", rest[digraph:]):
        return match[0]  # accented elsewhere, or of one syllable, which bears no tonos
    head = first + rest[0] + TONOS + rest[1:] if digraph else first + TONOS + rest
    return unicodedata.normalize("NFC", head)


def spaces(text: str) -> str:
    """Words a single space apart, whatever kind of blank stood there."""
    return " ".join(text.split())


def latin_article(text: str) -> str:
    """A Latin o, O or H that stands before a Greek word and after no Latin one is the article: `o σκύλος`."""
    return LATIN_ARTICLE.sub(lambda match: "Η" if match[0] == "H" else match[0].translate(LOOK_ALIKES), text)


def unmarked(text: str) -> str:
    """Letters alone, without any mark on them: what look-ups by letter go by; no rule of a profile."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
