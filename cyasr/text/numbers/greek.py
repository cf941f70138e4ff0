"""Greek numerals, Standard and Cypriot, into words and back; gender and case as Standard Greek grammar has them.

No kept library does: num2words 0.5.14 has no Greek, and CLDR's rules (unicode-rbnf 2.4.1) write *χίλιάδες, *εννενήντα
and *δεκατρεις. Standard forms: Holton, Mackridge & Philippaki-Warburton, Greek: A Comprehensive Grammar, II.2.
Cypriot ones: δκυο and θκυό are attested in the social-media texts of the Greek dialect classifier (hb20007), tris, dheka,
dhekapende, ikosi, saranda in Multi-CAST Cypriot Greek; the rest follow from regular sound change (χι > σ̆ι, δι > δκι).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from cyasr.text.rules_encoding import unmarked

Gender = Literal["neuter", "feminine", "masculine"]
Case = Literal["nominative", "accusative", "genitive"]
GreekDialect = Literal["standard", "cypriot"]

GENDERS: tuple[Gender, ...] = ("neuter", "feminine", "masculine")
CASES: tuple[Case, ...] = ("nominative", "accusative", "genitive")
ALL_FORMS = [(gender, case) for gender in GENDERS for case in CASES]
LIMIT = 10**15  # the first number without a name here


@dataclass(frozen=True)
class Forms:
    """What differs between the dialects. Numerals 0-19 are neuter nominatives."""

    to_nineteen: tuple[str, ...]
    tens: tuple[str, ...]  # 20, 30 … 90
    hundred: str
    hundred_before: str  # εκατόν ένα
    hundreds: tuple[str, ...]  # stems of 200, 300 … 900
    thousand: str  # stem of χίλια
    thousands: str  # stem of χιλιάδες
    million: str  # εκατομμύριο
    one: tuple[str, str, str, str, str]  # neuter; feminine, her genitive; masculine, his accusative

    @property
    def scales(self) -> tuple[tuple[int, str], ...]:
        """Values and singulars above a thousand, highest first."""
        return ((10**12, "τρισ" + self.million), (10**9, "δισ" + self.million), (10**6, self.million))


STANDARD = Forms(
    to_nineteen=(
        *("μηδέν", "ένα", "δύο", "τρία", "τέσσερα", "πέντε", "έξι", "επτά", "οκτώ", "εννέα", "δέκα", "έντεκα", "δώδεκα"),
        *("δεκατρία", "δεκατέσσερα", "δεκαπέντε", "δεκαέξι", "δεκαεπτά", "δεκαοκτώ", "δεκαεννέα"),
    ),
    tens=("είκοσι", "τριάντα", "σαράντα", "πενήντα", "εξήντα", "εβδομήντα", "ογδόντα", "ενενήντα"),
    hundred="εκατό",
    hundred_before="εκατόν",
    hundreds=("διακόσι", "τριακόσι", "τετρακόσι", "πεντακόσι", "εξακόσι", "επτακόσι", "οκτακόσι", "εννιακόσι"),
    thousand="χίλι",
    thousands="χιλιάδ",
    million="εκατομμύριο",
    one=("ένα", "μία", "μιας", "ένας", "έναν"),
)
CYPRIOT = Forms(
    to_nineteen=(
        *("μηδέν", "έναν", "δκυο", "τρία", "τέσσερα", "πέντε", "έξι", "εφτά", "οχτώ", "εννιά", "δέκα", "έντεκα", "δώδεκα"),
        *("δεκατρία", "δεκατέσσερα", "δεκαπέντε", "δεκαέξι", "δεκαεφτά", "δεκαοχτώ", "δεκαεννιά"),
    ),
    tens=STANDARD.tens,
    hundred="εκατόν",
    hundred_before="εκατόν",
    hundreds=("δκιακόσι", "τρακόσι", "τετρακόσι", "πεντακόσι", "εξακόσι", "εφτακόσι", "οχτακόσι", "εννιακόσι"),
    thousand="σ\u0306ίλι",
    thousands="σ\u0306ιλιάδ",
    million="εκατομμύριον",
    one=("έναν", "μια", "μιας", "ένας", "έναν"),
)
FORMS: dict[str, Forms] = {"standard": STANDARD, "cypriot": CYPRIOT}
ENDINGS = {"neuter": ("α", "α"), "feminine": ("ες", "ες"), "masculine": ("οι", "ους")}  # nominative, accusative
ZERO, MINUS, COMMA = "μηδέν", "μείον", "κόμμα"

# Other spellings and sounds of the same word, without accents and marks. Stems in -κοσι take every ending.
SPELLINGS = {
    "δυο": ("δκυο", "θκυο", "δκιο", "θκιο"), "τεσσερα": ("τεσερα",), "τεσσερισ": ("τεσσερεισ", "τεσερισ"), "πεντε": ("πενδε",),
    "επτα": ("εφτα",), "οκτω": ("οχτω", "οχτο", "οκτο"), "εννεα": ("εννια", "ενια", "ενεα"),
    "εντεκα": ("ενδεκα",), "δωδεκα": ("δοδεκα",), "δεκατεσσερισ": ("δεκατεσσερεισ",),
    "δεκαπεντε": ("δεκαπενδε",), "δεκαεξι": ("δεκαξι",), "δεκαεπτα": ("δεκαεφτα", "δεκαφτα", "δεκαπτα"),
    "δεκαοκτω": ("δεκαοχτω", "δεκοχτω", "δεκοκτω"), "δεκαεννεα": ("δεκαεννια", "δεκαενια", "δεκαενεα"),
    "εβδομηντα": ("εφτομηντα", "εβτομηντα"), "ογδοντα": ("ογδοηντα",), "ενενηντα": ("εννενηντα",),
    "εκατο": ("εκατον",), "διακοσι": ("δκιακοσι", "θκιακοσι"), "τριακοσι": ("τρακοσι",),
    "επτακοσι": ("εφτακοσι",), "οκτακοσι": ("οχτακοσι",), "εννιακοσι": ("εννεακοσι",),
    "εκατομμυριο": ("εκατομυριο", "εκατομμυριον"), "εκατομμυρια": ("εκατομυρια",),
}  # fmt: skip
THOUSAND_STEMS = ("χιλι", "σιλι", "σιηλι", "σιιλι", "σσιλι", "σχιλι", "σηλι")  # χίλια, σ̆ίλια, σιήλια …
SINGULAR_THOUSAND = ("α", "εσ", "οι", "ουσ", "ων")
PLURAL_THOUSAND = ("αδεσ", "αδων", "αεσ", "αων")  # Cypriot drops the δ between vowels: σ̆ιλιάες
# Ordinals' stems: 1-9, 10 and 20-90, 100-900, thousands.
ORDINAL_UNITS = ("πρώτ", "δεύτερ", "τρίτ", "τέταρτ", "πέμπτ", "έκτ", "έβδομ", "όγδο", "ένατ")
ORDINAL_TENS = ("δέκατ", "εικοστ", "τριακοστ", "τεσσαρακοστ", "πεντηκοστ", "εξηκοστ", "εβδομηκοστ", "ογδοηκοστ", "ενενηκοστ")
ORDINAL_HUNDREDS = ("εκατοστ", "διακοσιοστ", "τριακοσιοστ", "τετρακοσιοστ", "πεντακοσιοστ", "εξακοσιοστ", "επτακοσιοστ",
                    "οκτακοσιοστ", "εννιακοσιοστ")  # fmt: skip
ORDINAL_THOUSANDS = tuple(
    times + "χιλιοστ" for times in ("", "δισ", "τρισ", "τετρακισ", "πεντακισ", "εξακισ", "επτακισ", "οκτακισ", "εννεακισ")
)
ORDINAL_LIMIT = 10**4
ORDINAL_ENDINGS = ("ος", "ου", "ον", "ο", "η", "ης", "ην", "οι", "ους", "ες", "ων")
ACCENTED = str.maketrans("αεηιουω", "άέήίόύώ")


def cardinal(n: int, dialect: GreekDialect = "standard", gender: Gender = "neuter", case: Case = "nominative") -> list[str]:
    """Words of 0 <= n < LIMIT. Raises ValueError outside it."""
    if not 0 <= n < LIMIT:
        raise ValueError(f"{n} is not in 0 .. {LIMIT - 1}")
    forms = FORMS[dialect]
    words: list[str] = []
    rest = n
    for value, name in forms.scales:
        count, rest = divmod(rest, value)
        if count:
            words += [*_below_thousand(count, forms, "neuter", case), _scale(name, count, case)]
    count, rest = divmod(rest, 1000)
    if count == 1:
        words.append(_inflected(forms.thousand, gender, case))
    elif count:
        words += [*_below_thousand(count, forms, "feminine", case), forms.thousands + ("ων" if case == "genitive" else "ες")]
    return words + _below_thousand(rest, forms, gender, case) if rest or not words else words


def ordinal(n: int, ending: str = "ος") -> list[str]:
    """Words of 1 <= n < ORDINAL_LIMIT, each with one of ORDINAL_ENDINGS: 21, "ου" -> εικοστού πρώτου. Raises ValueError."""
    if not 1 <= n < ORDINAL_LIMIT or ending not in ORDINAL_ENDINGS:
        raise ValueError(f"no ordinal of {n} in -{ending}")
    thousands, rest = divmod(n, 1000)
    hundreds, rest = divmod(rest, 100)
    stems = [ORDINAL_THOUSANDS[thousands - 1]] * bool(thousands) + [ORDINAL_HUNDREDS[hundreds - 1]] * bool(hundreds)
    if rest in {11, 12}:
        stems.append("ενδέκατ" if rest == 11 else "δωδέκατ")
    else:
        tens, units = divmod(rest, 10)
        stems += [ORDINAL_TENS[tens - 1]] * bool(tens) + [ORDINAL_UNITS[units - 1]] * bool(units)
    return [_ordinal_word(stem, ending) for stem in stems]


@lru_cache(maxsize=1 << 16)  # words of any text are asked for, not only numerals
def key(word: str) -> str:
    """`word` without accents, breves and capitals: what the lexicon is looked up by."""
    return unmarked(word.lower()).replace("ς", "σ")


@cache
def lexicon() -> dict[str, int]:
    """Value of every word of a cardinal, by `key`: all forms and spellings; 21-99 in one word as well (εικοσιπέντε)."""
    values: dict[str, int] = {}
    for forms in FORMS.values():
        for gender, case in ALL_FORMS:
            for n in (*range(20), *range(20, 100, 10), *range(100, 1000, 100)):
                values[key(_below_thousand(n, forms, gender, case)[0])] = n
            for value, name in forms.scales:
                values |= {key(_scale(name, count, case)): value for count in (1, 2)}
        values[key(forms.hundred_before)] = 100
    values |= {stem + ending: 1000 for stem in THOUSAND_STEMS for ending in (*SINGULAR_THOUSAND, *PLURAL_THOUSAND)}
    for standard, others in SPELLINGS.items():
        for found in [word for word in values if word.startswith(standard)]:
            ending = found[len(standard) :]
            if not ending or standard.endswith("κοσι"):
                values |= {other + ending: values[found] for other in others}
    values |= {"μια": 1, "μιαν": 1}
    tens = {word: value for word, value in values.items() if value in range(20, 100, 10)}
    units = {word: value for word, value in values.items() if 1 <= value <= 9}
    return values | {ten + unit: tens[ten] + units[unit] for ten in tens for unit in units}


def read(keys: Sequence[str], start: int = 0) -> tuple[int, int]:
    """The longest cardinal from `start` on and where it ends; an end equal to `start` where there is none."""
    values = lexicon()
    total, group, limit, end = 0, 0, LIMIT, start
    for i in range(start, len(keys)):
        value = values.get(keys[i])
        if value is None or (value == 0 and i > start):
            break
        if value >= 1000:
            multiplies = value > 1000 or keys[i].endswith(PLURAL_THOUSAND)
            if value >= limit or multiplies != bool(group):
                break
            total, group, limit = total + (group or 1) * value, 0, value
        elif _fits(value, group):
            group += value
        else:
            break
        end = i + 1
        if value == 0:
            break
    return total + group, end


@cache
def ordinals() -> dict[str, tuple[int, str]]:
    """Value and ending of every word of an ordinal, by `key`."""
    stems = {11: "ενδέκατ", 12: "δωδέκατ"}
    for first, step, names in ((1, 1, ORDINAL_UNITS), (10, 10, ORDINAL_TENS), (100, 100, ORDINAL_HUNDREDS),
                               (1000, 1000, ORDINAL_THOUSANDS)):  # fmt: skip
        stems |= {first + i * step: name for i, name in enumerate(names)}
    found = {key(_ordinal_word(stem, ending)): (n, ending) for n, stem in stems.items() for ending in ORDINAL_ENDINGS}
    return found | {"εχτ" + ending.replace("ς", "σ"): (6, ending) for ending in ORDINAL_ENDINGS}


def read_ordinal(keys: Sequence[str], start: int = 0) -> tuple[int, str, int]:
    """The longest ordinal from `start` on: value, ending, where it ends (`start` where there is none)."""
    words = ordinals()
    total, ending, end, lowest = 0, "", start, ORDINAL_LIMIT
    for i in range(start, len(keys)):
        value, its_ending = words.get(keys[i], (0, ""))
        size = 10 ** (len(str(value)) - 1)
        if not value or (total and its_ending != ending) or size * 10 > lowest:
            break
        total, ending, end, lowest = total + value, its_ending, i + 1, 1 if value in {11, 12} else size
    return total, ending, end


@cache
def standard_forms() -> dict[str, str]:
    """Key of another spelling or of the Cypriot word -> the Standard word in the same form; εφτά -> επτά."""
    standard: dict[str, str] = {}
    for gender, case in ALL_FORMS:
        for n in (*range(20), *range(20, 100, 10), *range(100, 1000, 100)):
            word = _below_thousand(n, STANDARD, gender, case)[0]
            standard[key(word)] = word
        for _, name in STANDARD.scales:
            standard |= {key(word): word for word in (_scale(name, 1, case), _scale(name, 2, case))}
    found = {bare: word for bare, word in standard.items() if lexicon()[bare] > 1}  # δυο, τρείς
    for bare, others in SPELLINGS.items():
        for form in [form for form in standard if form.startswith(bare)]:
            ending = form[len(bare) :]
            if not ending or bare.endswith("κοσι"):
                found |= {other + ending: standard[form] for other in others}
    thousands = dict(zip(SINGULAR_THOUSAND, ("χίλια", "χίλιες", "χίλιοι", "χίλιους", "χιλίων"), strict=True))
    thousands |= dict(zip(PLURAL_THOUSAND, ("χιλιάδες", "χιλιάδων") * 2, strict=True))
    return found | {
        stem + ending: word for stem in THOUSAND_STEMS for ending, word in thousands.items() if stem + ending != key(word)
    }


def combining(n: int) -> str | None:
    """What stands before the rest of a compound: 18 δεκαοκτά(χρονος), 10 δεκά(λεπτο). None for those never so used."""
    units = ("", "ενά", "δυά", "τριά", "τετρά", "πεντά", "εξά", "επτά", "οκτά", "εννιά")
    alone = {2: "δί", 3: "τρί", 10: "δεκά", 11: "εντεκά", 12: "δωδεκά", 20: "εικοσά", 100: "εκατοντά"}
    if n in alone or 4 <= n <= 9:
        return alone.get(n) or units[n]
    if 13 <= n <= 19:
        return "δεκα" + units[n - 10]
    if 21 <= n <= 99:
        tens = key(STANDARD.tens[n // 10 - 2])
        return tens + units[n % 10] if n % 10 else tens[:-1] + "ά"
    return None


def _fits(value: int, group: int) -> bool:
    """May a word of this value follow those that make `group`: hundreds, then tens, then units, each once."""
    if value >= 100:
        return not group
    return group % 100 == 0 if value >= 10 else group % 10 == 0 and group % 100 != 10


def _below_thousand(n: int, forms: Forms, gender: Gender, case: Case) -> list[str]:
    hundreds, rest = divmod(n, 100)
    words: list[str] = []
    if hundreds == 1:
        words.append(forms.hundred_before if rest else forms.hundred)
    elif hundreds:
        words.append(_inflected(forms.hundreds[hundreds - 2], gender, case))
    if rest >= 20:
        words.append(forms.tens[rest // 10 - 2])
        rest %= 10
    return [*words, _unit(rest, forms, gender, case)] if rest or not words else words


def _unit(n: int, forms: Forms, gender: Gender, case: Case) -> str:
    """One word for n < 20; 1, 3, 4, 13 and 14 agree with their noun."""
    if n == 1:
        neuter, feminine, of_her, masculine, him = forms.one
        if gender == "feminine":
            return of_her if case == "genitive" else feminine
        if case == "genitive":
            return "ενός"
        return neuter if gender == "neuter" else him if case == "accusative" else masculine
    if n % 10 in {3, 4} and (case == "genitive" or gender != "neuter"):
        ten = "δεκα" if n > 10 else ""
        if case == "genitive":
            return ten + ("τριών" if n % 10 == 3 else "τεσσάρων")
        return ten + ("τέσσερις" if n % 10 == 4 else "τρείς" if ten else "τρεις")
    return forms.to_nineteen[n]


def _inflected(stem: str, gender: Gender, case: Case) -> str:
    """διακόσι-α, διακόσι-ες, διακοσί-ων."""
    if case == "genitive":
        return stem.replace("ό", "ο").replace("ίλ", "ιλ").removesuffix("ι") + "ίων"
    return stem + ENDINGS[gender][case == "accusative"]


def _scale(name: str, count: int, case: Case) -> str:
    if count == 1:
        return name.removesuffix("ν").replace("ύριο", "υρίου") if case == "genitive" else name
    stem = name.removesuffix("ν").removesuffix("ο")
    return stem.replace("ύρι", "υρί") + "ων" if case == "genitive" else stem + "α"


def _ordinal_word(stem: str, ending: str) -> str:
    """Stems in -στ are stressed on the ending, as are none of the others."""
    if not stem.endswith("στ"):
        return stem + ending
    vowels = 2 if ending[:2] in {"ου", "οι"} else 1
    return stem + ending[: vowels - 1] + ending[vowels - 1].translate(ACCENTED) + ending[vowels:]
