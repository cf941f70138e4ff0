"""Greeklish to Greek letters, Cypriot first: "o shillos tziai i gata" -> ο σ̆ύλλος τζ̆αι η γάτα.

A Latin spelling is read in every way it may be meant (x is χ or ξ, u is υ or ου, h is η or χ, …), each at a price. The
cheapest reading that sounds like a word of greek_words.txt, or begins like one, is spelled as that word is; otherwise
the cheapest is spelled by its ending. Unlisted words come without accents, since Greeklish has none to tell. English
words stay (cyasr/text/english.py), and so do addresses, #tags and @names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from cyasr.text.english import english

BREVE = "\u0306"
SH, DJ, TSH = f"σ{BREVE}", f"τζ{BREVE}", f"τσ{BREVE}"
UNTOUCHED = r"(?:https?://|www\.)\S+|[\w.+-]+@[\w.-]+\.\w+|[@#]\w+|\[[^\]]*\]|<[^>]*>"
PIECES = re.compile(rf"({UNTOUCHED})|([A-Za-z0-9'’-]*[A-Za-z][A-Za-z0-9'’-]*)(?![{chr(0x370)}-{chr(0x3FF)}])")
GREEK_LETTER = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
READINGS = 32  # kept at a time
LONGEST_STEM = 30  # letters
SHORTEST_STEM = 4  # sounds; shorter beginnings are everyone's

Reading = tuple[float, str]  # its price, its Greek letters


@dataclass(frozen=True)
class Style:
    """How a text spells what Greeklish writers disagree on."""

    x: str = "χξ"  # likeliest first
    u: str = "υ"  # inside a word; at its end it is ου
    d: str = "δ"
    eta: bool = False  # whether h is η throughout, as in "thn" and "dhmos"


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


def style_of(text: str) -> Style:
    """What the text's other spellings say about its x, u and d."""
    text = text.lower()
    eta = bool(re.search(r"8|[^aeiouy\W]h[ns]?\b|[bfjlmnprsvz]h[b-df-hj-np-tv-z]", text))
    x = "ξχ" if not eta and re.search(r"[ck]h|(?<![a-z])h[aeio]|[aeiou]h[a-z]", text) and not re.search("ks|3", text) else "χξ"
    sounds = not re.search("ou|[w8]", text) and re.search(r"dh|gh|\b[tms]u\b|\btus\b|\bj[aei]?\b", text)
    return Style(x, "ου" if sounds else "υ", "ντ" if "dh" in text and not eta else "δ", eta)


def word_to_greek(word: str, style: Style = Style(), known: Vocabulary | None = None) -> str:
    """One Greeklish word in Greek letters, in the case it had."""
    spelled = _word(word.lower().replace("’", "'"), style, known or vocabulary())
    if word.isupper() and len(word) > 1:
        return spelled.upper()
    return spelled[:1].upper() + spelled[1:] if word[:1].isupper() else spelled


def is_known(word: str) -> bool:
    """Whether a word in Latin letters can be read as one of our list."""
    known = vocabulary()
    return any(sound(reading) in known.words for price, reading in readings(word, Style()) if price < 2)


# --- reading

VOWEL = "[aeiouwyh]"
CHUNKS: list[tuple[str, str]] = [  # what is met -> its readings, cheapest first, each 1 dearer than the one before
    (r"t(?:sh|ch)i?(?=[aou])|t(?:sh|ch)|tsi(?=[aouw])", TSH),
    (r"(?:tz|dz|dj)i(?=[aeouw])|(?:tz|dz|dj)(?=[eiyh])|dj|j", DJ),
    (r"tz|dz", f"τζ {DJ}"),
    (r"(?:ssh|shsh)(?:i(?=[aeou])|(?=[aeiouwy]))", SH * 2),
    (rf"shi(?=[aeou])|sh(?={VOWEL})", f"{SH} σχ ση"),
    (r"si(?=i)", SH),
    (r"zh(?=[aeiou])", f"ζ{BREVE} ζη"),
    (r"s(?:ch|x|h)(?![ns]?$)", "σχ"),
    (r"th(?=[ns]?$)", "τη θ"),
    (r"[bcdfgklmnprsxz](?=h[ns]?$)", ""),  # one letter: the h after it is η
    (r"th|[89]", "θ"),
    (r"dh", "δ"),
    (r"gh", "γ"),
    (r"[ck]h", f"χ {TSH}"),
    (r"ph", "φ"),
    (r"ps|4", "ψ"),
    (r"ks|3", "ξ"),
    (r"m[pb]b?", "μπ"),
    (r"bb", "ππ μπ"),
    (r"b", "μπ β"),
    (r"nd", "ντ νδ"),
    (r"n[gk](?=[aeiouwyrl])|gk", "γκ νκ"),
    (r"gx|g[ck]h", "γχ"),
    (r"(?<=[bcdfgklmnprstvxz])'(?=[aeouw])", "ι"),
    (r"ou|oy", "ου"),
    (r"oo", "ου οο"),
    (r"ai", "αι αϊ αει"),
    (r"oi", "οι οϊ οει"),
    (r"ei", "ει εϊ"),
    (r"a[uy](?![aeou])|av(?=[bcdgklmnprstxz3489])|af(?=t[aeiouwh])", "αυ αϊ αου"),
    (r"e[uy](?![aeou])|ev(?=[bcdgklmnprstxz3489])|ef(?=xar|har)", "ευ εϊ εου"),
    (r"yi(?=[aeouw])|y(?=[aouw])", "γι υ"),
    (r"y(?=[ei])", "γ γι υ"),
    (r"u$", "ου υ"),
    (r"h(?=[a-z])", "χ η"),
    (r"h", "η"),
    (r"c(?=[ei])", "σ κ"),
    (r"g", "γ γκ"),
]
SINGLE = dict(zip("abcdefghijklmnopqrstuvwxyz'-", "αμκδεφγηιζκλμνοπκρστυβωχυζ'-", strict=True))
COMPILED = [(re.compile(pattern), spelled.split()) for pattern, spelled in CHUNKS]


