"""Standard twins of Cypriot word forms: what a system writes that turns dialect into Standard Greek.

A form has twins by the table twins.tsv (τζ̆αι: και) or by rules (παιχνίδιν: παιχνίδι): all rules that apply are applied at
once, doubled consonants inside the word may be left or made single, accents do not count. What rules make is not looked
up in any list of Standard words. εν has no twin here: it is είναι or δεν, which `features` counts apart.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import product
from pathlib import Path

from cyasr.score.dialect.words import AND, BREVE, GEMINATE, bare, features_of

ACCENT = re.compile("[άέήίόύώΐΰ]")
SYLLABLE = re.compile("(?:ι(?=[αεοω]))?(?:ου|αι|ει|οι|[αε]υ|[αεηιουω])")
TABLE = Path(__file__).with_name("twins.tsv")
MOST = 256  # twins of one word; the rules give fewer than that but for very odd words

# feature -> what its letters may be in Standard spelling; sources as in dialect_words
_SPELLINGS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "palato_alveolar": (
        (f"τζ{BREVE}ι?(?=[αεουω])", ("κι", "κ")),  # γλυτζ̆ιά: γλυκιά; τζ̆αιρός: καιρός
        (f"τζ{BREVE}", ("κ", "γκ")),
        (f"τσ{BREVE}ι?(?=[αεουω])", ("κι", "τσι", "τσ", "κ")),
        (f"τσ{BREVE}", ("τσ", "κ")),
        (f"(?:σ{BREVE}){{1,2}}ι?(?=[αεουω])", ("χι", "σι", "σκι", "σ", "χ", "σκ")),  # σ̆έριν: χέρι; σ̆ύλλος: σκύλος
        (f"(?:σ{BREVE}){{1,2}}", ("χ", "σ", "σκ")),
        (f"ζ{BREVE}ι?(?=[αεουω])", ("ζι", "γι", "ζ")),
        (f"ζ{BREVE}", ("ζ",)),
        (f"([ξψ]){BREVE}ι?(?=[αεουω])", (r"\1ι", r"\1")),
        (f"([ξψ]){BREVE}", (r"\1",)),
        ("τζι(?=[αεηουω])", ("κι", "κ")),
        ("(?<=ε)σιει", ("χει",)),
        ("^σι(?=[αεοουωυη])", ("χ", "σκ", "σ")),
    ),
    "initial_geminate": ((f"^('?)((.){BREVE}?)\\3{BREVE}?", (r"\1\2",)),),  # ππέφτω: πέφτω
    "hardened": (
        ("θκι?(?=[αεουω])", ("δι", "θι", "τι", "δ", "θ", "τ")),  # παιχνίθκια: παιχνίδια; σπίθκια: σπίτια
        ("δκι?(?=[αεουωυ])", ("δι", "δ")),
        ("φκι?(?=[αεουωηι])", ("φι", "βγ", "βι", "υγ", "φ", "β", "υ")),  # έφκαλεν: έβγαλε; ξαδέρφκια: ξαδέρφια
        ("βκ(?=[αεουωηι])", ("βγ",)),
        ("πκι?(?=[αεου])", ("πι", "π")),
        ("τκι(?=[αεουω])", ("τι",)),
        ("(?<=[αε])υκ(?=[ωεο])", ("υ",)),  # δουλεύκω: δουλεύω
    ),
    "hardened_rk": (("ρκι?(?=[αεουωη])", ("ρι", "ργ", "ρδι", "ρχ")),),  # ψάρκα: ψάρια
    "third_plural": ((f"ουσ{BREVE}?ιν$", ("ουν",)), ("ασιν$", ("αν",))),
    "first_plural": (("μεν$", ("με",)),),
    "augment": (("^ε", ("", "α", "ο")),),  # εγόρασα: αγόρασα; εμίλησα: μίλησα
    "final_nu": (("ν$", ("",)),),
}
_APPLIED_LAST = ("first_plural", "third_plural", "final_nu")
RULES = {name: tuple((re.compile(old), new) for old, new in pairs) for name, pairs in _SPELLINGS.items()}
_SUFFIXED = {"third_plural": "final_nu", "first_plural": "final_nu"}  # the first speaks for the second


@cache
def table() -> dict[str, frozenset[str]]:
    """Dialect form, bare -> its Standard twins, bare. Raises ValueError for a line of twins.tsv that is no pair."""
    twins: dict[str, frozenset[str]] = {}
    for number, line in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith(("#", "dialect\t")):
            continue
        cells = line.split("\t")
        if len(cells) != 4 or not all(cells):
            raise ValueError(f"{TABLE.name}, line {number}: wanted dialect, standard, what, ground")
        for form in map(bare, cells[0].split()):
            twins[form] = twins.get(form, frozenset()) | frozenset(map(bare, cells[1].split()))
    return twins | dict.fromkeys(AND, twins[bare("τζ̆αι")])


@lru_cache(1 << 17)
def why_twin(word: str) -> tuple[str, ...]:
    """Why `word` has a Standard twin: "table", or else the features whose rules apply; nothing where it has none."""
    if bare(word) in table():
        return ("table",)
    names = [name for name, _ in features_of(word) if name in RULES]
    shadowed = {_SUFFIXED[name] for name in names if name in _SUFFIXED}
    return tuple(name for name in names if name not in shadowed)


@lru_cache(1 << 15)
def twins_of(word: str) -> frozenset[str]:
    """The Standard twins of `word`, bare letters (dialect_words.bare)."""
    plain = bare(word)
    why = why_twin(word)
    if why[:1] == ("table",):
        return table()[plain]
    forms = {plain} if why else set()
    for name in sorted(why, key=lambda name: name in _APPLIED_LAST):
        forms = {new for form in forms for new in _rewritten(form, name)}
        if len(forms) > MOST:
            break
    return frozenset(single for form in forms for single in _with_single(form)) - {plain}


def is_twin(word: str, hypothesis: str) -> bool:
    """True where `hypothesis` is a Standard twin of the dialect form `word`.

    Where the accent stands does not count, but a word of several syllables that lost its accent is no twin.
    """
    plain = bare(hypothesis)
    if not why_twin(word) or plain not in twins_of(word):
        return False
    accented, accent_lost = ACCENT.search(word), not ACCENT.search(hypothesis) and len(SYLLABLE.findall(plain)) > 1
    return not (accented and accent_lost)


def _rewritten(form: str, name: str) -> set[str]:
    """`form` without the feature, each rule at every place that it fits, in every spelling."""
    forms = {form}
    for old, spellings in RULES[name]:
        forms = {old.sub(new, one) for one in forms for new in (spellings if old.search(one) else ("\\g<0>",))}
    return forms


def _with_single(form: str) -> set[str]:
    """`form` with each doubled consonant kept or made single: κοπέλλα, κοπέλα."""
    pieces: list[tuple[str, ...]] = []
    end = 0
    for found in list(GEMINATE.finditer(form))[:4]:
        whole = found[0]
        pieces += [(form[end : found.start()],), (whole, whole[: len(whole) // 2])]
        end = found.end()
    return {"".join(chosen) for chosen in product(*pieces, (form[end:],))}
