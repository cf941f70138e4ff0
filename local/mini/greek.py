"""Inflection of Cypriot and Standard Greek, as far as the lexicon needs it: the ending of a lemma names its paradigm.

`dialect` is "cypriot" or "standard" throughout. Cypriot keeps final -ν, has the augment in all persons of the past
(written in the lexicon's principal parts), 3rd plurals in -σιν and puts clitics behind the verb of a main clause.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from local.mini.lexicon import Entry

VOWELS = "αεηιουωάέήίόύώϊϋΐΰ"
TONOS = "\u0301"
# one syllable: a vowel or digraph, with the unaccented iota that glides into it (ήπια has two)
NUCLEUS = re.compile(f"(?:ι(?=[αεοωάέόώ]))?(?:αι|αί|ει|εί|οι|οί|ου|ού|αυ|αύ|ευ|εύ|[{VOWELS}])")

# (singular nominative, accusative, genitive; plural nominative, accusative), Cypriot's final -ν in brackets
NOUN_ENDINGS = {
    ("m", "ος"): ("ος", "ο(ν)", "ου", "οι", "ους"),
    ("m", "ός"): ("ός", "ό(ν)", "ού", "οί", "ούς"),
    ("m", "ας"): ("ας", "α(ν)", "α", "ες", "ες"),
    ("m", "άς"): ("άς", "ά(ν)", "ά", "άδες", "άδες"),
    ("m", "ης"): ("ης", "η(ν)", "η", "ες", "ες"),
    ("m", "ής"): ("ής", "ή(ν)", "ή", "ές", "ές"),
    ("m", "ές"): ("ές", "έ(ν)", "έ", "έδες", "έδες"),
    ("m", "ούς"): ("ούς", "ού(ν)", "ού", "ούδες", "ούδες"),
    ("f", "α"): ("α", "α(ν)", "ας", "ες", "ες"),
    ("f", "ά"): ("ά", "ά(ν)", "άς", "ές", "ές"),
    ("f", "η"): ("η", "η(ν)", "ης", "ες", "ες"),
    ("f", "ή"): ("ή", "ή(ν)", "ής", "ές", "ές"),
    ("f", "έ"): ("έ", "έ(ν)", "ές", "έδες", "έδες"),
    ("f", "ού"): ("ού", "ού(ν)", "ούς", "ούδες", "ούδες"),
    ("f", "ος"): ("ος", "ο(ν)", "ου", "οι", "ους"),
    ("f", "ός"): ("ός", "ό(ν)", "ού", "οί", "ούς"),
    ("n", "ον"): ("ον", "ον", "ου", "α", "α"),
    ("n", "όν"): ("όν", "όν", "ού", "ά", "ά"),
    ("n", "ο"): ("ο", "ο", "ου", "α", "α"),
    ("n", "ό"): ("ό", "ό", "ού", "ά", "ά"),
    ("n", "ι"): ("ι", "ι", "ιού", "ια", "ια"),
    ("n", "ί"): ("ί", "ί", "ιού", "ιά", "ιά"),
}
ARTICLES = {
    "cypriot": {
        "m": ("ο", "τον", "του", "οι", "τους"),
        "f": ("η", "την", "της", "οι", "τες"),
        "n": ("το", "το", "του", "τα", "τα"),
    },
    "standard": {
        "m": ("ο", "τον", "του", "οι", "τους"),
        "f": ("η", "την", "της", "οι", "τις"),
        "n": ("το", "το", "του", "τα", "τα"),
    },
}
NOM, ACC, GEN = 0, 1, 2
KEEPS_N = ("κ", "π", "τ", "ξ", "ψ", "γκ", "μπ", "ντ", *VOWELS)  # Standard την, δεν keep -ν before these
PRESENT = {
    "cypriot": {
        "ω": ("ω", "εις", "ει", "ουμεν", "ετε", "ουσιν"),
        "ώ": ("ώ", "άς", "ά", "ούμεν", "άτε", "ούσιν"),
    },
    "standard": {
        "ω": ("ω", "εις", "ει", "ουμε", "ετε", "ουν"),
        "άω": ("άω", "άς", "άει", "άμε", "άτε", "άνε"),
    },
}
PERFECTIVE = {
    "cypriot": {"ω": PRESENT["cypriot"]["ω"], "ώ": ("ώ", "είς", "εί", "ούμεν", "είτε", "ούσιν")},
    "standard": {"ω": PRESENT["standard"]["ω"], "ώ": ("ώ", "είς", "εί", "ούμε", "είτε", "ούν")},
}
PAST = {"cypriot": ("α", "ες", "εν", "αμεν", "ετε", "ασιν"), "standard": ("α", "ες", "ε", "αμε", "ατε", "αν")}


@dataclass(frozen=True)
class Noun:
    """`singular`: nominative, accusative, genitive ("" where the accent would move); `plural`: nominative, accusative."""

    gender: str
    singular: tuple[str, str, str] | None
    plural: tuple[str, str] | None

    def form(self, case: int, plural: bool = False) -> str:
        """The form, or nothing where the noun has none here."""
        forms = self.plural if plural else self.singular
        return forms[case] if forms and case < len(forms) else ""


@dataclass(frozen=True)
class Verb:
    """Six persons (1-3 singular, 1-3 plural) of each tense, and the singular imperative."""

    present: tuple[str, ...]
    past: tuple[str, ...]
    perfective: tuple[str, ...]
    imperative: str


@cache
def noun(entry: Entry, dialect: str) -> Noun:
    """Forms of a noun. Raises KeyError for a lemma whose ending has no paradigm."""
    lemma, *irregular = entry.word(dialect).split("/")
    article, nominative = lemma.split(" ")
    gender = {"ο": "m", "η": "f", "το": "n", "τα": "n"}[article]
    if article == "τα":
        return Noun(gender, None, (nominative, nominative))
    ending = next((e for size in (3, 2, 1) for g, e in NOUN_ENDINGS if (g, e) == (gender, nominative[-size:])), "")
    stem, plural = nominative.removesuffix(ending), None
    if ending:
        forms = [stem + bare(e, dialect) for e in NOUN_ENDINGS[gender, ending]]
        singular, plural = (forms[0], forms[1], forms[2]), (forms[3], forms[4])
    else:  # neuters in -ιν, -αν, foreign words: only what the lexicon lists
        singular = (nominative, nominative, "")
    if moves_accent(nominative, ending) or ending in {"ι", "ί"}:
        singular = (*singular[:2], "")
    if irregular == ["-"]:
        plural = None
    elif irregular:
        plural = (irregular[0], irregular[-1])
    return Noun(gender, singular, plural)


def adjective(entry: Entry, dialect: str, gender: str, case: int, plural: bool = False) -> str:
    """One form of an adjective; a neuter or feminine that follows no rule is listed in the lexicon."""
    masculine, feminine, neuter, *_ = [*entry.word(dialect).split("+"), "", ""]
    accented = masculine[-2] in "όή"
    stem = masculine[:-2]
    if gender == "f":
        nominative = feminine or stem + ("ή" if accented else "η")
        if plural:
            return nominative[:-1] + ("ές" if nominative[-1] in "άή" else "ες")
        return nominative + (bare("(ν)", dialect) if case == ACC else "")
    if masculine.endswith(("ης", "ής")):
        if gender == "m":
            endings = ("ής", "ή(ν)", "", "οί", "ούς") if accented else ("ης", "η(ν)", "", "ηδες", "ηδες")
            return stem + bare(endings[case + 3 * plural], dialect)
        return (neuter[:-2] + "ιά" if neuter.endswith("ίν") else neuter[:-1] + "α") if plural else neuter
    if gender == "n":
        ending = ("ά" if accented else "α") if plural else bare("ό(ν)" if accented else "ο(ν)", dialect)
        return stem + ending
    return stem + bare(NOUN_ENDINGS["m", "ός" if accented else "ος"][case + 3 * plural], dialect)


@cache
def verb(entry: Entry, dialect: str) -> Verb:
    """Forms of a verb from its principal parts."""
    present, singular, plural, perfective, imperative = entry.word(dialect).split(",")
    stems = [singular[:-1]] * 3 + [plural.removesuffix("αμεν").removesuffix("αμε")] * 3
    if dialect == "standard":
        stems[5] = singular[:-1]
    return Verb(
        persons(present, PRESENT[dialect]),
        tuple(stem + ending for stem, ending in zip(stems, PAST[dialect], strict=True)),
        persons(perfective, PERFECTIVE[dialect]),
        imperative,
    )


def persons(first: str, paradigms: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Six persons from the first singular, or as listed."""
    if "+" in first:
        return tuple(first.split("+"))
    ending = next(e for e in sorted(paradigms, key=len, reverse=True) if first.endswith(e))
    return tuple(first.removesuffix(ending) + e for e in paradigms[ending])