@lru_cache(maxsize=1 << 15)
def readings(word: str, style: Style) -> tuple[Reading, ...]:
    """Greek spellings, letter by letter, of a lower-case Greeklish word, cheapest first."""
    beam: list[Reading] = [(0.0, "")]
    i = 0
    while i < len(word):
        length, spelled = _chunk(word, i, style)
        beam = [(price + k, so_far + greek) for price, so_far in beam for k, greek in enumerate(spelled)]
        beam = sorted(beam, key=lambda reading: reading[0])[:READINGS]
        i += length
    return tuple(beam)


def _chunk(word: str, i: int, style: Style) -> tuple[int, Sequence[str]]:
    for pattern, spelled in COMPILED:
        if (match := pattern.match(word, i)) and spelled:
            if style.eta and match[0][-1:] == "h":
                return len(match[0]), _as_eta(match[0], spelled)
            return len(match[0]), spelled
        if match:
            break
    letter = word[i]
    if letter == "x":
        return 1, tuple(style.x)
    if letter == "u":
        return 1, (style.u, "υ" if style.u == "ου" else "ου")
    if letter == "d":
        return 1, (style.d, "δ" if style.d == "ντ" else "ντ")
    return 1, (SINGLE.get(letter, letter),)


def _as_eta(chunk: str, spelled: Sequence[str]) -> Sequence[str]:
    """Readings of a chunk that ends in h by a writer to whom h is η."""
    if chunk == "h":
        return "η", "χ"
    if chunk == "sh" and spelled[0] == "σχ":
        return "ση", "σχ"
    return (SINGLE[chunk[0]] + "η", *spelled) if chunk in {"th", "dh", "kh", "gh", "ph"} else spelled


# --- spelling

SOUND_ALIKE = [
    (re.compile(pattern), to)
    for pattern, to in [
        ("ς", "σ"), (f"τζ{BREVE}|τζ(?:ι|ει)(?=[αεου])|τζ(?=ε|ι|η|αι)", "J"), (f"τσ{BREVE}|τσι(?=[αου])", "C"),
        (f"σ{BREVE}|σι(?=[αεου])", "S"), (f"ζ{BREVE}", "Z"),
        ("γ(?:ει|ι)(?=[αεοω])|γυ(?=[αω])", "y"), ("[εοα](?=ϊ)", r"\g<0>|"), ("ϊ", "i"),
        ("ου", "u"), ("αι", "e"), ("ει|οι|υι", "i"),
        ("αυ(?=[θκξπστφχψ]|$)", "af"), ("αυ", "av"), ("ευ(?=[θκξπστφχψ]|$)", "ef"), ("ευ", "ev"),
        ("[ηιυ]", "i"), ("[οω]", "o"), ("ε", "e"), ("α", "a"), ("β", "v"), ("φ", "f"), ("ξ", "κσ"), ("ψ", "πσ"),
        ("γγ|γκ", "G"), (r"\|", ""), (r"([^aeiou])\1+", r"\1"),
    ]
]  # fmt: skip
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


@dataclass(frozen=True)
class Vocabulary:
    """words: sound -> spellings, commonest first; stems: sound of a word's beginning -> its spelling."""

    words: dict[str, list[str]]
    stems: dict[str, str]
    key: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=8)
def vocabulary(more: tuple[str, ...] = ()) -> Vocabulary:
    """Our list, and then the words of `more`."""
    listed = [word for line in _lines() for word in line.split()]
    words: dict[str, list[str]] = {}
    for word in (*(word for word in listed if not word.endswith("-")), *more):
        spellings = words.setdefault(sound(plain(word)), [])
        if word not in spellings:
            spellings.append(word)
    stems = {sound(stem[:-1]): stem[:-1] for stem in listed if stem.endswith("-")}
    return Vocabulary(words, {heard: stem for heard, stem in stems.items() if len(heard) >= SHORTEST_STEM}, more)


@cache
def _lines() -> tuple[str, ...]:
    text = Path(__file__).with_name("greek_words.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def plain(word: str) -> str:
    """Without accents, in lower case; breves and diaereses stay, and an accent that parts two vowels leaves a diaeresis."""
    decomposed = unicodedata.normalize("NFD", word.lower())
    parted = re.sub("([αεο]\u0301)ι(?!\u0308)", "\\1ϊ", decomposed)
    return unicodedata.normalize("NFC", parted.replace("\u0301", ""))


@lru_cache(maxsize=1 << 16)
def sound(spelled: str) -> str:
    """What is left of a plain spelling when letters that sound alike are one, doubled ones too."""
    for pattern, to in SOUND_ALIKE:
        spelled = pattern.sub(to, spelled)
    return spelled


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
