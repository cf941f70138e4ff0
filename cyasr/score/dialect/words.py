"""What makes a written word Cypriot: its dialect features, told by its letters alone.

A feature finds its units in a word (the geminates that it has, say). Of a word that was recognised wrong, a feature is
kept where the hypothesis' word has all of the reference's units, in whatever spelling. Words are T1 text: lower case, NFC.
What letters cannot tell (copula or negation, enclisis) is in `dialect_usage`.

Sources: Newton 1972, Cypriot Greek: Its Phonology and Inflections (Mouton); Arvaniti 1999, Cypriot Greek, JIPA 29(2);
Armostis, Christodoulou, Katsoyannou & Themistocleous 2014 (orthography); Merchant & Pavlou 2017, J. Greek Linguistics 17
(the future with εννά); the transcripts shown in el-CY's datasheet (Common Voice, CC0). Word lists are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

Units = frozenset[str]
NO_UNITS: Units = frozenset()
BREVE, CARON = "\u0306", "\u030c"

_PLAIN = str.maketrans(
    "άέήίόύώϊϋΐΰὀὄς" + CARON, "αεηιουωιυιυοοσ" + BREVE, "\u0301\u0308\u0313"
)  # without accents; σ for ς; the breve for either mark


@lru_cache(1 << 17)
def bare(word: str) -> str:
    """`word` without accents and diaeresis, ς as σ, either mark of σ̆ as breve."""
    return word.translate(_PLAIN)


def _words(forms: str) -> frozenset[str]:
    return frozenset(map(bare, forms.split()))


MARKED = re.compile(f"τ[σζ]{BREVE}|[σζξψ]{BREVE}")
# the same sounds written with an unaccented iota: τζιαι, έσιει, σιύλλος (but σιωπή, σιάλι)
IOTA = re.compile("(τζ)ι(?=[αεηιουωάέήίόύώ])|(σ)ι(?=ε[ιί])|^'?([σξψ])ι(?=[αεηοουωάέήόύώ])(?!ωπ|αγ|άγ|άλ|δ)")
# what a hypothesis may write for them: any of these letters before a front vowel or an iota with a vowel
SPELLED = re.compile("(τ[σζ])(?=[εηιυ]|αι|οι)|([σζξψ])ι(?=[αεηιουω])")

GEMINATE = re.compile(f"(τ[σζ]{BREVE}?)\\1|([βδζθκλμνξπρστφχψ]){BREVE}?\\2")
# Standard words that end in -ν, or may; -ων and -ουν, which both varieties have, are no endings here
FINAL_N = re.compile("(?:ον|ιν|ην|αν|εν|(?<!ο)υν)$")
STANDARD_FINAL_N = _words(
    "αν εν δεν μην τον την στον στην οταν πριν σαν παν εαν ηταν λοιπον μηδεν ουδεν μεν αυτον αυτην ποιον οποιον καποιον αλλον "
    "ιδιον εκεινον ολον εναν κανεναν καθεναν οσον εφοσον σχεδον πλεον επιπλεον μαλλον τουλαχιστον δυνατον αδυνατον πιθανον "
    "πρωτον δευτερον τριτον πρωην εναντιον κατευθειαν δωρεαν δηθεν πλην συν αμην αγαν νυν παρον μελλον παρελθον περιβαλλον "
    "ενδιαφερον καθηκον προιον συμφερον επειγον φωνηεν συμπαν ολαν εννεν 'ννεν 'οταν"
)
# third plural of the past, the same in both: έκαναν, είχαν, μιλούσαν, πήγαν, σκοτώθηκαν, έρχονταν
PAST_AN = re.compile(
    "^(?:[έή]|εί|άλλα).*αν$|(?:ούσ|ηκ|ήκ|άγ|ντ|όντ|όταν|πήρ|πήγ|ήρθ|ήρτ|πρόσφερ|πρόσβαλ|απέμειν|πήγαιν)αν$|όταν$"
    "|[άέήίόύώ][^άέήίόύώαεηιουω]+(?:[αεο][ιυ]|ου|[αεηιουω])(?:(?<!σ)σ|ξ|ψ)αν$"
)

FUTURE = frozenset({"εννα", "ννα", "'ννα", "εννα'", "εθθα", "'θθα"})
NOT_IS = frozenset({"εννεν", "εννεν'", "'ννεν"})
AND = _words("τζ̆αι τζαι τζιαι τζ̆ιαι τζ̆ε τζε τζιε τζ̆ιε τζ̆ι τζι τζ̆' τζ' τσιαι")
WHAT = re.compile("^(?:[ιη]ντα|[ιη]ννα|γιαντα)(?:$|ν|μ|λ|π|')")

HARDENED = re.compile("([θδφβ])κ(?=[ιεαουωηυ])|(μ?[πτ])κ(?=ι[αεουω]|[υο])|(?<=[αε])(υ)κ(?=ω$|ει|ετ|ουν|ουμ|ουσιν)")
HARDENED_RK = re.compile("ρκ(?=[ιεαουωηυ])")
RK_STANDARD = re.compile(  # roots with ρκ of their own
    "αρκετ|αρκε[ιισ]|[^χζ]ορκ|^ορκ|σαρκ|τουρκ|μαρκ|παρκ|τσιρκ|κιρκ|αρκουδ|αρκτ|κερκ|βαρκ|φυρκ|θερκ|δωρκ|πρκ|αρκωτ|ερκυρ|"
    "φορκ|ανταρκ|δαρκ|επαρκ|ναρκ|τερκ|αυταρκ|διαρκ|διηρκ|καρκιν|πυρκ|βουρκ|σβερκ|υπερκ|δερκ"
)
DIMINUTIVE = re.compile("(ούι|ούδι)ν?$|(ούθκ)ι?α$|(ού)(?:α|ες|ας|αν)$|(ούλλ)(?:α|ες|ας|αν)$|(ού)(?:δα|δες|δας|δαν)$")
NO_DIMINUTIVE = re.compile(
    "τραγούδ|τραούδ|τραούθ|λουλούδ|φλούδ|παππού|μαϊμού|πεταλούδ|αρκούδ|αλεπού|βερμούδ|ιούδ|χνούδ|ρούδι|καρκούδ|σκουλούδ|ακού"
)
NO_DIMINUTIVE_WHOLE = frozenset({"ούλλα", "ούλλες", "ούλλας", "ούλλαν", "που", "βούδι", "βούδιν", "βούθκια"})
FIRST_PLURAL = re.compile("(?:ου|(?<!^εκ)α|ω)μεν$")
# unaccented ε- before a past tense: εγόρασα, επήαμεν; accented έ- is in both varieties
AUGMENT = re.compile(
    "^ε[βγδζθκλμνξπρστφχψ].*(?:[σξψκ](?:α|ες|αν|ετε)|(?<!^εκάμ)εν|ασιν|ετουν|όμουν|όσουν|ούσα|ούσες|ήα|ήες|ήαν|ήρα|ήρες|ήραν)$"
)
# ε- that belongs to the word: επιλέγω, εξηγώ, ετοιμάζω, ελληνικά
NO_AUGMENT = re.compile(
    "^ε(?:πι[βδζθκλμνστφχ]|π[έε][στλζ]|πείγ|πανα|μφ|μπιστ|μποδ|ντ[οόυ]π|ντυπ|νταχ|ντάσσ|νδι|ν[ηή]|νθ|νισχ|νοχλ|νόχλ|ννο|ξαφ|ξαπ"
    "|ξ[ηή]γ|ξ[εέ][τλ]|ξασφ|ξακολ|ξοπλ|ξουσ|ξοικ|γκ|γγ|κ[τφδπθνμκ]|τοιμ|τοίμ|λ[εέ]γ|λπ|ρωτ|ρχ|ρευν|ρμην|ργ|θελ|ννεν$)|ικ(?:α|ές|ες|ά)$"
)


def palato_alveolar(word: str, plain: str) -> Units:
    if BREVE in plain:
        return frozenset(MARKED.findall(plain)) | _iota(word)
    return _iota(word)


def palato_alveolar_in_any_spelling(word: str, plain: str) -> Units:
    spelled = {"".join(groups) + BREVE for groups in SPELLED.findall(plain)}
    return palato_alveolar(word, plain) | spelled


def _iota(word: str) -> Units:
    if "σι" in word or "ζι" in word or "ξι" in word or "ψι" in word:
        return frozenset("".join(groups) + BREVE for groups in IOTA.findall(word))
    return NO_UNITS


def geminate(word: str, plain: str) -> Units:
    return frozenset(2 * "".join(groups) for groups in GEMINATE.findall(plain))


def initial_geminate(word: str, plain: str) -> Units:
    found = GEMINATE.match(plain.lstrip("'"))
    return frozenset([2 * (found[1] or found[2])]) if found and len(plain) > 3 else NO_UNITS


def final_nu(word: str, plain: str) -> Units:
    has = plain[-1:] == "ν" and FINAL_N.search(plain) and plain not in STANDARD_FINAL_N and len(plain) > 3
    return frozenset("ν") if has and not (plain.endswith("αν") and PAST_AN.search(word)) else NO_UNITS


def final_nu_of_any_word(word: str, plain: str) -> Units:
    return frozenset("ν") if plain.endswith("ν") else NO_UNITS


def and_(word: str, plain: str) -> Units:
    return frozenset(["τζ̆αι"]) if plain in AND else NO_UNITS


def future(word: str, plain: str) -> Units:
    return frozenset(["εννά"]) if plain in FUTURE else NO_UNITS


def not_is(word: str, plain: str) -> Units:
    return frozenset(["εννέν"]) if plain in NOT_IS else NO_UNITS


def question_word(word: str, plain: str) -> Units:
    return frozenset(["ίντα"]) if WHAT.match(plain) else NO_UNITS


def hardened(word: str, plain: str) -> Units:
    return frozenset("".join(groups) + "κ" for groups in HARDENED.findall(plain)) if "κ" in plain else NO_UNITS


def hardened_rk(word: str, plain: str) -> Units:
    return frozenset(["ρκ"]) if "ρκ" in plain and HARDENED_RK.search(plain) and not RK_STANDARD.search(plain) else NO_UNITS


def third_plural(word: str, plain: str) -> Units:
    if plain.endswith(("ουσιν", f"ουσ{BREVE}ιν")):
        return frozenset(["ουσιν"])
    noun = word.endswith(("άσιν", "ασίν")) and plain not in {"πασιν", "φασιν"}  # τζ̆εράσιν, κρασίν
    return frozenset(["ασιν"]) if plain.endswith("ασιν") and not noun else NO_UNITS


def first_plural(word: str, plain: str) -> Units:
    return frozenset(["μεν"]) if len(plain) > 4 and FIRST_PLURAL.search(plain) else NO_UNITS


def diminutive(word: str, plain: str) -> Units:
    found = DIMINUTIVE.search(word) if "ού" in word else None
    if not found or len(plain) < 5 or word in NO_DIMINUTIVE_WHOLE or NO_DIMINUTIVE.search(word):
        return NO_UNITS
    return frozenset(["ού"])


def augment(word: str, plain: str) -> Units:
    has = word.startswith("ε") and len(word) > 3 and AUGMENT.match(word) and not NO_AUGMENT.search(word)
    return frozenset(["ε"]) if has else NO_UNITS


def augment_of_any_word(word: str, plain: str) -> Units:
    return frozenset(["ε"]) if re.match("ε(?![υιίύ])", word) else NO_UNITS


Finder = Callable[[str, str], Units]


@dataclass(frozen=True)
class Feature:
    """find(word, bare word): its units; in_hypothesis: the same with every spelling accepted (None: as `find`)."""

    name: str
    says: str
    source: str
    find: Finder
    in_hypothesis: Finder | None = None


NEWTON, ARVANITI, ARMOSTIS, DATASHEET = "Newton 1972", "Arvaniti 1999", "Armostis et al. 2014", "el-CY datasheet"
FEATURES: tuple[Feature, ...] = (
    Feature(
        "palato_alveolar",
        "σ̆ ζ̆ ξ̆ ψ̆ τσ̆ τζ̆, or written τζι-, -σιει, σι- at a word's beginning",
        f"{ARVANITI}; {ARMOSTIS}",
        palato_alveolar,
        palato_alveolar_in_any_spelling,
    ),
    Feature("geminate", "a doubled consonant letter, also where Standard spelling has one", f"{ARVANITI}; {NEWTON}", geminate),
    Feature("initial_geminate", "a word beginning with a doubled consonant: ππέφτω, σ̆σ̆ύλλος", ARVANITI, initial_geminate),
    Feature("final_nu", "-ν where Standard has none: παιχνίδιν, χώραν, έκαμεν", NEWTON, final_nu, final_nu_of_any_word),
    Feature("and", "τζ̆αι in any spelling", f"{NEWTON}; {DATASHEET}", and_),
    Feature("future", "εννά, έννα", "Merchant & Pavlou 2017", future),
    Feature("not_is", "εννέν, negation and copula in one word", "Merchant & Pavlou 2017", not_is),
    Feature("question_word", "ίντα and what is made with it: ίνναμπου, γιάντα", NEWTON, question_word),
    Feature(
        "hardened", "θκ δκ φκ βκ πκ τκ for a consonant and glide, -εύκω: παιχνίθκια, δκιαβάζω", f"{NEWTON}; {ARVANITI}", hardened
    ),
    Feature("hardened_rk", "ρκ for ρ and glide: χωρκόν, ψάρκα", f"{NEWTON}; {ARVANITI}", hardened_rk),
    Feature("third_plural", "-ουσιν, -ασιν", NEWTON, third_plural),
    Feature("first_plural", "-ουμεν, -αμεν", NEWTON, first_plural),
    Feature("diminutive", "-ούι(ν), -ούδι(ν), -ούθκια, -ούα, -ούλλα, accents written", NEWTON, diminutive),
    Feature("augment", "unaccented ε- of a past tense: εγόρασα", f"{NEWTON}; {DATASHEET}", augment, augment_of_any_word),
)


@lru_cache(1 << 17)
def features_of(word: str) -> tuple[tuple[str, Units], ...]:
    """(feature's name, units) of the features that `word` has."""
    plain = bare(word)
    found = ((feature.name, feature.find(word, plain)) for feature in FEATURES)
    return tuple((name, units) for name, units in found if units)


@lru_cache(1 << 17)
def heard(word: str, name: str) -> Units:
    """The units of one feature in a hypothesis' word, any spelling accepted."""
    feature = _BY_NAME[name]
    return (feature.in_hypothesis or feature.find)(word, bare(word))


_BY_NAME = {feature.name: feature for feature in FEATURES}
