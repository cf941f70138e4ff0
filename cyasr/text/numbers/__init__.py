"""Numbers, dates, times, amounts and units in running text, as the words that are said; `read` goes back.

Conventions, where writing leaves a choice (references and hypotheses both pass here, so that one choice is enough):
Greek unless the nearest words are in Latin script; 1.234,5 in Greek and 1,234.5 in English, but 1,000 and
amounts of money with three digits after a comma are thousands in both; leading zeros, telephone numbers and seven digits or
more are read digit by digit; 14/5 is a day and a month, 24/7 and 45/60 two numbers. Greek numerals are neuter unless a
known noun, a plural ending or an article beside them says otherwise (`units.agreement`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Literal

from cyasr.text.numbers import english, greek, units
from cyasr.text.numbers.greek import Case, Gender, GreekDialect
from cyasr.text.numbers.read import from_words, number_variants, split_numerals, write_digits
from cyasr.text.numbers.units import Unit

__all__ = ["VERSION", "from_words", "number_variants", "spell_out", "split_numerals", "to_words", "write_digits"]

Dialect = Literal["standard", "cypriot", "english"]

VERSION = 1
LONGEST = 15  # digits; longer numbers have no name here and are read digit by digit
NEIGHBOURHOOD = 60  # characters that are looked at on either side of a number
READ_OUT = re.compile(r"[\d€£$%‰½¼¾]")
LATIN_OR_GREEK = re.compile("([A-Za-zÀ-ɏ]+)|[Ͱ-Ͽἀ-῿]+")
WORD_AFTER = re.compile(r"\s*(?:η\s+(?=ώρα))?([^\W\d_]+)")
WITH_DIGITS = re.compile(rf"\d[^\W_]*(?:{units.PATTERN})?")  # tells nothing of the language around it
OWN_LETTERS_BEFORE, OWN_LETTERS_AFTER = re.compile(r"[^\W\d_]+$"), re.compile(r"[^\W\d_]+")
FRACTION_WORDS = {
    "½": ("μισό", "half"), "¼": ("ένα τέταρτο", "one quarter"), "¾": ("τρία τέταρτα", "three quarters"),
    "1/2": ("μισό", "half"), "1/4": ("ένα τέταρτο", "one quarter"), "3/4": ("τρία τέταρτα", "three quarters"),
    "1/3": ("ένα τρίτο", "one third"), "2/3": ("δύο τρίτα", "two thirds"),
}  # fmt: skip


def spell_out(text: str, dialect: Dialect = "standard") -> str:
    """`text` with all digits and signs of money and percent as words, in lower case; else untouched. Total, idempotent.

    `dialect` gives the Greek forms; "english" is for text that is only digits.
    """
    if not READ_OUT.search(text):
        return text
    if not text.isascii():
        text = re.sub(r"[^\D0-9]", lambda match: str(unicodedata.decimal(match[0])), text)
    letters = WITH_DIGITS.sub(lambda match: " " * len(match[0]), text)
    return ANYTHING.sub(lambda match: _said(match, letters, dialect), text)


def to_words(n: int | Decimal, dialect: Dialect = "standard", gender: Gender = "neuter", case: Case = "nominative") -> str:
    """Words of a number of at most 15 digits before the point. Raises ValueError beyond that or for one that is not finite."""
    if isinstance(n, Decimal) and not n.is_finite():
        raise ValueError(f"{n} has no words")
    digits = str(abs(n)) if isinstance(n, int) else format(abs(n), "f")
    whole, _, fraction = digits.partition(".")
    if len(whole.lstrip("0")) > LONGEST:
        raise ValueError(f"{n} has more than {LONGEST} digits before the point")
    negative = n < 0 or (isinstance(n, Decimal) and n.is_signed())
    if dialect == "english":
        words = [english.MINUS] * negative + english.cardinal(int(whole))
        return " ".join(words + ([english.POINT, *_digits(fraction, "english")] if fraction else []))
    words = [greek.MINUS] * negative + greek.cardinal(int(whole), dialect, *(("neuter",) if fraction else (gender, case)))
    return " ".join(words + ([greek.COMMA, *_greek_fraction(fraction, dialect)] if fraction else []))


@dataclass(frozen=True)
class Place:
    """Where in a text a number stands, and in which dialect it is read."""

    text: str
    start: int
    end: int
    dialect: Dialect

    @property
    def english(self) -> bool:
        return self.dialect == "english"

    def before(self) -> str:
        words = self.text[max(0, self.start - NEIGHBOURHOOD) : self.start].rstrip(" «\"('’").rsplit(None, 1)
        return words[-1] if words and words[-1].isalpha() else ""

    def after(self) -> str:
        found = WORD_AFTER.match(self.text, self.end, self.end + NEIGHBOURHOOD)
        return found[1] if found else ""

    def say(self, n: int, gender: Gender = "neuter", case: Case = "nominative") -> str:
        return to_words(n, self.dialect, gender, case)

    def choose(self, in_greek: str, in_english: str) -> str:
        return in_english if self.english else in_greek


def _said(match: re.Match[str], letters: str, dialect: Dialect) -> str:
    """The words for a match of ANYTHING, apart from the letters around it; `letters` is the text without digits and units."""
    kind = match.lastgroup or ""
    text, (start, end) = match.string, match.span()
    place = Place(text, start, end, _dialect_at(text, letters, start, end, dialect))
    words = KINDS[kind][1](match[kind], match, place) or _loosely(match[kind], place)
    left = " " if start and (text[start - 1].isalnum() or unicodedata.combining(text[start - 1])) else ""
    right = " " if end < len(text) and text[end].isalnum() else ""
    return left + words + right


def _dialect_at(text: str, letters: str, start: int, end: int, dialect: Dialect) -> Dialect:
    """English where the nearest words on both sides are Latin, or the nearest two where there is but one side; the letters of
    the number's own token (COVID-19, 5G) count only where there are no others."""
    before = OWN_LETTERS_BEFORE.search(text, max(0, start - NEIGHBOURHOOD), start)
    after = OWN_LETTERS_AFTER.match(text, end, end + NEIGHBOURHOOD)
    left, right = before.start() if before else start, after.end() if after else end
    others = letters[max(0, left - NEIGHBOURHOOD) : left][::-1], letters[right : right + NEIGHBOURHOOD]
    for near, far in (others, (text[left:start], text[end:right])):
        words = [list(islice(LATIN_OR_GREEK.finditer(side), 2)) for side in (near, far)]
        evidence = words[0][:1] + words[1][:1] if all(words) else words[0] + words[1]
        if evidence:
            if all(word[1] for word in evidence):
                return "english"
            return "standard" if dialect == "english" else dialect
    return dialect


