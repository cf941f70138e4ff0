"""Cypriot and Standard Greek letters to sounds: text -> IPA symbols -> what a synthesiser, a lexicon or a reader wants.

A word is read letter by letter (longest spelling first), then sounds act on their neighbours: velars are fronted before
front vowels, an unaccented iota before a vowel becomes a glide or a palatal, σ is voiced before voiced consonants.
The dialects differ in doubled consonants: long in Cypriot (αππωμένος), single in Standard Greek.
`phonemes` goes by the letters alone, as the embedded corpus is spoken; `pronounce` also knows the words of g2p_contexts
and how Cypriot is typed without its marks.
Outside its scope: sandhi between words, numbers, Latin letters (those raise ValueError).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

from cyasr.text.g2p_contexts import Sounds, claims

Dialect = Literal["cypriot", "standard"]

TONOS, DIAERESIS, BREVE, CARON = "\u0301", "\u0308", "\u0306", "\u030c"
STRESS, LONG = "ˈ", "ː"

VOWEL_LETTERS = {"α": "a", "ε": "e", "η": "i", "ι": "i", "ο": "o", "υ": "i", "ω": "o"}
VOWEL_PAIRS = {"ου": "u", "αι": "e", "ει": "i", "οι": "i", "υι": "i"}
SEMIVOWEL_PAIRS = {"αυ": "a", "ευ": "e", "ηυ": "i"}  # + v or f
LETTERS: dict[str, Sounds] = {
    "β": ("v",), "γ": ("ɣ",), "δ": ("ð",), "ζ": ("z",), "θ": ("θ",), "κ": ("k",), "λ": ("l",), "μ": ("m",), "ν": ("n",),
    "ξ": ("k", "s"), "π": ("p",), "ρ": ("r",), "σ": ("s",), "τ": ("t",), "φ": ("f",), "χ": ("x",), "ψ": ("p", "s"),
}  # fmt: skip
MARKED: dict[str, Sounds] = {"σ": ("ʃ",), "ζ": ("ʒ",), "ξ": ("k", "ʃ"), "ψ": ("p", "ʃ")}  # with a breve
AFFRICATES = {("τσ", False): "ts", ("τζ", False): "dz", ("τσ", True): "tʃ", ("τζ", True): "dʒ"}
STOPS_AFTER_NASAL: dict[str, Sounds] = {"μπ": ("m", "b"), "ντ": ("n", "d"), "γκ": ("ŋ", "ɡ"), "γγ": ("ŋ", "ɡ")}

GLIDE = "ι̯"  # an unaccented iota before a vowel, until its neighbours decide what it sounds like
FRONTED = {"k": "c", "ɡ": "ɟ", "x": "ç", "ɣ": "ʝ"}
PALATAL = {**FRONTED, "l": "ʎ", "n": "ɲ"}
HUSHED = {"s": "ʃ", "z": "ʒ", "ts": "tʃ", "dz": "dʒ"}
HUSHING = set(HUSHED.values())  # a glide is not heard after these
SILENT = {"'", "-"}
VOWELS = set("aeiou")
VOICELESS = {*"ptkcfθsxçʃ", "ts", "tʃ"}
VOICELESS_LETTERS = set("θκξπστφχψ")
VOICES_S = set("vɣʝðmnrbdɡ")
DEVOICED = {"v": "f", "ð": "θ", "ɣ": "x"}

ESPEAK = {
    "ɣ": "Q", "ʝ": "j", "ð": "D", "θ": "T", "ç": "C", "ŋ": "N", "ʎ": "l^", "ɲ": "n^", "ʃ": "S", "ʒ": "Z",
    "tʃ": "tS", "dʒ": "dZ", "ɟ": "g", "ɡ": "g", STRESS: "'",
}  # fmt: skip

XSAMPA = {
    "ɣ": "G", "ʝ": "j\\", "ð": "D", "θ": "T", "ç": "C", "ŋ": "N", "ʎ": "L", "ɲ": "J", "ʃ": "S", "ʒ": "Z",
    "tʃ": "tS", "dʒ": "dZ", "ɟ": "J\\", "ɡ": "g", STRESS: '"', " ": "#",
}  # fmt: skip


def pronounce(text: str, dialect: Dialect = "cypriot", marked: bool = False) -> list[str]:
    """As `phonemes`, with the words and surroundings of g2p_contexts: δωμάτιο is ðomˈatio, not ðomˈatço.

    In Cypriot σι τζι τσι before a vowel are read as ʃ dʒ tʃ (σιύλλος, τζιαι, έσιει) and τζαι τζε as dʒe, unless the text is
    `marked`, written with σ̆ τζ̆ τσ̆ throughout.
    """
    return _joined(_word(word, dialect, True, dialect == "cypriot" and not marked) for word in text.split())


def phonemes(text: str, dialect: Dialect = "cypriot") -> list[str]:
    """IPA symbols of `text`, " " between words; ˈ stands before a stressed vowel, ː ends a long consonant's symbol.

    Raises ValueError for a character that is no Greek letter of either orthography; ' and - are silent.
    """
    return _joined(word_phonemes(word, dialect) for word in text.split())


def _joined(words: Iterable[Iterable[str]]) -> list[str]:
    symbols: list[str] = []
    for word in words:
        if symbols:
            symbols.append(" ")
        symbols += word
    return symbols


def espeak(symbols: Iterable[str]) -> str:
    """Symbols of `phonemes` as espeak-ng's inline phonemes, for example "[[S'il:os]]"."""
    return "[[" + "".join(_renamed(symbol, ESPEAK) for symbol in symbols) + "]]"


