"""What is wrong with a transcript that could be read: characters that normalisation left, texts read in a wrong encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

PLAIN = re.compile("[α-ωά-ώϊϋΐΰ\u0306' -]*")
# What else Greek and English need, once normalised; U+FFFD is told of by itself.
UNUSUAL = re.compile("[^\ufffda-zß-öø-ÿ\u0100-\u024fα-ωά-ώϊϋΐΰ\u0300-\u036f'\\s-]")
_GREEK, _OTHER = "[α-ωά-ώϊϋΐΰ][\u0300-\u036f]*", "[a-zà-ɏа-ӿ]"
MIXED = re.compile(f"\\w*(?:{_GREEK}{_OTHER}|{_OTHER}{_GREEK})\\w*")
NO_TEXT = {"Cc", "Cn", "Co", "Cs"}

# Second bytes of UTF-8 as single-byte encodings of Windows show them.
_TAIL = "\u0080-\u00bf" + "".join(
    {bytes([byte]).decode(code, "ignore") for code in ("cp1252", "cp1253") for byte in range(0x80, 0xC0)} - set("-\\]^")
).replace("-", "")
MOJIBAKE = re.compile(
    f"(?:[ÎÏ][{_TAIL}]){{2,}}"  # Greek UTF-8 read as Latin-1 or cp1252: Îµ Î½
    f"|(?:[ΞΟ][{_TAIL}]){{3,}}"  # as cp1253: Ξ±Ο…Ο„Ο
    f"|(?:[ÃÂ][{_TAIL}])"  # accented Latin letters, twice encoded
    "|[À-ÖØ-öø-ÿ]{4,}"  # ISO 8859-7 read as Latin-1: Êáëçìåñá
    "|â€[™œ¦“”\u0098-\u009d]|ï¿½|ï»¿"
)
MAYBE = re.compile("[À-ÿ]|[ΞΟ].[ΞΟ]")  # what all of these hold
LOST = re.compile(r"\?{2,}(?:\s+\?{2,})+|\w\?{2,}\w")  # every letter of Greek became a question mark


def text_findings(text: str, raw: str) -> Iterator[tuple[str, str]]:
    """(kind of finding, what shows it) of a transcript: `text` normalised, `raw` as the corpus has it."""
    wrong = MOJIBAKE.search(raw) if MAYBE.search(raw) else LOST.search(raw) if "??" in raw else None
    if wrong:
        yield "wrong encoding", wrong[0][:20]
        return
    if "\ufffd" in raw:
        yield "replacement characters", raw[max(0, raw.index("\ufffd") - 10) :][:21]
    plain = PLAIN.fullmatch(text) is not None
    odd = [] if raw.isprintable() else [char for char in raw if unicodedata.category(char) in NO_TEXT]
    for kind, char in {_kind(char): char for char in odd + ([] if plain else UNUSUAL.findall(text))}.items():
        yield kind, f"{char} U+{ord(char):04X}" if char.isprintable() else f"U+{ord(char):04X}"
    if not plain and (mixed := MIXED.search(text)):
        yield "mixed alphabets", mixed[0]


def _kind(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Cn":
        return "unassigned characters"
    if category[0] == "C":
        return "control characters"
    if category[0] in "LM":
        return "other alphabets" if _script(char) not in {"GREEK", "LATIN"} else "unusual letters"
    return "digits left" if category == "Nd" else "signs left"


def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]
