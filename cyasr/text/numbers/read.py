"""Words back to numbers, in Greek (all forms and spellings, Cypriot too) and English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from types import ModuleType

from cyasr.text.numbers import english, greek

WORD = re.compile(r"[^\W\d_][^\W_]*(?:[\u0300-\u036f]+\w*)*")
POINTS = frozenset({greek.key(greek.COMMA), english.POINT})
MINUSES = frozenset({greek.key(greek.MINUS), "πλην", english.MINUS})
LONGEST_PHRASE = 40  # words
TENS = {greek.key(word): word for word in greek.STANDARD.tens} | {"εφτομηντα": "εφτομήντα", "εβτομηντα": "εβτομήντα"}
UNIT_WORDS = {word for word, value in greek.lexicon().items() if 1 <= value <= 9}
LOOSE_ACCENTS = str.maketrans({plain: f"[{plain}{accented}]" for plain, accented in zip("αεηιοω", "άέήίόώ", strict=True)})


def _spellings(words: Iterable[str]) -> str:
    return "|".join(word.translate(LOOSE_ACCENTS).replace("υ", "[υύ]") for word in sorted(words, key=lambda w: (-len(w), w)))


JOINED = re.compile(rf"(?<![\w'-])(?P<tens>{_spellings(TENS)})(?P<unit>{_spellings(UNIT_WORDS)})(?![\w'-])", re.I)
ENGLISH_UNITS = (*english.TO_NINETEEN[1:10], *map(english.ordinal_word, english.TO_NINETEEN[1:10]))
HYPHENATED = re.compile(
    rf"(?<!\w)(?P<tens>{'|'.join(english.TENS)}|{_spellings(TENS)})-"
    rf"(?P<unit>{'|'.join(ENGLISH_UNITS)}|{_spellings(UNIT_WORDS)})(?![\w'-])",
    re.I,
)
TELEPHONE = 7  # single digits in a row are one string of digits from here on


def from_words(words: str | Sequence[str]) -> int | Decimal:
    """The number that all `words` together say: είκοσι τρία 23, μείον δκυο κόμμα πέντε -2.5, nineteen seventy four 1974,
    τριακοστός πρώτος 31. Raises ValueError where they are not one number.
    """
    keys = [greek.key(word) for word in (re.split(r"[\s-]+", words.strip()) if isinstance(words, str) else words)]
    value, end = _signed(keys, 0)
    if end == len(keys) > 0:
        return value
    nth, end = _ordinal(keys, 0)
    if end == len(keys) > 0:
        return nth
    raise ValueError(f"{words!r} is not a number")


@lru_cache(65536)
def number_variants(word: str) -> str:
    """The Standard spelling of another spelling of one word of a numeral, in the same form: δκυο δύο, εφτά επτά, σ̆ίλιες
    χίλιες, τρακόσιοι τριακόσιοι. Every other word as it is. Idempotent; never more than one word.
    """
    bare = greek.key(word)
    if bare.startswith(("σιλι", "σηλι")) and not re.search("[\u0306\u030c]", word):
        return word  # σίλια may be a name
    return greek.standard_forms().get(bare, word)


def split_numerals(text: str) -> str:
    """Numerals of two words that are written as one: εικοσιπέντε είκοσι πέντε, είκοσι-πέντε, twenty-three. Idempotent."""
    if not any(hint in text.lower() for hint in ("ντα", "κοσι", "ty-")):
        return text
    return HYPHENATED.sub(r"\g<tens> \g<unit>", JOINED.sub(_split, text))


def write_digits(text: str, keep_below: int = 2) -> str:
    """Running text with its numbers, percentages and ordinals above ten in digits; single words under `keep_below` stay,
    as they are articles. What is written is read by `numbers.spell_out` as the same number, in its own choice of forms.
    """
    tokens = list(WORD.finditer(text))
    keys = [greek.key(token[0]) for token in tokens]
    out: list[str] = []
    i = position = 0
    while i < len(tokens):
        last = i + 1
        while (
            last < len(tokens)
            and last - i < LONGEST_PHRASE
            and not text[tokens[last - 1].end() : tokens[last].start()].strip(" -")
        ):
            last += 1
        written, end = _written(keys[i:last], keep_below)
        if end:
            out += [text[position : tokens[i].start()], written]
            position = tokens[i + end - 1].end()
        i += max(end, 1)
    return "".join([*out, text[position:]])


def _split(match: re.Match[str]) -> str:
    """είκοσι as the dictionary has it, unless the word bears no accent at all; the unit as it is written."""
    tens = TENS[greek.key(match["tens"])]
    return f"{tens if greek.key(match[0]) != match[0].replace('ς', 'σ') else greek.key(tens)} {match['unit']}"


def _written(keys: Sequence[str], keep_below: int) -> tuple[str, int]:
    """Digits for the longest number that `keys` begin with, and how many of them it takes (0: none)."""
    digits, end = _single_digits(keys)
    if end >= TELEPHONE:
        return digits, end
    nth, ending, end = greek.read_ordinal(keys)
    if nth > 10:
        return f"{nth}{ending}", end
    value, end = _signed(keys, 0)
    if not end or (end == 1 and -keep_below < value < keep_below and not _percent(keys[1:])):
        return "", 0
    in_greek = keys[end - 1] > "\u0370"
    whole = f"{value:,}" if not -10_000 < value < 10_000 else str(value)
    if in_greek:
        whole = whole.translate(str.maketrans(",.", ".,"))
    percent = _percent(keys[end:])
    return whole + "%" * bool(percent), end + percent


def _percent(keys: Sequence[str]) -> int:
    """How many words say percent at the start of `keys`."""
    if keys[:1] == ["percent"]:
        return 1
    return 2 * (tuple(keys[:2]) in {("τοισ", "εκατο"), ("τοισ", "εκατον"), ("per", "cent")})


def _single_digits(keys: Sequence[str]) -> tuple[str, int]:
    digits = ""
    values: dict[str, int] = _reader(keys[:1]).lexicon()
    for word in keys:
        value = values.get(word, 10)
        if value > 9:
            break
        digits += str(value)
    return digits, len(digits)


def _signed(keys: Sequence[str], start: int) -> tuple[int | Decimal, int]:
    """The longest number from `start` on with its sign and decimals, and where it ends (`start`: none)."""
    negative = start < len(keys) and keys[start] in MINUSES
    first = start + negative
    read = _reader(keys[first : first + 1]).read
    whole, end = read(keys, first)
    if end == first:
        return 0, start
    value: int | Decimal = whole
    if end < len(keys) and keys[end] in POINTS:
        digits, after = "", end + 1
        while after < len(keys) and len(digits) < 30:
            part, stop = read(keys[after : after + 2], 0)
            if not stop or part > 99:
                break
            digits, after = digits + str(part), after + stop
        if digits:
            value, end = Decimal(f"{whole}.{digits}"), after
    return (-value if negative else value), end


def _reader(keys: Sequence[str]) -> ModuleType:
    """The language of the first word."""
    return greek if keys and keys[0] > "\u0370" else english


def _ordinal(keys: Sequence[str], start: int) -> tuple[int, int]:
    value, _, end = greek.read_ordinal(keys, start)
    if end > start:
        return value, end
    for i in range(start, min(len(keys), start + 12)):
        if keys[i] in english.ordinals():
            value, stop = english.read([*keys[start:i], english.ordinals()[keys[i]]], 0)
            return (value, i + 1) if stop == i + 1 - start else (0, start)
    return 0, start
