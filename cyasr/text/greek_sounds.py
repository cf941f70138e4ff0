"""What Greek spellings sound like, roughly, and the words of greek_words.txt by their sound."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

BREVE = "\u0306"
SHORTEST_STEM = 4  # sounds; shorter beginnings are everyone's

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
