"""What stands beside numbers: units, currencies, months, and the nouns that Greek numerals agree with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cyasr.text.numbers.greek import Case, Gender, key


@dataclass(frozen=True)
class Unit:
    """One thing and several, in Greek (with its gender) and in English."""

    one: str
    many: str
    english_one: str
    english_many: str
    gender: Gender = "neuter"


METRE = Unit("μέτρο", "μέτρα", "metre", "metres")
KILOMETRE = Unit("χιλιόμετρο", "χιλιόμετρα", "kilometre", "kilometres")
CENTIMETRE = Unit("εκατοστό", "εκατοστά", "centimetre", "centimetres")
MILLIMETRE = Unit("χιλιοστό", "χιλιοστά", "millimetre", "millimetres")
GRAM = Unit("γραμμάριο", "γραμμάρια", "gram", "grams")
LITRE = Unit("λίτρο", "λίτρα", "litre", "litres")
KMH = Unit("χιλιόμετρο την ώρα", "χιλιόμετρα την ώρα", "kilometre per hour", "kilometres per hour")
SQUARE_METRE = Unit("τετραγωνικό μέτρο", "τετραγωνικά μέτρα", "square metre", "square metres")
CELSIUS = Unit("βαθμός κελσίου", "βαθμοί κελσίου", "degree celsius", "degrees celsius", "masculine")
DEGREE = Unit("βαθμός", "βαθμοί", "degree", "degrees", "masculine")
HOUR = Unit("ώρα", "ώρες", "hour", "hours", "feminine")
MINUTE = Unit("λεπτό", "λεπτά", "minute", "minutes")
PERCENT = Unit("τοις εκατό", "τοις εκατό", "percent", "percent")
PER_MILLE = Unit("τοις χιλίοις", "τοις χιλίοις", "per mille", "per mille")

UNITS: dict[str, Unit] = {
    "%": PERCENT, "‰": PER_MILLE,
    "km/h": KMH, "kmh": KMH, "kph": KMH, "χλμ/ώρα": KMH, "χλμ/ω": KMH, "km": KILOMETRE, "χλμ": KILOMETRE, "m": METRE, "μ": METRE,
    "cm": CENTIMETRE, "εκ": CENTIMETRE, "mm": MILLIMETRE, "χιλ": MILLIMETRE,
    "km²": Unit("τετραγωνικό χιλιόμετρο", "τετραγωνικά χιλιόμετρα", "square kilometre", "square kilometres"),
    "m²": SQUARE_METRE, "τ.μ": SQUARE_METRE, "m³": Unit("κυβικό μέτρο", "κυβικά μέτρα", "cubic metre", "cubic metres"),
    "kg": Unit("κιλό", "κιλά", "kilogram", "kilograms"), "g": GRAM, "gr": GRAM, "γρ": GRAM,
    "mg": Unit("μιλιγκράμ", "μιλιγκράμ", "milligram", "milligrams"),
    "l": LITRE, "L": LITRE, "lt": LITRE, "ml": Unit("μιλιλίτρ", "μιλιλίτρ", "millilitre", "millilitres"),
    "°C": CELSIUS, "° C": CELSIUS, "℃": CELSIUS, "°": DEGREE,
    "°F": Unit("βαθμός φαρενάιτ", "βαθμοί φαρενάιτ", "degree fahrenheit", "degrees fahrenheit", "masculine"),
    "h": HOUR, "hr": HOUR, "hrs": HOUR, "min": MINUTE, "mins": MINUTE, "′": MINUTE,
    "sec": Unit("δευτερόλεπτο", "δευτερόλεπτα", "second", "seconds"),
    "mph": Unit("μίλι την ώρα", "μίλια την ώρα", "mile per hour", "miles per hour"),
    "Hz": Unit("χερτζ", "χερτζ", "hertz", "hertz"), "kHz": Unit("κιλοχέρτζ", "κιλοχέρτζ", "kilohertz", "kilohertz"),
    "W": Unit("βατ", "βατ", "watt", "watts"), "kW": Unit("κιλοβάτ", "κιλοβάτ", "kilowatt", "kilowatts"),
    "kWh": Unit("κιλοβατώρα", "κιλοβατώρες", "kilowatt hour", "kilowatt hours", "feminine"),
    "MB": Unit("μεγκαμπάιτ", "μεγκαμπάιτ", "megabyte", "megabytes"),
    "GB": Unit("γιγκαμπάιτ", "γιγκαμπάιτ", "gigabyte", "gigabytes"),
    "TB": Unit("τεραμπάιτ", "τεραμπάιτ", "terabyte", "terabytes"),
}  # fmt: skip
GLUED_ONLY = frozenset({"m", "μ", "g", "l", "L", "h", "W"})  # one letter: a unit only where no space stands before it
POINTED_ONLY = frozenset({"εκ", "χιλ", "τ.μ"})  # abbreviations that are words, or nothing, without their point

CURRENCIES: dict[str, Unit] = {
    "€": Unit("ευρώ", "ευρώ", "euro", "euros"),
    "$": Unit("δολάριο", "δολάρια", "dollar", "dollars"),
    "£": Unit("λίρα", "λίρες", "pound", "pounds", "feminine"),
}
CENTS: dict[str, Unit] = {
    "€": Unit("σεντ", "σεντ", "cent", "cents"),
    "$": Unit("σεντ", "σεντ", "cent", "cents"),
    "£": Unit("πένα", "πένες", "penny", "pence", "feminine"),
}
# After a number, with or without money: the Greek word, which is a noun that the number counts, and the English one.
MULTIPLIERS: dict[str, Unit] = {
    "εκ": Unit("εκατομμύριο", "εκατομμύρια", "million", "million"),
    "εκατ": Unit("εκατομμύριο", "εκατομμύρια", "million", "million"),
    "εκατομμύριο": Unit("εκατομμύριο", "εκατομμύρια", "million", "million"),
    "εκατομμύρια": Unit("εκατομμύριο", "εκατομμύρια", "million", "million"),
    "δισ": Unit("δισεκατομμύριο", "δισεκατομμύρια", "billion", "billion"),
    "δισεκ": Unit("δισεκατομμύριο", "δισεκατομμύρια", "billion", "billion"),
    "δισεκατομμύρια": Unit("δισεκατομμύριο", "δισεκατομμύρια", "billion", "billion"),
    "χιλιάδες": Unit("χιλιάδα", "χιλιάδες", "thousand", "thousand", "feminine"),
    "thousand": Unit("χιλιάδα", "χιλιάδες", "thousand", "thousand", "feminine"),
    "million": Unit("εκατομμύριο", "εκατομμύρια", "million", "million"),
    "billion": Unit("δισεκατομμύριο", "δισεκατομμύρια", "billion", "billion"),
    "bn": Unit("δισεκατομμύριο", "δισεκατομμύρια", "billion", "billion"),
    "δισεκατομμύριο": Unit("δισεκατομμύριο", "δισεκατομμύρια", "billion", "billion"),
    "k": Unit("χιλιάδα", "χιλιάδες", "thousand", "thousand", "feminine"),
    "m": Unit("εκατομμύριο", "εκατομμύρια", "million", "million"),
}

MONTHS = (
    *("ιανουαρίου", "φεβρουαρίου", "μαρτίου", "απριλίου", "μαΐου", "ιουνίου"),
    *("ιουλίου", "αυγούστου", "σεπτεμβρίου", "οκτωβρίου", "νοεμβρίου", "δεκεμβρίου"),
)
MONTHS_SPOKEN = """
    γενάρη φλεβάρη μάρτη απρίλη μάη ιούνη ιούλη αύγουστου σεπτέμβρη σεττέμβρη οκτώβρη οχτώβρη νοέμβρη νιόβρη δεκέμβρη