def xsampa(symbols: Iterable[str]) -> str:
    """Symbols of `phonemes` in X-SAMPA (Wells 1995), spaces between them: `S " i l: o s` for ʃˈilːos; # between words."""
    return " ".join(_renamed(symbol, XSAMPA) for symbol in symbols)


def _renamed(symbol: str, names: dict[str, str]) -> str:
    base = symbol.removesuffix(LONG)
    return names.get(base, base) + ":" * (base != symbol)


def phone_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Phones substituted, deleted and inserted; over a corpus' reference phones they make the phone error rate."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(reference, hypothesis)


def word_phonemes(word: str, dialect: Dialect = "cypriot") -> list[str]:
    """IPA symbols of one word. Raises ValueError as `phonemes` does."""
    return list(_word(word, dialect, False, False))


@lru_cache(maxsize=1 << 16)
def _word(word: str, dialect: Dialect, contexts: bool, unmarked: bool) -> tuple[str, ...]:
    letters = [pair for pair in _letters(word) if pair[0] not in SILENT]
    claimed = claims(_shape(letters), unmarked) if contexts else {}
    sounds = _assimilated(_glided(_lengthened(_spelled_out(letters, claimed, word), dialect), unmarked))
    return tuple(symbol for sound in sounds for symbol in ((STRESS, sound[1:]) if sound.startswith(STRESS) else (sound,)))


def _letters(word: str) -> list[tuple[str, str]]:
    """(letter, its marks) of a word in lower case; either mark for σ̆ counts as breve, ς as σ."""
    letters: list[tuple[str, str]] = []
    for char in unicodedata.normalize("NFD", word.lower()):
        if unicodedata.combining(char):
            if letters:
                letters[-1] = (letters[-1][0], letters[-1][1] + char.replace(CARON, BREVE))
        else:
            letters.append((char.replace("ς", "σ"), ""))
    return letters


def _shape(letters: Sequence[tuple[str, str]]) -> str:
    """The word one character a letter, with accents and diaereses but without other marks, as g2p_contexts wants it."""
    kept = (letter + "".join(mark for mark in (DIAERESIS, TONOS) if mark in marks) for letter, marks in letters)
    return "".join(unicodedata.normalize("NFC", letter)[0] for letter in kept)


def _spelled_out(letters: list[tuple[str, str]], claimed: dict[int, tuple[Sounds, int]], word: str) -> list[str]:
    """Sounds letter by letter; a stressed vowel is one item with its ˈ, an iota that may glide is GLIDE."""
    sounds: list[str] = []
    i = 0
    while i < len(letters):
        found, i = claimed.get(i) or _next_sounds(letters, i, word)
        if len(found) == 2 and found in STOPS_AFTER_NASAL.values() and not (sounds and sounds[-1][-1] in VOWELS):
            found = found[1:]  # μπ ντ γκ at the beginning or after a consonant: no nasal
        sounds += found
    return sounds


