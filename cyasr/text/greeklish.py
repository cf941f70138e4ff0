"""Greeklish to Greek letters, Cypriot first: "o shillos tziai i gata" -> ο σ̆ύλλος τζ̆αι η γάτα.

A Latin spelling is read in every way it may be meant (x is χ or ξ, u is υ or ου, h is η or χ, …), each at a price. The
cheapest reading that sounds like a word of greek_words.txt, or begins like one, is spelled as that word is; otherwise
the cheapest is spelled by its ending. Unlisted words come without accents, since Greeklish has none to tell. English
words stay (cyasr/text/english.py), and so do addresses, #tags and @names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from cyasr.text.english import english
from cyasr.text.greek_sounds import Vocabulary, plain, sound, vocabulary
from cyasr.text.greeklish_readings import USUAL, Style, readings, style_of

UNTOUCHED = r"(?:https?://|www\.)\S+|[\w.+-]+@[\w.-]+\.\w+|[@#]\w+|\[[^\]]*\]|<[^>]*>"
PIECES = re.compile(rf"({UNTOUCHED})|([A-Za-z0-9'’-]*[A-Za-z][A-Za-z0-9'’-]*)(?![{chr(0x370)}-{chr(0x3FF)}])")
GREEK_LETTER = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
LONGEST_STEM = 30  # letters


def to_greek(text: str, words: Iterable[str] = ()) -> str:
    """`text` with its Greeklish words in Greek letters; total, and idempotent where no reading is left.

    `words`: spellings known beside our list, commonest first (a corpus' vocabulary, for one).
    """
    found = [match for match in PIECES.finditer(text) if match[2]]
    if not found:
        return text
    known = vocabulary(tuple(words))
    is_english = english([match[2] for match in found], bool(GREEK_LETTER.search(text)))
    greek = [match for match, other in zip(found, is_english, strict=True) if not other]
    style = style_of(" ".join(match[2] for match in greek))
    parts, end = [], 0
    for match in greek:
        parts += [text[end : match.start()], word_to_greek(match[2], style, known)]
        end = match.end()
    return "".join([*parts, text[end:]])


def word_to_greek(word: str, style: Style = USUAL, known: Vocabulary | None = None) -> str:
    """One Greeklish word in Greek letters, in the case it had."""
    spelled = _word(word.lower().replace("’", "'"), style, known or vocabulary())
    if word.isupper() and len(word) > 1:
        return spelled.upper()
    return spelled[:1].upper() + spelled[1:] if word[:1].isupper() else spelled


ENDINGS = [
    (re.compile(f"{pattern}$"), to)
    for pattern, to in [
        ("εβ(ο|ω)", "ευω"), ("εβι(σ?)", r"ευει\1"), ("εβ(ουν|ουμε|ετε|ομε|εσαι|εται|ονται)", r"ευ\1"),
        ("ικι(σ?)", r"ικη\1"), ("τιτα(σ?)", r"τητα\1"), ("ομε", "ομαι"), ("(ε|ο)τε", r"\1ται"),
        ("ονι(σ?)", r"ωνει\1"), ("οσι(σ?)", r"ωση\1"), ("ισι(σ?)", r"ηση\1"), ("ιζι(σ?)", r"ιζει\1"), ("αζι(σ?)", r"αζει\1"),
        ("ενι(σ?)", r"αινει\1"), ("ν(ν?)ι(σ?)", r"ν\1ει\2"), ("εφκι(σ?)", r"εφκει\1"),
        ("(σ|ξ|ψ)ι(σ)", r"\1εις"), ("(ιζ|αζ|ων|αιν|εν|ευ|εγ|εχ|αρ|ιρ|αβ)ο", r"\1ω"), ("ισκο", "ισκω"), ("αο", "αω"),
        ("ομενι", "ομενη"), ("μενι", "μενη"), ("ουσι", "ουση"), ("([βγδθφχλμρτκπ])ι(σ?)", r"\1η\2"),
        ("οις", "οεις"),
    ]
]  # fmt: skip


@lru_cache(maxsize=1 << 16)
def _word(word: str, style: Style, known: Vocabulary) -> str:
    candidates = readings(word, style)
    listed = [
        (price + _unlike(plain(spelling), reading), rank, spelling)
        for price, reading in candidates
        for rank, spelling in enumerate(known.words.get(sound(reading), ()))
        if not _typed_otherwise(plain(spelling), reading)
    ]
    if listed:
        return min(listed)[2]
    for _, reading in candidates:
        if spelled := _by_stem(reading, known):
            return _finished(spelled)
    return _finished(candidates[0][1])


def _typed_otherwise(spelling: str, reading: str) -> bool:
    """Whether the reading has more οι or αι than the spelling: who types two letters does not mean another sound's one."""
    return any(reading.count(pair) > spelling.count(pair) for pair in ("οι", "αι"))


def _unlike(spelling: str, reading: str) -> float:
    """Price of meaning a listed spelling by a reading that sounds like it: by the letters that differ."""
    from rapidfuzz.distance import Levenshtein

    return 0.2 * Levenshtein.distance(spelling.replace("ς", "σ"), reading)


def _by_stem(reading: str, known: Vocabulary) -> str:
    """The reading with the longest listed beginning spelled as listed; "" where it begins like none."""
    for k in range(min(len(reading) - 1, LONGEST_STEM), 2, -1):
        stem = known.stems.get(sound(reading[:k]))
        if stem and reading[k - 1] != reading[k] and not _typed_otherwise(stem, reading[:k]):
            return stem + reading[k:]
    return ""


def _finished(spelled: str) -> str:
    """With the likeliest spelling of its ending, and ς."""
    for pattern, to in ENDINGS:
        if pattern.search(spelled):
            spelled = pattern.sub(to, spelled)
            break
    return re.sub("σ$", "ς", spelled)