"""
ENGLISH_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

# Nouns that are often counted. Only 1, 3, 4, hundreds and thousands agree, and only with these; all else is neuter.
FEMININE = """
    μέρα μέρες ημέρα ημέρες ώρα ώρες φορά φορές εβδομάδα εβδομάδες βδομάδα βδομάδες εφτομάδα εφτομάδες χρονιές
    γυναίκα γυναίκες κοπέλα κοπέλες κοπέλλα κοπέλλες κόρη κόρες αδερφή αδερφές αδελφή αδελφές λίρα λίρες δραχμή δραχμές
    σελίδα σελίδες μονάδα μονάδες ομάδα ομάδες χώρα χώρες πόλη πόλεις λέξη λέξεις θέση θέσεις ερώτηση ερωτήσεις
    απάντηση απαντήσεις περίπτωση περιπτώσεις τάξη τάξεις δόση δόσεις σειρά σειρές νύχτα νύχτες νύκτα νύκτες γενιά γενιές
    δεκαετία δεκαετίες κατηγορία κατηγορίες στιγμή στιγμές μοίρα μοίρες χιλιάδες εκατοντάδες ψήφος ψήφοι ψήφους
    εταιρεία εταιρείες φωτογραφία φωτογραφίες πίτα πίτες πίττα πίττες μπύρα μπύρες μπίρα μπίρες κουταλιά κουταλιές
    ελιά ελιές πόρτα πόρτες καρέκλα καρέκλες εικόνα εικόνες πρόταση προτάσεις ευκαιρία ευκαιρίες θκειάδες θείες