def bare(ending: str, dialect: str) -> str:
    """Cypriot keeps the bracketed -ν, Standard Greek has none."""
    return ending.replace("(ν)", "ν" if dialect == "cypriot" else "")


def article(dialect: str, gender: str, case: int, plural: bool, following: str) -> str:
    """The definite article before the word `following`; Standard Greek την drops its -ν before some consonants."""
    form = ARTICLES[dialect][gender][case + 3 * plural]
    return form[:-1] if dialect == "standard" and form == "την" and not following.startswith(KEEPS_N) else form


def to_the(form: str) -> str:
    """σε with a definite article: στον, στην, στα, ..."""
    return "σ" + form


def moves_accent(nominative: str, ending: str) -> bool:
    """True for nouns like άνθρωπος, whose genitive has the accent elsewhere; those genitives are not used."""
    return ending in {"ος", "ον", "ο"} and syllable_of_accent(nominative) >= 3


def syllable_of_accent(word: str) -> int:
    """1: accent on the last syllable, 2: on the one before, 3: on the antepenult; 0: no accent written."""
    nuclei = NUCLEUS.findall(word)
    for count, nucleus in enumerate(reversed(nuclei), 1):
        if TONOS in unicodedata.normalize("NFD", nucleus):
            return count
    return 0


def with_enclitic(word: str, clitic: str) -> str:
    """`word` and a clitic behind it; a word accented on its antepenult gets a second accent: το αυτοκίνητό μου."""
    if syllable_of_accent(word) < 3:
        return f"{word} {clitic}"
    last = max(i for i, letter in enumerate(word) if letter in VOWELS)
    return f"{word[:last]}{unicodedata.normalize('NFC', word[last] + TONOS)}{word[last + 1 :]} {clitic}"
