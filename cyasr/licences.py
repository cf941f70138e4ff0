"""What licences ask for, and what a model made under several of them may be used for.

This repeats the licences' own conditions and says nothing on what law makes of them: whether a model is derived from
its data is nowhere settled, so that the strict reading is taken. A licence that is not recognised is unclear, never free.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

UNSTATED = "unstated"  # where no licence is given


class Term(StrEnum):
    """A condition; the later, the more it rules out."""

    ATTRIBUTION = "attribution"
    SHARE_ALIKE = "share-alike"
    NON_COMMERCIAL = "non-commercial"
    NO_DERIVATIVES = "no derivatives"
    NO_REDISTRIBUTION = "no redistribution"
    AGREEMENT = "by agreement"  # signed with a data centre, or given on request: it alone says what is allowed
    UNKNOWN = "unknown"


TAINTS = tuple(Term)[2:]  # worth saying wherever a result that rests on them is shown
FREE: frozenset[Term] = frozenset()
NOTICE = frozenset({Term.ATTRIBUTION})
COPYLEFT = frozenset({Term.ATTRIBUTION, Term.SHARE_ALIKE})
CENTRE = frozenset({Term.AGREEMENT, Term.NO_REDISTRIBUTION})
CREATIVE_COMMONS = {"by": Term.ATTRIBUTION, "sa": Term.SHARE_ALIKE, "nc": Term.NON_COMMERCIAL, "nd": Term.NO_DERIVATIVES}
CENTRES = {"ldc", "elra", "elda"}  # their licences are agreements, whatever else stands in the name
KNOWN = {  # what is left of a name without versions and words that say nothing
    **dict.fromkeys(("cc0", "cc zero", "cc cc0", "publicdomain", "cc publicdomain", "pddl", "unlicense", "0bsd"), FREE),
    **dict.fromkeys(("mit", "bsd", "apache", "isc", "zlib", "odc by", "cdla permissive", "ogl", "ogl uk"), NOTICE),
    **dict.fromkeys(("gpl", "lgpl", "agpl", "gfdl", "odbl", "odc odbl", "mpl", "eupl", "cdla sharing"), COPYLEFT),
    **dict.fromkeys(("reserved", "proprietary", "commercial", "paid", "request", "agreement", "youtube"), CENTRE),
    "nc": frozenset({Term.NON_COMMERCIAL}),
}
SPELT_OUT = (  # phrases and the word they are read as
    (r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/", "cc "),
    (r"creative ?commons", "cc"),
    (r"\battribution\b", "by"),
    (r"\bnon[ -]?commercial(?: use)?(?: only)?\b", "nc"),
    (r"\bshare[ -]?alike\b", "sa"),
    (r"\bno[ -]?deriv(?:s|atives?)?\b", "nd"),
    (r"\b(?:academic|research|scientific|evaluation)(?: use| purposes?)? only\b", "nc"),
    (r"\bpublic[ -]?domain\b", "publicdomain"),
    (r"\ball rights reserved\b", "reserved"),
    (r"\b(?:up)?on request\b", "request"),
    (r"\bgnu general public\b", "gpl"),
)
SAYS_NOTHING = re.compile(
    r"v?\d+|clause|only|or|later|international|unported|generic|universal|dedication|mark|licen[cs]ed?|the|under|standard|"
    r"gnu|software|igo|legalcode|deed|licenseref"
)


@dataclass(frozen=True)
class Publishing:
    """Whether a model's weights may be given away by the terms of what it was made of, and why."""

    verdict: Literal["allowed", "with conditions", "no", "unclear"]
    why: str


def terms_of(licence: str) -> frozenset[Term]:
    """The conditions of a licence by its SPDX id or usual name; of several (`A AND B`, `A, B`) all, of `A OR B` the fewer.

    {UNKNOWN} where a word of the name is not understood.
    """
    choices = [_all_of(choice) for choice in re.split(r"\s+OR\s+", licence.strip())]
    return min(choices, key=_weight)


def combined(licences: Iterable[str]) -> dict[Term, list[str]]:
    """Each condition that holds for what is made under all of `licences`, lightest first, with those that bring it.

    No licence at all is unknown.
    """
    named = sorted(set(licences)) or [UNSTATED]
    found = {term: [licence for licence in named if term in terms_of(licence)] for term in Term}
    return {term: brought for term, brought in found.items() if brought}


def publishing(licences: Iterable[str]) -> Publishing:
    """Whether weights made under all of `licences` may be published."""
    named = sorted(set(licences)) or [UNSTATED]
    terms = combined(named)
    if Term.UNKNOWN in terms:
        known = [licence for licence in terms[Term.UNKNOWN] if licence != UNSTATED]
        why = f"what {_and(known)} allows is not known here" if known else "a source states no licence"
        return Publishing("unclear", f"{why}: ask who holds the rights")
    if Term.NO_DERIVATIVES in terms:
        return Publishing("no", f"{_and(terms[Term.NO_DERIVATIVES])} does not let derivatives be shared, and weights may be one")
    if Term.AGREEMENT in terms:
        return Publishing("unclear", f"what was agreed on {_and(terms[Term.AGREEMENT])} decides: read it, or ask")
    alike = terms.get(Term.SHARE_ALIKE, [])
    kinds = {_kind(licence) for licence in alike}
    if len(kinds) > 1:
        return Publishing("unclear", f"{_and(alike)} each ask for their own licence on what is made of them")
    conditions = []
    if Term.ATTRIBUTION in terms:
        conditions.append(f"name the sources ({_and(terms[Term.ATTRIBUTION])})")
    if alike:
        conditions.append(f"under the same licence ({_and(alike)})")
    if Term.NON_COMMERCIAL in terms:
        conditions.append(f"for non-commercial use only ({_and(terms[Term.NON_COMMERCIAL])})")
    if not conditions:
        return Publishing("allowed", f"{_and(named)} asks for nothing")
    return Publishing("with conditions", "; ".join(conditions))


def taint(licences: Iterable[str]) -> str:
    """What readers of a result must know of these licences: `non-commercial, unknown licence`; empty where there is nothing."""
    return ", ".join("unknown licence" if term == Term.UNKNOWN else term for term in combined(licences) if term in TAINTS)


def _all_of(names: str) -> frozenset[Term]:
    parts = [words for part in re.split(r"\s+AND\s+|[,;+&()]", names) if (words := _words(part))]
    return frozenset().union(*map(_one, parts)) if parts else frozenset({Term.UNKNOWN})


def _one(words: list[str]) -> frozenset[Term]:
    if CENTRES & set(words):
        return CENTRE
    if "by" in words and {"cc", *CREATIVE_COMMONS}.issuperset(words):
        return frozenset(CREATIVE_COMMONS[word] for word in words if word != "cc")
    return KNOWN.get(" ".join(words), frozenset({Term.UNKNOWN}))


def _words(name: str) -> list[str]:
    """The words that tell a licence, in small letters, without versions and fillers."""
    name = name.casefold()
    for phrase, word in SPELT_OUT:
        name = re.sub(phrase, word, name)
    return [word for word in re.findall(r"[^\W_]+", name) if not SAYS_NOTHING.fullmatch(word)]


def _weight(terms: frozenset[Term]) -> int:
    """Orders sets of conditions by the strictest, then the next."""
    return sum(1 << list(Term).index(term) for term in terms)


def _kind(licence: str) -> str:
    """What counts as the same licence for share-alike: versions apart."""
    return " ".join(_words(licence))


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