"""
MASCULINE = """
    μήνας μήνες άντρας άντρες άνδρας άνδρες αιώνας αιώνες χειμώνας χειμώνες μαθητές φοιτητές παίκτες παίχτες πολίτες στρατιώτες
    άνθρωπος άνθρωποι φίλος φίλοι χρόνος χρόνοι βαθμός βαθμοί τόνος τόνοι όροφος όροφοι νεκροί πόντοι γύροι κάτοικοι νομάτοι
    τραυματίες πρόσφυγες αδερφοί αδελφοί γιοι υπάλληλοι αγνοούμενοι
"""
MASCULINE_ACCUSATIVE = """
    μήνα μήναν άντρα άντραν άνδρα αιώνα άνθρωπο άνθρωπον φίλο φίλον χρόνο χρόνον βαθμό τόνο ανθρώπους φίλους χρόνους βαθμούς
    τόνους ορόφους νεκρούς πόντους γύρους κατοίκους νομάτους αδερφούς αδελφούς υπαλλήλους αγνοούμενους αγνοουμένους
"""
FEMININE_GENITIVE = "ημερών μερών ωρών εβδομάδων λιρών γυναικών φορών σελίδων χιλιάδων μονάδων"
# Other nouns and their adjectives by their ending: never the plural of a neuter.
PLURAL_ENDINGS: tuple[tuple[str, tuple[Gender, Case]], ...] = (
    ("ων", ("neuter", "genitive")),
    ("εσ", ("feminine", "nominative")),
    ("οι", ("masculine", "nominative")),
    ("ουσ", ("masculine", "accusative")),
)
PRONOUNS_ADVERBS_VERBS = """
    ολων αυτων τουτων εκεινων αλλων ποσων οσων καποιων πολλων μερικων ολεσ ολοι ολουσ ουλλεσ ουλλοι αυτεσ αυτοι αυτουσ
    τουτεσ τουτοι τουτουσ εκεινεσ εκεινοι εκεινουσ χτεσ χθεσ εχτεσ εψεσ προχτεσ προχθεσ τοτεσ ποτεσ καποιοι οποιοι οποιεσ
    ειπεσ ειδεσ ηρθεσ ηρτεσ ηθελεσ ειχεσ εκαμεσ εκανεσ επηεσ πηγεσ επιασεσ ξερεσ εφυεσ εφυγεσ εβαλεσ επηρεσ πηρεσ
