"""How a word in Latin letters may be read: every chunk of letters in each way it may be meant, each at a price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cyasr.text.greek_sounds import BREVE, sound, vocabulary

SH, DJ, TSH = f"σ{BREVE}", f"τζ{BREVE}", f"τσ{BREVE}"
READINGS = 32  # kept at a time

Reading = tuple[float, str]  # its price, its Greek letters

VOWEL = "[aeiouwyh]"
CHUNKS: list[tuple[str, str]] = [  # what is met -> its readings, cheapest first, each 1 dearer than the one before
    (r"t(?:sh|ch)i?(?=[aou])|t(?:sh|ch)|tsi(?=[aouw])", TSH),
    (r"(?:tz|dz|dj)i(?=[aeouw])|(?:tz|dz|dj)(?=[eiyh])|dj|j", DJ),
    (r"tz|dz", f"τζ {DJ}"),
    (r"(?:ssh|shsh)(?:i(?=[aeou])|(?=[aeiouwy]))", SH * 2),
    (rf"shi(?=[aeou])|sh(?={VOWEL})", f"{SH} σχ ση"),
    (r"si(?=i)", SH),
    (r"zh(?=[aeiou])", f"ζ{BREVE} ζη"),
    (r"s(?:ch|x|h)(?![ns]?$)", "σχ"),
    (r"th(?=[ns]?$)", "τη θ"),
    (r"[bcdfgklmnprsxz](?=h[ns]?$)", ""),  # one letter: the h after it is η
    (r"th|[89]", "θ"),
    (r"dh", "δ"),
    (r"gh", "γ"),
    (r"[ck]h", f"χ {TSH}"),
    (r"ph", "φ"),
    (r"ps|4", "ψ"),
    (r"ks|3", "ξ"),
    (r"m[pb]b?", "μπ"),
    (r"bb", "ππ μπ"),
    (r"b", "μπ β"),
    (r"nd", "ντ νδ"),
    (r"n[gk](?=[aeiouwyrl])|gk", "γκ νκ"),
    (r"gx|g[ck]h", "γχ"),
    (r"(?<=[bcdfgklmnprstvxz])'(?=[aeouw])", "ι"),
    (r"ou|oy", "ου"),
    (r"oo", "ου οο"),
    (r"ai", "αι αϊ αει"),
    (r"oi", "οι οϊ οει"),
    (r"ei", "ει εϊ"),
    (r"a[uy](?![aeou])|av(?=[bcdgklmnprstxz3489])|af(?=t[aeiouwh])", "αυ αϊ αου"),
    (r"e[uy](?![aeou])|ev(?=[bcdgklmnprstxz3489])|ef(?=xar|har)", "ευ εϊ εου"),
    (r"yi(?=[aeouw])|y(?=[aouw])", "γι υ"),
    (r"y(?=[ei])", "γ γι υ"),
    (r"u$", "ου υ"),
    (r"h(?=[a-z])", "χ η"),
    (r"h", "η"),
    (r"c(?=[ei])", "σ κ"),
    (r"g", "γ γκ"),
]
SINGLE = dict(zip("abcdefghijklmnopqrstuvwxyz'-", "αμκδεφγηιζκλμνοπκρστυβωχυζ'-", strict=True))
COMPILED = [(re.compile(pattern), spelled.split()) for pattern, spelled in CHUNKS]


@dataclass(frozen=True)
class Style:
    """How a text spells what Greeklish writers disagree on."""

    x: str = "χξ"  # likeliest first
    u: str = "υ"  # inside a word; at its end it is ου
    d: str = "δ"
    eta: bool = False  # whether h is η throughout, as in "thn" and "dhmos"


USUAL = Style()


def style_of(text: str) -> Style:
    """What the text's other spellings say about its x, u and d."""
    text = text.lower()
    eta = bool(re.search(r"8|[^aeiouy\W]h[ns]?\b|[bfjlmnprsvz]h[b-df-hj-np-tv-z]", text))
    x = "ξχ" if not eta and re.search(r"[ck]h|(?<![a-z])h[aeio]|[aeiou]h[a-z]", text) and not re.search("ks|3", text) else "χξ"
    sounds = not re.search("ou|[w8]", text) and re.search(r"dh|gh|\b[tms]u\b|\btus\b|\bj[aei]?\b", text)
    return Style(x, "ου" if sounds else "υ", "ντ" if "dh" in text and not eta else "δ", eta)


@lru_cache(maxsize=1 << 15)
def readings(word: str, style: Style) -> tuple[Reading, ...]:
    """Greek spellings, letter by letter, of a lower-case Greeklish word, cheapest first."""
    beam: list[Reading] = [(0.0, "")]
    i = 0
    while i < len(word):
        length, spelled = _chunk(word, i, style)
        beam = [(price + k, so_far + greek) for price, so_far in beam for k, greek in enumerate(spelled)]
        beam = sorted(beam, key=lambda reading: reading[0])[:READINGS]
        i += length
    return tuple(beam)


def _chunk(word: str, i: int, style: Style) -> tuple[int, Sequence[str]]:
    for pattern, spelled in COMPILED:
        if (match := pattern.match(word, i)) and spelled:
            if style.eta and match[0][-1:] == "h":
                return len(match[0]), _as_eta(match[0], spelled)
            return len(match[0]), spelled
        if match:
            break
    letter = word[i]
    if letter == "x":
        return 1, tuple(style.x)
    if letter == "u":
        return 1, (style.u, "υ" if style.u == "ου" else "ου")
    if letter == "d":
        return 1, (style.d, "δ" if style.d == "ντ" else "ντ")
    return 1, (SINGLE.get(letter, letter),)


def _as_eta(chunk: str, spelled: Sequence[str]) -> Sequence[str]:
    """Readings of a chunk that ends in h by a writer to whom h is η."""
    if chunk == "h":
        return "η", "χ"
    if chunk == "sh" and spelled[0] == "σχ":
        return "ση", "σχ"
    return (SINGLE[chunk[0]] + "η", *spelled) if chunk in {"th", "dh", "kh", "gh", "ph"} else spelled


def is_known(word: str) -> bool:
    """Whether a word in Latin letters can be read as one of our list."""
    known = vocabulary()
    return any(sound(reading) in known.words for price, reading in readings(word, USUAL) if price < 2)
