"""Rules of T1: from what is written to the words that are said. Each is a pure, total function str -> str.

They expect text under T0. `tags` and `numbers` look across words (a tag may hold blanks, a number has a unit); all
others look no further than one word between blanks, which is what lets `normalize` remember words.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from cyasr.text.rules_encoding import GREEK, MARKS, TONOS, unmarked

LETTER = f"(?:[^\\W\\d_][{MARKS}]*)"
BEFORE, AFTER = f"(?<![\\w{MARKS}])", f"(?![\\w{MARKS}])"  # no letter before, none after

LINK = re.compile(r"(?:https?://|www\.)\S+|(?<![\w.])@\w+")
EMOTICON = re.compile(r"(?<!\d)[:;=]['-]?[DPp]+(?!\w)|(?<!\w)<3+(?![\d.,])|(?<!\w)[xX]D+(?!\w)")
EMOJI_MARKS = re.compile(r"(?<![^\W\d_])[\ufe00-\ufe0f\u20d0-\u20ff\U0001f3fb-\U0001f3ff\U000e0000-\U000e01ef]")

EVENTS = (
    "disfluency|noise|music|laugh(?:s|ter|ing)?|cough(?:s|ing)?|silence|pause|breath|sigh|applause|inaudible|unintelligible|"
    "unk|μουσική|θόρυβος|γέλι[οα]|γελ(?:ά|άει|ούν)|βήχ(?:ας|ει)|παύση|σιωπή|χειροκρότημα(?:τα)?|αναστεναγμός|ακατάληπτο"
)
TAG = re.compile(
    r"\[\s*[^\[\]\s]{1,40}(?:\s+[^\[\]\s]{1,40}){0,2}\s*\]"  # up to three words: more are an editor's remark, and said
    r"|</?[^\W\d][^<>\s]{0,40}(?:\s[^<>]{0,200})?/?>|<\|[^<>|]{0,40}\|>"
    rf"|\[\s*(?:{EVENTS})(?!\w)[^\[\]]{{0,200}}\]|[\[<{{]\s*(?:{EVENTS})(?!\w)\s*[\]>}}]?"
    rf"|\(\s*(?:{EVENTS})\s*\)|\*\s*(?:{EVENTS})\s*\*|♪\s*(?:{EVENTS})\s*♪",
    re.IGNORECASE,
)

MINUTES = re.compile(r"(?<=\d)'(?![\w'])")
BRACKET = re.compile(r"[\[<({*♪]")

CRASIS = re.compile(f"{BEFORE}π([ὄὀὂὅὁ])(?={LETTER})")
GREEK_WORD = re.compile(f"[{GREEK}][{GREEK}{MARKS}]*")
POLYTONIC = re.compile("[\u1f00-\u1fff\u0300\u0313\u0314\u0342\u0345]")
VOWEL_MARKS = re.compile(f"(?<=[αεηιουω])[{MARKS}]+|(?<=\\Aρ)[\u0313\u0314]")
MONOTONIC = str.maketrans({"\u0313": None, "\u0314": None, "\u0345": None, "\u0300": TONOS, "\u0342": TONOS})
SYLLABLE = re.compile("(?:οι|ει|ι|υ)?(?:ου|αι|ει|οι|υι|[αεο]υ|[αεηιουω])")
ACCENTED_MONOSYLLABLES = {"ή", "πού", "πώς"}
HYPODIASTOLE = re.compile(f"{BEFORE}'?([οόὅὃ]),(?=τι)")
DOTTED = re.compile(f"{BEFORE}(?<![.'-]){LETTER}(?:\\.{LETTER})*\\.(?:{LETTER}\\.?|{LETTER}{{2,3}}\\.){AFTER}(?!')")
QUOTED = re.compile(
    f"{BEFORE}(?<!')'({LETTER}{{2,}}[αεηιουωάέήίόύώςνa-z])'(?!'){AFTER}|(?<=ς)'{AFTER}|(?<=[^\\W\\d_]{{4}}[αεηιουωάέήίόύώϊϋΐΰ])'{AFTER}"
)
BETWEEN_BLANKS = re.compile(r"\S+")
BETWEEN_HYPHENS = re.compile(r"[^\s-]+")
CLITICS = {"σ", "τ", "μ", "ν", "θ", "στ", "τσ", "τζ", "τζ\u0306", "εν", "έν"}  # lose their vowel before another
BEFORE_VOWELS = {"γι", "κι", "δι", "τζι", "τζ\u0306ι", "να", "θα", "που", "μου", "σου", "του", "το", "τα", "με", "σε"}
VOWELS = set("αεηιουωaeiou")
HUSHING = set("σζξψ")  # where an apostrophe inside a word may stand for their breve: έσ'ει
FINAL_SIGMA = re.compile(f"(?<=[\\w{MARKS}'-])σ(?![\\w{MARKS}'])")
INNER_SIGMA = re.compile(f"ς(?=[\\w{MARKS}'])|(?<![\\w{MARKS}'-])ς")
FILLER = re.compile(
    "[εέ]+|[εέ]+μ{2,}|[εέ]{2,}μ|[αά]{2,}|[αά]+μ{2,}|μ{2,}|χμ+|[εέ]χμ+"  # one μ after one ε is εν before π, μ
    "|u+h+m*|u+m+|h+m+|m{2,}|m+h+m+|e+r+m+"
)
FILLER_WORD = re.compile(f"(?<!\\S)(?:{FILLER.pattern})(?!\\S)")


def links(text: str) -> str:
    """Without addresses of pages and of people (https://…, www.…, @name), which nobody reads out."""
    return LINK.sub(" ", text)


def emoji(text: str) -> str:
    """Without emoticons that hold letters or digits (:D <3 xD) and the marks that colour or frame emoji."""
    return EMOJI_MARKS.sub("", EMOTICON.sub(" ", text))


def tags(text: str) -> str:
    """Without [noise], [disfluency], <unk>, (γέλια) and the like; names of events also where the bracket never closes."""
    return TAG.sub(" ", text) if BRACKET.search(text) else text


def numbers(text: str) -> str:
    """Digits, dates, times, amounts and units as words: `cyasr.text.numbers.spell_out`. 90' are minutes."""
    if not any(map(may_be_read_out, set(text))):
        return text
    from cyasr.text.numbers import spell_out

    return spell_out(MINUTES.sub("\u2032", text))


def numerals(text: str) -> str:
    """Numerals of two words written as one: εικοσιπέντε -> είκοσι πέντε, as `numbers` reads 25."""
    from cyasr.text.numbers import split_numerals

    return split_numerals(text)


def may_be_read_out(character: str) -> bool:
    """A digit or a sign that `numbers` may turn into words."""
    return unicodedata.category(character)[0] in "NS" or character in "%‰&§@#"


def lower(text: str) -> str:
    """Lower case; a capital sigma becomes σ wherever it stands (`final_sigma` knows the word's end)."""
    return unicodedata.normalize("NFC", text.replace("Σ", "σ").lower())


def crasis(text: str) -> str:
    """που that has merged with the ε after it, written with a coronis, as two words: πὄχει -> που έχει, πὀννά -> που εννά.

    Where a coronis stands elsewhere (τὄκαμα) the first word is not sure: `monotonic` takes it off.
    """
    return CRASIS.sub(lambda match: "που έ" if match[1] in "ὄὂὅ" else "που ε", text)


def monotonic(text: str) -> str:
    """One accent and no breathing: τῆς -> της, εἶναι -> είναι, ὄχι -> όχι, ἢ -> ή. Marks on consonants stay, a first ῥ apart."""
    return GREEK_WORD.sub(_monotonic_word, text) if POLYTONIC.search(text) else text


def _monotonic_word(match: re.Match[str]) -> str:
    if not POLYTONIC.search(match[0]):
        return match[0]
    plain = VOWEL_MARKS.sub(lambda marks: _single_tonos(marks[0]), unicodedata.normalize("NFD", match[0]))
    word = unicodedata.normalize("NFC", plain)
    if word in ACCENTED_MONOSYLLABLES or len(SYLLABLE.findall(re.sub(f"[{MARKS}]", "", plain))) > 1:
        return word
    return unicodedata.normalize("NFC", plain.replace(TONOS, ""))


def _single_tonos(marks: str) -> str:
    return re.sub(f"{TONOS}+", TONOS, marks.translate(MONOTONIC))


def initials(text: str) -> str:
    """Initials with dots as one word: Α.Π.Ο.Ε.Λ. -> αποελ, κ.λπ. -> κλπ. Not where that would be a filler (ε.ε.)."""
    return DOTTED.sub(_initials_joined, text)


def _initials_joined(match: re.Match[str]) -> str:
    joined = match[0].replace(".", "")
    return match[0] if FILLER.fullmatch(joined) else joined


def hypodiastole(text: str) -> str:
    """The comma that is a letter's, not the sentence's: ό,τι and ό,τιδήποτε are one word."""
    return HYPODIASTOLE.sub(r"\1", text)


def quotes(text: str) -> str:
    """Without single quotes around a word: 'ναι' -> ναι, and after whole words: in ς (δώσ' stays) or, long, in a vowel.

    On one side only, or where both could be vowels left out ('ξηγήσ'), an apostrophe belongs to the word.
    """
    return QUOTED.sub(lambda match: f" {match[1] or ''} ", text)


def punctuation(text: str) -> str:
    """Only letters, digits, the marks on them, apostrophes of a word, hyphens inside words and blanks are left.

    A hyphen after a word marks a truncation (εν-): the word stays. A mark on no letter goes with what it stood on.
    """
    kept: list[str] = []
    before = " "
    for char in text:
        kind = unicodedata.category(char)[0]
        if "\u02b0" <= char <= "\u02ff":  # ˇ ˘ ˈ on no consonant: no letters, and no ends of words
            continue
        loose = kind == "M" and before not in "LNM"
        if loose or (kind not in "LNM" and char not in "'-"):
            char, kind = " ", "Z"
        kept.append(char)
        before = kind
    words = re.sub(rf"(?<![\w{MARKS}'])-+|-+(?![\w{MARKS}'])", " ", "".join(kept))
    return re.sub(rf"'{{2,}}|-{{2,}}|{BEFORE}'{AFTER}", " ", words)


def hyphen(text: str) -> str:
    """Two words where each side has three letters or more (σιγά-σιγά), or one is said twice (εν-εν); else one: ι-ξέρω, e-mail."""
    return BETWEEN_BLANKS.sub(_hyphens_cut, text) if "-" in text else text


def _hyphens_cut(match: re.Match[str]) -> str:
    parts = match[0].split("-")
    sizes = [sum(map(str.isalpha, part)) for part in parts]
    out = parts[0]
    for (before, part), (left, right) in zip(pairwise(parts), pairwise(sizes), strict=True):
        out += (" " if min(left, right) >= (2 if before == part else 3) else "-") + part
    return out


def elision(text: str) -> str:
    """A blank where an apostrophe ends a word or begins one: σ'αγαπώ -> σ' αγαπώ, γι'αυτό -> γι' αυτό, να'χω -> να 'χω.

    It ends a word before a vowel and begins one between a vowel and a consonant. Latin words (it's), sounds lost inside a
    word (γ'ναίκα, παππού'ες) and an apostrophe for a breve (έσ'ει, τζ'αι) stay whole.
    """
    return BETWEEN_HYPHENS.sub(_apostrophes_parted, text) if "'" in text else text


def _apostrophes_parted(match: re.Match[str]) -> str:
    parts = match[0].split("'")
    out = parts[0]
    for left, right in pairwise(parts):
        out += _apostrophe_between(left, right) + right
    return out


def _apostrophe_between(left: str, right: str) -> str:
    last, first = unmarked(left)[-1:], unmarked(right)[:1]
    if not (last.isalpha() and first.isalpha() and re.search(f"[{GREEK}]", last + first)):
        return "'"
    if first in VOWELS and last in VOWELS:
        return "' " if left in BEFORE_VOWELS else "'"
    if first in VOWELS:
        return "'" if right == "αι" or (last in HUSHING and left not in CLITICS) else "' "
    if last in VOWELS:
        return " '"
    return "' " if left in {"εν", "έν"} else "'"


def fillers(text: str) -> str:
    """Without hesitations: ε εεε εμμ ααα χμμ, uh um hmm. εμ stays: it is εν before π and μ (εμ πειράζει)."""
    return FILLER_WORD.sub("", text)


def final_sigma(text: str) -> str:
    """ς at the end of words and σ elsewhere, also alone; before an apostrophe or a mark (σ̆) the word goes on."""
    return FINAL_SIGMA.sub("ς", INNER_SIGMA.sub("σ", text))