"""
NOT_COUNTED = frozenset(PRONOUNS_ADVERBS_VERBS.split())  # though they have such endings
# Articles before the number.
ARTICLES: dict[str, tuple[Gender, Case]] = {
    **dict.fromkeys(("στισ", "τισ", "στεσ", "τεσ", "στη", "στην", "τη", "την", "ωρα", "ωρεσ"), ("feminine", "accusative")),
    "η": ("feminine", "nominative"),
    "οι": ("masculine", "nominative"), "τουσ": ("masculine", "accusative"), "στουσ": ("masculine", "accusative"),
    "των": ("neuter", "genitive"),
}  # fmt: skip


@cache
def nouns() -> dict[str, tuple[Gender, Case]]:
    """Gender and case that a noun asks of the numeral before it, by its `key`."""
    found: dict[str, tuple[Gender, Case]] = {}
    for words, gender, case in (
        (FEMININE, "feminine", "nominative"),
        (MASCULINE, "masculine", "nominative"),
        (MASCULINE_ACCUSATIVE, "masculine", "accusative"),
        (FEMININE_GENITIVE, "feminine", "genitive"),
        ("χρονώ", "neuter", "genitive"),
        (" ".join(MONTHS) + " " + MONTHS_SPOKEN, "feminine", "nominative"),
    ):
        found |= dict.fromkeys(map(key, words.split()), (gender, case))  # type: ignore[arg-type]
    return found


@cache
def months() -> frozenset[str]:
    """Keys of the months' genitives, before which 1 is πρώτη."""
    return frozenset(map(key, (*MONTHS, *MONTHS_SPOKEN.split())))


def agreement(before: str, after: str, is_year: bool) -> tuple[Gender, Case]:
    """Of a numeral between two words ("" for none): a known noun decides, then a plural ending, then the article."""
    previous, following = key(before), key(after)
    article = ARTICLES.get(previous)
    if following in nouns():
        gender, case = nouns()[following]
        return (gender, article[1]) if article and case == "nominative" and article[0] == gender else (gender, case)
    if len(following) > 3 and following not in NOT_COUNTED and not is_year:
        for ending, (gender, case) in PLURAL_ENDINGS:
            if following.endswith(ending):
                return gender, article[1] if article and case == "nominative" and article[0] == gender else case
    return article or ("neuter", "nominative")


def unit(written: str) -> Unit:
    """The unit that PATTERN found: " km" or "Kg."."""
    return SPELLED[re.sub(r"(?<=[mM])[23]", lambda power: "²³"[int(power[0]) - 2], written.strip().rstrip("."))]


def multiplier(written: str) -> Unit:
    """εκατομμύρια of " εκατ." or "million"."""
    return MULTIPLIERS[written.strip().rstrip(".")]


def _pattern() -> str:
    """Longest first. Signs may stand anywhere after the number; letters only as a word, single ones only without a space."""
    alternatives = []
    for spelled in sorted(SPELLED, key=len, reverse=True):
        space = "" if spelled in GLUED_ONLY else r"\s?"
        point = r"\." if spelled.lower() in POINTED_ONLY else r"\.?" if "Α" <= spelled[0] <= "ω" else ""
        letters = re.escape(spelled).replace("²", "[²2]").replace("³", "[³3]")
        alternatives.append(space + letters + point + (r"(?![\w²³])" if spelled[-1].isalnum() else ""))
    return "|".join(alternatives)


# As above, and in other capitals unless it is one letter (5G is no gram).
SPELLED = UNITS | {
    other: found for name, found in UNITS.items() if len(name) > 1 for other in (name.upper(), name.lower(), name.capitalize())
}
PATTERN = _pattern()