def _next_sounds(letters: list[tuple[str, str]], i: int, word: str) -> tuple[Sounds, int]:
    """The sounds of the letters from `i` on, longest spelling first, and where to go on."""
    letter, marks = letters[i]
    after, after_marks = letters[i + 1] if i + 1 < len(letters) else ("", "")
    third = letters[i + 2][0] if i + 2 < len(letters) else ""
    pair = letter + after
    joined = not marks and DIAERESIS not in after_marks
    if joined and pair in VOWEL_PAIRS:
        return (_vowel(VOWEL_PAIRS[pair], after_marks, letters[i + 2 :], pair in {"ει", "οι"}),), i + 2
    if joined and pair in SEMIVOWEL_PAIRS:
        vowel = _vowel(SEMIVOWEL_PAIRS[pair], after_marks)
        return (vowel, "f" if (third or "τ") in VOICELESS_LETTERS else "v"), i + 2
    if pair + third in {"ντσ", "ντζ"}:
        return LETTERS[letter], i + 1  # νεράντζι ends in ndzi
    if pair in STOPS_AFTER_NASAL:
        return STOPS_AFTER_NASAL[pair], i + 2
    if pair in {"τσ", "τζ"}:
        return (AFFRICATES[pair, BREVE in after_marks],), i + 2
    if pair in {"γχ", "γξ"}:
        return ("ŋ",), i + 1
    if letter in VOWEL_LETTERS:
        return (_vowel(VOWEL_LETTERS[letter], marks, letters[i + 1 :], letter in "ιυ"),), i + 1
    if letter not in LETTERS:
        raise ValueError(f"{word!r}: {letter!r} has no Greek sound")
    return (MARKED if BREVE in marks and letter in MARKED else LETTERS)[letter], i + 1


def _vowel(sound: str, marks: str, rest: Sequence[tuple[str, str]] = (), may_glide: bool = False) -> str:
    if TONOS in marks:
        return STRESS + sound
    return GLIDE if may_glide and not marks and rest and rest[0][0] in VOWEL_LETTERS else sound


def _lengthened(sounds: list[str], dialect: Dialect) -> list[str]:
    """Two equal consonants become a long one (Cypriot) or one (Standard Greek)."""
    out: list[str] = []
    for sound in sounds:
        if out and out[-1] == sound and sound not in VOWELS:
            out[-1] += LONG if dialect == "cypriot" else ""
        else:
            out.append(sound)
    return out


def _glided(sounds: list[str], unmarked: bool) -> list[str]:
    """GLIDE makes a palatal of the consonant before it, or becomes one: λιά ʎa, θκιά θca, ποιος pços, μια mɲa, βια vʝa.

    After a consonant and ρ it stays a vowel (κρυός). `unmarked`: it makes ʃ ʒ tʃ dʒ of s z ts dz.
    """
    out: list[str] = []
    for i, sound in enumerate(sounds):
        previous = out[-1] if out else ""
        base = previous.removesuffix(LONG)
        if sound != GLIDE:
            out.append(sound)
        elif base == "r" and i > 1 and sounds[i - 2].removeprefix(STRESS) not in VOWELS:
            out.append("i")
        elif unmarked and base in HUSHED:
            out[-1] = previous.replace(base, HUSHED[base])
        elif base in PALATAL:
            out[-1] = previous.replace(base, PALATAL[base])
        elif base not in HUSHING:
            out.append("ɲ" if base == "m" else "ç" if base in VOICELESS else "ʝ")
    return out


def _assimilated(sounds: list[str]) -> list[str]:
    """Velars front before e and i, s is voiced before voiced consonants, v ð ɣ lose their voice before voiceless ones."""
    out: list[str] = []
    for sound, following in zip_longest(sounds, sounds[1:], fillvalue=""):
        base, after = sound.removesuffix(LONG), following.removeprefix(STRESS).removesuffix(LONG)
        if base in FRONTED and after in {"e", "i"}:
            sound = sound.replace(base, FRONTED[base])
        elif sound == "s" and after in VOICES_S:
            sound = "z"
        elif sound in DEVOICED and after in VOICELESS:
            sound = DEVOICED[sound]
        out.append(sound)
    return out
