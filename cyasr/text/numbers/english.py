"""English numerals into words and back: twenty three, one hundred and five, nineteen seventy four, twenty first.

British "and" (as Cyprus writes), no hyphens and no commas. Tests hold it against inflect, whose import takes over a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

TO_NINETEEN = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
LIMIT = 10**15
ORDINAL_IRREGULAR = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
MINUS, POINT = "minus", "point"


def cardinal(n: int) -> list[str]:
    """Words of 0 <= n < LIMIT. Raises ValueError outside it."""
    if not 0 <= n < LIMIT:
        raise ValueError(f"{n} is not in 0 .. {LIMIT - 1}")
    words: list[str] = []
    rest = n
    for value, name in SCALES:
        count, rest = divmod(rest, value)
        if count:
            words += [*_below_thousand(count), name]
    if words and 0 < rest < 100:
        words.append("and")
    return words + _below_thousand(rest) if rest or not words else words


def ordinal(n: int) -> list[str]:
    """Words of 0 <= n < LIMIT: 21 -> twenty first."""
    *words, last = cardinal(n)
    return [*words, ordinal_word(last)]


def ordinal_word(word: str) -> str:
    if word in ORDINAL_IRREGULAR:
        return ORDINAL_IRREGULAR[word]
    return word.removesuffix("y") + "ieth" if word.endswith("y") else word + "th"


def plural(word: str) -> str:
    """nineties, hundreds: for decades."""
    return word.removesuffix("y") + "ies" if word.endswith("y") else word + ("es" if word.endswith("x") else "s")


def year(n: int) -> list[str]:
    """1974 nineteen seventy four, 1905 nineteen oh five, 1900 nineteen hundred; other numbers as cardinals."""
    if not (1100 <= n < 2000 or 2010 <= n < 2100):
        return cardinal(n)
    century, rest = divmod(n, 100)
    return cardinal(century) + (["hundred"] if not rest else ["oh"] * (rest < 10) + cardinal(rest))


@cache
def lexicon() -> dict[str, int]:
    """Value of every word of a cardinal."""
    values = {word: n for n, word in enumerate(TO_NINETEEN)} | {word: 20 + 10 * i for i, word in enumerate(TENS)}
    return values | {"hundred": 100} | {name: value for value, name in SCALES}


@cache
def ordinals() -> dict[str, str]:
    """first -> one, hundredth -> hundred."""
    return {ordinal_word(word): word for word in lexicon()}


def read(words: Sequence[str], start: int = 0) -> tuple[int, int]:
    """The longest cardinal or year from `start` on and where it ends; an end equal to `start` where there is none."""
    values = lexicon()
    if (found := _year(words, start)) is not None:
        return found
    total, group, limit, end = 0, 0, LIMIT, start
    i = start
    while i < len(words):
        ahead = i + 1 < len(words) and values.get(words[i + 1], 100) in range(1, 100)
        joins = words[i] == "and" and end == i and i > start and ahead and words[i - 1] in {"hundred", *(n for _, n in SCALES)}
        i += joins
        value = values.get(words[i])
        if value is None or (value == 0 and i > start):
            break
        if value >= 1000 and group > 0 and value < limit:
            total, group, limit = total + group * value, 0, value
        elif value == 100 and 0 < group < 100 and group % 10:
            group *= 100
        elif value < 100 and (group % 100 == 0 if value >= 10 else group % 10 == 0 and group % 100 != 10):
            group += value
        else:
            break
        i += 1
        end = i
        if value == 0:
            break
    return total + group, end


def _year(words: Sequence[str], start: int) -> tuple[int, int] | None:
    """nineteen | eleven … twenty, then a number of two digits or "oh" and a digit."""
    values = lexicon()
    century = values.get(words[start], 0) if start < len(words) else 0
    if century not in range(11, 21) or start + 1 >= len(words):
        return None
    if words[start + 1] == "oh" and start + 2 < len(words) and values.get(words[start + 2], 0) in range(1, 10):
        return century * 100 + values[words[start + 2]], start + 3
    tens = values.get(words[start + 1], 0)
    if tens not in range(10, 100):
        return None
    unit = values.get(words[start + 2], 0) if tens >= 20 and start + 2 < len(words) else 0
    if unit in range(1, 10):
        return century * 100 + tens + unit, start + 3
    return century * 100 + tens, start + 2


def _below_thousand(n: int) -> list[str]:
    hundreds, rest = divmod(n, 100)
    words = [TO_NINETEEN[hundreds], "hundred"] if hundreds else []
    if not rest and words:
        return words
    words += ["and"] if words else []
    if rest < 20:
        return [*words, TO_NINETEEN[rest]]
    tens, unit = divmod(rest, 10)
    return [*words, TENS[tens - 2], *([TO_NINETEEN[unit]] if unit else [])]