# Each kind of thing: how it is said. None: it is no such thing after all, and is read loosely.


def _telephone(written: str, match: re.Match[str], place: Place) -> str:
    words = _digits(re.sub(r"\D", "", written), place.dialect)
    return " ".join(([place.choose("συν", "plus")] if written.startswith("+") else []) + words)


def _date(written: str, match: re.Match[str], place: Place) -> str | None:
    """12/5/2020, 12.5.20, 2020-05-12, 14/5; the American order only where no other is possible."""
    parts = re.split(r"\D", written)
    if len(parts[0]) == 4:
        parts.reverse()
    day, month = int(parts[0]), int(parts[1])
    if month > 12 and len(parts) == 3:
        day, month = month, day
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    year = _year(parts[2], place) if len(parts) == 3 else ""
    if place.english:
        return f"{' '.join(english.ordinal(day))} of {units.ENGLISH_MONTHS[month - 1]} {year}".rstrip()
    return f"{_day(day, place)} {units.MONTHS[month - 1]} {year}".rstrip()


def _day(day: int, place: Place) -> str:
    if day == 1:
        return "πρώτης" if greek.key(place.before()) == "τησ" else "πρώτη"
    return place.say(day, "feminine")


def _year(digits: str, place: Place) -> str:
    if digits.startswith("0"):
        return " ".join(_digits(digits, place.dialect))
    return " ".join(english.year(int(digits))) if place.english else place.say(int(digits))


