"""Spellings of one word: tier T2 folds every Greek word to the key that its spelling variants share.

Cypriot Greek has no official orthography (Armosti, Christodoulou, Katsoyannou & Themistocleous 2014: [A14]), so a word
error rate counts spellings as errors. Ali et al. (ASRU 2015, doi:10.1109/ASRU.2015.7404847) align with several
references, WERd (arXiv:1709.07484) with variants mined from social text; here they are named rules and rows with a
source, so that a reader can say no to each. `fold` never joins or splits words. A rule holds for all words but those
that it would take for another (rows `apart` of variants.tsv: πότε, ποτέ); what is true of a few words is a row.

Sources: [A14]; [N72] Newton, Cypriot Greek: its phonology and inflections, 1972; [A99] Arvaniti, Cypriot Greek, Journal
of the IPA 29, 1999; [CY] answers of Common Voice Spontaneous Speech el-CY; [S] Cypriot posts of social media, counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cyasr.cli import UsageError
from cyasr.text.variant_rows import ACCEPTED, SHIPPED, Row, digest, read_rows

Rule = Callable[[str], str]

VERSION = 1
REMEMBERED = 1 << 18  # words
V, C = "αεηιουωάέήίόύώϊϋΐΰ", "βγδζθκλμνξπρστφχψ"
GLIDE = f"(?=(?:[ιί]|ε[ιί]|ο[ιί])[{V}])"
GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
MARKS = re.compile("(?<=[α-ω])[\u0306\u030c]+")
PROTHETIC = re.compile(f"^(?:[ιηίή]-(?=[{C}])|ι(?=[ξψ][{V}])|η(?=ξ[εέ]ρ(?:ω|εισ|ει|ουμεν?|ουν|ουσιν?)$))")
LOST_VOWEL = re.compile(f"^'(?=[{C}][^']*$)")
IOTA = re.compile(f"(?<=[σζξψ])ι(?=[{V}])")
BEFORE_K = re.compile("β(?=κ)|(?<=[αεάέ])υ(?=κ)")
DENTAL, LABIAL, PI = re.compile(f"[θδτ]κ?{GLIDE}"), re.compile(f"[βφ]κ?{GLIDE}"), re.compile(f"πκ{GLIDE}")
CLUSTER = re.compile("χθ|κτ|φθ")
DOUBLE = re.compile("([βδζθκλμνξπρστφχψ])\\1+")
CONSONANT = re.compile(f"[{C}]")
SYLLABLES = re.compile(f"[{V}][{C}]+[{V}]")
FINAL_N = re.compile("(?:(?<=[οόιίηήεέ])|(?<=[^οό][υύ])|(?<=[ιί][αά])|(?<=τητα)|(?<=μα)|(?<=σσα)|(?<=[αά]δα)|(?<=[^εο][ιί]δα))ν$")
ACCENT = "[\u0300\u0301\u0308\u0313\u0314\u0342\u0345]+"
ACCENTS = re.compile(f"(?<![σζξψ]ι){ACCENT}|{ACCENT}(?![αεηιουω])")
PLAIN = re.compile("[α-ω]+")


def marks(word: str) -> str:
    """Palato-alveolars without their mark: τζ̆αι, τζ̌αι, τζαι; σ̆έριν, σέριν. Breve and caron alternate in one answer [CY]."""
    return MARKS.sub("", word)


def prothetic(word: str) -> str:
    """Without the ι before a cluster: ι-ξέρω, ιξέρω, ηξέρω, ξέρω [CY, S]. Past ήξερα keeps its augment."""
    return PROTHETIC.sub("", word)


def apostrophe(word: str) -> str:
    """εν', εν; 'γόρασα, εγόρασα: an apostrophe ahead of a consonant stands for the augment's ε, others only go [CY].

    A lone vowel keeps it: without, it would be a filler (ε).
    """
    if "'" not in word or not CONSONANT.search(word):
        return word
    return LOST_VOWEL.sub("ε", word).replace("'", "")


def hyphen(word: str) -> str:
    """Letters on both sides of a hyphen are one word (T1 has parted those that are two)."""
    return word.replace("-", "") or word if "-" in word else word


def iota(word: str) -> str:
    """ι as a sign of palato-alveolars before a vowel: τζιαι, τζαι; έσιει, έσ̆ει; also beside the mark: μιτσ̆ιά [A14, CY].

    A stressed ί is a syllable of its own (εξουσία); `accents` leaves it as it is.
    """
    return IOTA.sub("", word)


def before_k(word: str) -> str:
    """φκ, βκ, υκ, one sound before κ: δουλέφκω, δουλεύκω; φκάλλω, βκάλλω; αφκό, αυκό [S]."""
    return BEFORE_K.sub("φ", word.replace("ύκ", "υκ"))


def hardening(word: str) -> str:
    """The stop after θ δ τ, β φ, π before a glide: παιχνίθκια, παιχνίδια; σπίθκια, σπίτκια; ξαδέρφκια; πκιάννω [CY; N72]."""
    return PI.sub("π", LABIAL.sub("φ", DENTAL.sub("δ", word)))


def clusters(word: str) -> str:
    """χθ, κτ, χτ and φθ, φτ: εχτές, εχθές; δάκτυλο, δάχτυλο; φτάνω, φθάνω [S; both in Standard Greek]. πτ is not φτ: λεπτά."""
    return CLUSTER.sub(lambda match: "φτ" if match[0] == "φθ" else "χτ", word)


def final_n(word: str) -> str:
    """Without final -ν of two syllables or more: άθλημαν, παιδίν, έφαεν, καλόν, δουλειάν [A99, CY].

    After α only where no verb can stand (είχα I had, είχαν they had), never after ω and ου.
    """
    return FINAL_N.sub("", word) if word.endswith("ν") and SYLLABLES.search(word) else word


def geminates(word: str) -> str:
    """Doubled consonants single, γγ excepted, which is no long γ: ποττέ, ποτέ; κκελλέ, κελλέ; λλίος, λίος [A99, CY, S]."""
    return DOUBLE.sub(r"\1", word)


def accents(word: str) -> str:
    """Without tonos, dialytika and their polytonic kin: τώρα, τωρά, τωρα; γάιδαρος, γάϊδαρος [CY, S: whole posts without]."""
    if PLAIN.fullmatch(word):
        return word
    return unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFD", word)))


RULES: tuple[Rule, ...] = (
    *(marks, prothetic, apostrophe, hyphen, iota, before_k, hardening, clusters, final_n, geminates, accents),
)


@lru_cache(maxsize=REMEMBERED)
def fold(word: str) -> str:
    """The key of a word of T1. Total, deterministic, idempotent; a word without Greek letters is its own key."""
    return _key(word, _tables()) if GREEK.search(word) else word


def explain(word: str) -> list[tuple[str, str]]:
    """The rules that make the key of `word`, in order, each with the word after it."""
    way: list[tuple[str, str]] = []
    form, key = _inner(word), _inner(fold(word))
    while GREEK.search(word) and form != key:
        way += _passed(form, _tables())
        form = way[-1][1]
    return [(rule, _outer(after)) for rule, after in way]


@lru_cache(maxsize=REMEMBERED)
def rules_between(one: str, other: str) -> tuple[str, ...]:
    """The fewest rules that still give two words of one key one key: σ̆έριν, σιέρι by ("marks", "iota", "final_n").

    () where the keys differ or the words are equal; "letters" where only case, composition or a final sigma differ.
    """
    if one == other or fold(one) != fold(other):
        return ()
    if _inner(one) == _inner(other):
        return ("letters",)
    used = dict.fromkeys(rule for word in (one, other) for rule, _ in explain(word))
    skipped: frozenset[str] = frozenset()
    for rule in used if len(used) > 1 else ():
        if _key(one, _tables(), skipped | {rule}) == _key(other, _tables(), skipped | {rule}):
            skipped |= {rule}
    order = [*(rule.__name__ for rule in RULES), *sorted(used.keys())]
    needed = used.keys() - skipped or used.keys()  # none alone is needed where two do the same (εκατόν: numbers, final_n)
    return tuple(sorted(needed, key=order.index))


def signature() -> str:
    """Rules, version and rows: what a score made with `fold` depends on."""
    from cyasr.text import numbers

    rules = "+".join(rule.__name__ for rule in RULES)
    return f"fold.v{VERSION}:{rules}+numbers.v{numbers.VERSION}+rows|rows {digest(SHIPPED)}|accepted {digest(ACCEPTED)}"


@lru_cache(maxsize=1)
def licences() -> list[tuple[str, str, str]]:
    """Phrases, as keys with blanks between, that the lenient rung takes for one another: (one, other, rule), sorted.

    Beside the rows: a word that kept its accents, and the same word written without any (αλλα: αλλά or άλλα).
    """
    found = {(phrase_key(row.one), phrase_key(row.other), row.rule) for row in rows() if row.kind == "licence"}
    for row in rows():
        keys = fold(row.one), fold(row.other)
        bare = _outer(accents(_inner(keys[0])))
        if row.kind in ("apart", "never") and bare == _outer(accents(_inner(keys[1]))) and bare not in keys:
            found |= {(bare, key, "accents") for key in keys}
    return sorted(found)


def phrase_key(phrase: str) -> str:
    return " ".join(map(fold, phrase.split()))


def rows() -> tuple[Row, ...]:
    return read_rows(SHIPPED) + read_rows(ACCEPTED)


@dataclass
class _Tables:
    """What the rows say. kept: by rule, accentless forms that it leaves alone; keys: key to (key, rule of the row)."""

    kept: dict[str, set[str]] = field(default_factory=dict)
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    """Raises UsageError where accepted rows contradict others."""
    accepted = read_rows(ACCEPTED)
    if accepted and (faults := complaints(accepted)):
        guilty = next((row.where for row in accepted if complaints([row])), str(ACCEPTED))
        raise UsageError(f"{guilty}: {faults[0]}; take this row out")
    return _tables_of(rows())


def complaints(added: Sequence[Row], others: Sequence[Row] | None = None) -> list[str]:
    """What speaks against adding rows to `others` (the shipped ones): words that are to stay apart, circles."""
    both = [*(read_rows(SHIPPED) if others is None else others), *added]
    try:
        tables = _tables_of(both)
    except UsageError as error:
        return [str(error)]
    apart = [row for row in both if row.kind in ("apart", "never")]
    faults = [f"{row.where}: {row.one} and {row.other} would fold together" for row in apart if _together(row, tables)]
    never = {frozenset(_key(word, tables) for word in (row.one, row.other)) for row in apart if row.kind == "never"}
    for row in both:
        if row.kind == "licence":
            one, other = ([_key(word, tables) for word in side.split()] for side in (row.one, row.other))
            while one and other and one[-1] == other[-1]:
                one, other = one[:-1], other[:-1]
            while one and other and one[0] == other[0]:
                one, other = one[1:], other[1:]
            if len(one) == len(other) == 1 and frozenset(one + other) in never:
                faults.append(f"{row.where}: {row.one} may never be taken for {row.other}")
    return faults


def _together(row: Row, tables: _Tables) -> bool:
    return _key(row.one, tables) == _key(row.other, tables)


def _tables_of(rows: Sequence[Row]) -> _Tables:
    tables = _Tables()
    for row in rows:
        if row.kind in ("apart", "never"):
            _keep_apart(tables, row)
    for row in rows:
        if row.kind == "fold":
            one, other = (_ruled(word, tables) for word in (row.one, row.other))
            if one != other:
                tables.keys[one] = (other, row.rule)
    for one, (other, rule) in tables.keys.items():
        seen = {one}
        while other in tables.keys:
            if other in seen:
                raise UsageError(f"fold rows go round in a circle at {_outer(other)}; take one of them out")
            seen.add(other)
            other = tables.keys[other][0]
        tables.keys[one] = (other, rule)
    return tables


def _keep_apart(tables: _Tables, row: Row) -> None:
    """Find the rule that would make one word of two, and keep it from both, with and without their accents."""
    one, other = _inner(row.one), _inner(row.other)
    for rule in (*RULES, *RULES):  # what a first pass leaves may be a second one's to change
        after = [_applied(rule, form, tables) for form in (one, other)]
        if after[0] == after[1] or (accents(after[0]) == accents(after[1]) and accents(one) != accents(other)):
            tables.kept.setdefault(rule.__name__, set()).update(accents(form) for form in (one, other))
            after = [_applied(rule, form, tables) for form in (one, other)]
        one, other = after


def _applied(rule: Rule, form: str, tables: _Tables) -> str:
    after = rule(form)
    if after != form and rule.__name__ in tables.kept and accents(form) in tables.kept[rule.__name__]:
        return form
    return after


def _ruled(word: str, tables: _Tables) -> str:
    """`word` under the rules alone, until they change nothing."""
    form, before = _inner(word), ""
    while form != before:
        before = form
        for rule in RULES:
            form = _applied(rule, form, tables)
    return form


def _passed(form: str, tables: _Tables, skipped: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """One pass of numbers, rules and rows: those that changed something, each with the form after it."""
    from cyasr.text.numbers import number_variants

    way: list[tuple[str, str]] = []
    if "numbers" not in skipped and (after := _inner(number_variants(_outer(form)))) != form:
        way.append(("numbers", form := after))
    for rule in RULES:
        if rule.__name__ not in skipped and (after := _applied(rule, form, tables)) != form:
            way.append((rule.__name__, form := after))
    if form in tables.keys and tables.keys[form][1] not in skipped:
        way.append((tables.keys[form][1], tables.keys[form][0]))
    return way


def _key(word: str, tables: _Tables, skipped: frozenset[str] = frozenset()) -> str:
    """Passes until nothing changes; should they go round in a circle, its least member is the key."""
    seen: list[str] = []
    form = _inner(word)
    while form not in seen:
        seen.append(form)
        way = _passed(form, tables, skipped)
        form = way[-1][1] if way else form
    return _outer(min(seen[seen.index(form) :]))


def _inner(word: str) -> str:
    """Composed, in lower case, no final sigma: what the rules work on."""
    return unicodedata.normalize("NFC", word).lower().replace("ς", "σ")


def _outer(form: str) -> str:
    return form[:-1] + "ς" if form.endswith("σ") else form