def _clock(written: str, match: re.Match[str], place: Place) -> str | None:
    """10:30 δέκα και μισή, ten thirty; 14:30 δεκατέσσερις και τριάντα."""
    hour, minute = map(int, re.split(r"\D", written)[:2])
    if len(written) > 5 or hour > 24 or minute > 59:
        return None
    if place.english:
        full = "o'clock" if hour <= 12 else "hundred"
        return " ".join([place.say(hour), *["oh"] * (0 < minute < 10), place.say(minute) if minute else full])
    said = place.say(hour, "feminine")
    spoken = {15: "τέταρτο", 30: "μισή"} if 1 <= hour <= 12 else {}
    return f"{said} και {spoken.get(minute) or place.say(minute)}" if minute else said


def _fraction(written: str, match: re.Match[str], place: Place) -> str | None:
    """1/2 and other common fractions; else a day and a month."""
    if written in FRACTION_WORDS:
        return place.choose(*FRACTION_WORDS[written])
    if written == "24/7" or (written == "9/11" and place.english):
        return None
    return _date(written, match, place)


def _greek_ordinal(written: str, match: re.Match[str], place: Place) -> str:
    ending = greek.key(match["ending"]).translate(LOOKALIKES)
    return " ".join(greek.ordinal(int(match["nth"]), re.sub("σ$", "ς", ending)))


def _english_ordinal(written: str, match: re.Match[str], place: Place) -> str:
    return " ".join(english.ordinal(int(re.sub(r"\D", "", written))))


def _decade(written: str, match: re.Match[str], place: Place) -> str:
    *words, last = english.year(int(re.sub(r"\D", "", written)))
    return " ".join([*words, english.plural(last)])


def _aged(written: str, match: re.Match[str], place: Place) -> str:
    """18χρονος δεκαοκτάχρονος, 10λεπτο δεκάλεπτο."""
    first = greek.combining(int(match["age"]))
    return (first or place.say(int(match["age"])) + " ") + match["aged_rest"]


def _symbol(written: str, match: re.Match[str], place: Place) -> str:
    """A sign with no number beside it; a row of them counts once."""
    if written[0] in FRACTION_WORDS:
        return place.choose(*FRACTION_WORDS[written[0]])
    unit = units.CURRENCIES.get(written[0]) or units.UNITS[written[0]]
    return place.choose(unit.many, unit.english_many)


def _money_first(written: str, match: re.Match[str], place: Place) -> str:
    return _amount(match["of"], match["of_multiplier"], match["first"], place)


def _number(written: str, match: re.Match[str], place: Place) -> str:
    """A number with what may stand around it: sign, ½, multiplier, money or unit."""
    number, half = match["number"], match["half"]
    if match["money"] or match["multiplier_alone"]:
        said = _amount(number, match["multiplier"] or match["multiplier_alone"], match["money"], place)
    else:
        unit = units.unit(match["unit"]) if match["unit"] else None
        gender, case = (
            (unit.gender, NOMINATIVE) if unit else units.agreement(place.before(), place.after(), bool(YEAR.match(number)))
        )
        said = _value(number, place, gender, case, is_year=not unit and not half and bool(YEAR.match(number)))
        if half:
            in_greek, in_english = FRACTION_WORDS[half]
            in_greek = "μισή" if half == "½" and gender == "feminine" else in_greek
            said += place.choose(" και " + in_greek, " and " + "a " * (half == "½") + in_english)
        if unit:
            name = _named(unit, number == "1" and not half, place)
            of_them = unit.gender == "masculine" and greek.key(place.before()) in {"τουσ", "στουσ", "με", "απο"}
            said += " " + (name.replace("βαθμοί", "βαθμούς") if of_them else name)
    signs = {"+": ("συν", "plus"), "": ("", "")}
    sign = place.choose(*signs.get(match["sign"] or "", (greek.MINUS, english.MINUS)))
    return f"{sign} {said}".strip()


def _amount(number: str, multiplier: str | None, currency: str | None, place: Place) -> str:
    """20,50€ είκοσι ευρώ και πενήντα σεντ; €2 εκατ. δύο εκατομμύρια ευρώ; 5k πέντε χιλιάδες."""
    unit = units.CURRENCIES.get(currency or "")
    if multiplier:
        times = units.multiplier(multiplier)
        said = f"{_value(number, place, times.gender)} {_named(times, number == '1', place)}"
        return f"{said} {_named(unit, False, place)}" if unit else said
    assert unit is not None and currency is not None
    whole, fraction = _parsed(number, place.english, is_money=True) or ("", "")
    if not whole or len(fraction) > 2 or len(whole) > LONGEST:
        return f"{_value(number, place, unit.gender, is_money=True)} {_named(unit, False, place)}"
    cents = int(fraction.ljust(2, "0")) if fraction else 0
    parts = [(int(whole), unit)] if int(whole) or not cents else []
    parts += [(cents, units.CENTS[currency])] if cents else []
    return place.choose(" και ", " and ").join(f"{place.say(n, of.gender)} {_named(of, n == 1, place)}" for n, of in parts)


def _named(unit: Unit, one: bool, place: Place) -> str:
    return place.choose(unit.one, unit.english_one) if one else place.choose(unit.many, unit.english_many)


def _value(
    number: str, place: Place, gender: Gender, case: Case = "nominative", is_year: bool = False, is_money: bool = False
) -> str:
    """Words of a written number; of each run of digits where it is none (1.2.3)."""
    if number.isdigit():
        if number.startswith("0") or (len(number) >= 7 and not number.endswith("000")) or len(number) > LONGEST:
            return " ".join(_digits(number, place.dialect))
        if is_year and place.english:
            return " ".join(english.year(int(number)))
        if number == "1" and not place.english and greek.key(place.after()) in units.months():
            return _day(1, place)
        return place.say(int(number), gender, case)
    parsed = _parsed(number, place.english, is_money)
    if parsed is None or len(parsed[0]) > LONGEST:
        return _loosely(number, place)
    whole, fraction = parsed
    return to_words(Decimal(f"{whole}.{fraction}"), place.dialect) if fraction else place.say(int(whole), gender, case)


def _parsed(number: str, in_english: bool, is_money: bool) -> tuple[str, str] | None:
    """Digits before and after the decimal sign, by the language's convention where both readings are possible."""
    number = re.sub(r"[^\d.,]", "", number)
    thousands, decimal = (",", ".") if in_english else (".", ",")
    for separator, other in ((thousands, decimal), (decimal, thousands)):
        group, point = re.escape(separator), re.escape(other)
        grouped = re.fullmatch(rf"([1-9]\d{{0,2}}(?:{group}\d{{3}})+)(?:{point}(\d+))?", number)
        certain = separator == thousands or is_money or number.count(separator) > 1 or other in number or number.endswith("000")
        if grouped and certain:
            return grouped[1].replace(separator, ""), grouped[2] or ""
    plain = re.fullmatch(r"(\d+)(?:[.,](\d+))?", number)
    return (plain[1], plain[2] or "") if plain else None


def _loosely(written: str, place: Place) -> str:
    """Every run of digits by itself: for 1.2.3, 99/99 and whatever else is no number."""
    return " ".join(_value(run, place, "neuter") for run in re.findall(r"\d+", written))


def _digits(digits: str, dialect: Dialect) -> list[str]:
    return [to_words(int(digit), dialect) for digit in digits]


def _greek_fraction(digits: str, dialect: GreekDialect) -> list[str]:
    """3,14 τρία κόμμα δεκατέσσερα; a leading zero or a third digit makes them single digits."""
    if len(digits) == 2 and digits[0] != "0":
        return greek.cardinal(int(digits), dialect)
    return _digits(digits, dialect)


NOMINATIVE: Case = "nominative"
YEAR = re.compile(r"\d{4}$")
LOOKALIKES = str.maketrans("os", "οσ")
CHUNK = r"\d+(?:[.,]\d+)*"
SPACED = r"\d{1,3}(?:[\u00a0\u202f\u2009]\d{3}|[ ]0\d\d)+(?:,\d+)?(?!\d)"  # 1 000: a plain blank only before a zero
NUMBER = f"(?:{SPACED}|{CHUNK})"
MULTIPLIER = r"\s?εκ\.(?=\s?(?:€|ευρώ|δολ|λίρ))|\s?(?:εκατ|δισεκ|δισ)\.|k(?!\w)"
MONEY_MULTIPLIER = rf"{MULTIPLIER}|\s?(?:εκατομμύρι[αο]|δισεκατομμύρια|χιλιάδες|thousand|million|billion|bn|m)(?!\w)"
ENDING = "[οόΟΌ][υύΥΎ]?[ςσΣ]|[οόΟΌ][υύιίΥΎΙ]?|[οόΟΌ][νΝ]|[ηήΗΉ][ςσνΣΝ]?|[εέΕΈ][ςσΣ]|[ωώΩΏ][νΝ]|os?"
Handler = Callable[[str, re.Match[str], Place], str | None]
KINDS: dict[str, tuple[str, Handler]] = {
    "telephone": (r"\+(?=(?:[ -]?\d){8,15}(?!\d))\d+(?:[ -]\d+)*|(?:2[2-6]|9[4-79])[ -]\d{6}(?![\d.,])", _telephone),
    "date": (
        r"\d{1,2}(?P<dot>[./-])\d{1,2}(?P=dot)(?:\d{4}|\d{2})(?![.,/-]?\d)"
        r"|\d{4}(?P<dash>[/-])\d{1,2}(?P=dash)\d{1,2}(?![.,/-]?\d)",
        _date,
    ),
    "clock": (r"\d{1,2}:\d{2}(?::\d{2})?(?![\d:])", _clock),
    "pointed_clock": (
        r"(?:(?<=στις[ ])|(?<=ώρα[ ]))\d{1,2}\.\d{2}(?![\d.,])|\d{1,2}\.\d{2}(?=\s?(?:[πμ]\.\s?μ|[ap]\.?m\b))",
        _clock,
    ),
    "fraction": (r"\d{1,2}/\d{1,2}(?![\d/])", _fraction),
    "greek_ordinal": (rf"(?P<nth>[1-9]\d{{0,3}})[-'’]?(?P<ending>{ENDING})(?![^\W_])", _greek_ordinal),
    "english_ordinal": (r"\d{1,3}(?:,?\d{3}){0,2}(?i:st|nd|rd|th)(?![^\W_])", _english_ordinal),
    "decade": (r"\d{1,3}0['’]?s(?![^\W_])", _decade),
    "aged": (r"(?P<age>\d{1,3})-?(?P<aged_rest>(?:χρον|λεπτ|μην)(?:[οηα]|ο[ςι]|ους?|ης|ες|ων)(?![^\W_]))", _aged),
    "money_first": (rf"(?P<first>[€$£])\s?(?P<of>{NUMBER})(?P<of_multiplier>{MONEY_MULTIPLIER})?", _money_first),
    "plain": (
        rf"(?P<sign>[+−]|(?:(?<=[\s(])|^)[-–])?(?P<number>{NUMBER})(?:\s?(?P<half>[½¼¾]))?"
        rf"(?:(?P<multiplier>{MULTIPLIER})?\s?(?P<money>[€$£])|(?P<multiplier_alone>{MULTIPLIER})|(?P<unit>{units.PATTERN}))?",
        _number,
    ),
    "symbol": (r"[€$£]+|[%‰]+|[½¼¾]+", _symbol),
}
# A hyphen or stroke to the neighbouring letters or digits goes (COVID-19, 2020-21), an apostrophe before '80 as well.
ANYTHING = re.compile(
    r"(?=[-–—/'’+−\d€$£%‰½¼¾])(?:(?<=[^\W_])[-–—/])?(?:(?<![^\W_])['’](?=\d\d(?!\d)))?(?:"
    + "|".join(f"(?P<{kind}>{pattern})" for kind, (pattern, _) in KINDS.items())
    + r")(?:[-–—/](?=[^\W_]))?"
)
