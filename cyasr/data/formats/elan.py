"""ELAN's annotations (.eaf): tiers over time slots, and tiers that hang from other tiers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from cyasr.data.formats.cues import Cue
from cyasr.data.formats.texts import TextError


@dataclass
class Tier:
    """parent: the tier it hangs from."""

    name: str
    parent: str | None = None
    participant: str | None = None
    cues: list[Cue] = field(default_factory=list)


@dataclass
class Annotations:
    """media: names of the recordings, without their folders."""

    tiers: dict[str, Tier]
    media: list[str]


def read_eaf(text: str) -> Annotations:
    """Raises TextError where it is no ELAN document, or annotations stand on nothing.

    A slot without a time lies evenly between its neighbours that have one, as ELAN draws it. An annotation that hangs
    from another one has its times; several that hang from one are its parts, in order, and become one cue.
    """
    from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

    try:
        root = fromstring(re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text).encode(), forbid_dtd=True)  # it is UTF-8 by now
    except ParseError as error:
        raise TextError(f"no valid XML: {error}") from None
    except DefusedXmlException:
        raise TextError("no ELAN document: it has a DTD or entities of its own") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise TextError(f"no ELAN document: its root is {root.tag}")
    times = _slots(root)
    media = root.findall("HEADER/MEDIA_DESCRIPTOR")
    origin = next((float(each.get("TIME_ORIGIN", 0)) / 1000 for each in media), 0.0)
    names = [(each.get("RELATIVE_MEDIA_URL") or each.get("MEDIA_URL") or "").replace("\\", "/") for each in media]
    tiers = {}
    spans: dict[str, tuple[float, float]] = {}  # annotation -> its times
    for element in _parents_first(root.findall("TIER")):
        tier = Tier(element.get("TIER_ID", ""), element.get("PARENT_REF"), element.get("PARTICIPANT") or None)
        tiers[tier.name] = tier
        parts: dict[str, list[str]] = {}
        for number, annotation in enumerate(element.findall("ANNOTATION/*"), 1):
            identity, said = annotation.get("ANNOTATION_ID", ""), _said(annotation)
            if annotation.tag == "ALIGNABLE_ANNOTATION":
                slots = annotation.get("TIME_SLOT_REF1", ""), annotation.get("TIME_SLOT_REF2", "")
                if missing := [slot for slot in slots if slot not in times]:
                    raise TextError(f"no ELAN document: annotation {identity} asks for time slot {missing[0]!r}")
                spans[identity] = times[slots[0]] + origin, times[slots[1]] + origin
                tier.cues.append(Cue(*spans[identity], said, tier.participant, number))
            else:
                of = annotation.get("ANNOTATION_REF", "")
                if of not in spans:
                    raise TextError(f"no ELAN document: annotation {identity} hangs from {of!r}, which there is not")
                spans[identity] = spans[of]
                parts.setdefault(of, []).append(said)
        tier.cues += [Cue(*spans[of], " ".join(filter(None, said)), tier.participant) for of, said in parts.items()]
        tier.cues = [replace(cue, line=number) for number, cue in enumerate(tier.cues, 1)]
    return Annotations(tiers, [name.rpartition("/")[2] for name in names])


def _slots(root: Any) -> dict[str, float]:
    """Time slot -> seconds."""
    order = root.find("TIME_ORDER")
    slots = [] if order is None else [(slot.get("TIME_SLOT_ID", ""), slot.get("TIME_VALUE")) for slot in order]
    times: dict[str, float] = {}
    waiting: list[str] = []
    before = 0.0
    for name, value in slots:
        if value is None:
            waiting.append(name)
            continue
        try:
            now = float(value) / 1000
        except ValueError:
            raise TextError(f"no ELAN document: time slot {name} is at {value!r}") from None
        for place, each in enumerate(waiting, 1):
            times[each] = before + (now - before) * place / (len(waiting) + 1)
        waiting, before = [], now
        times[name] = now
    return times | dict.fromkeys(waiting, before)


def _parents_first(tiers: list[Any]) -> list[Any]:
    by_name = {tier.get("TIER_ID", ""): tier for tier in tiers}

    def depth(tier: Any) -> int:
        steps, parent = 0, tier.get("PARENT_REF")
        while parent in by_name and steps <= len(by_name):
            steps, parent = steps + 1, by_name[parent].get("PARENT_REF")
        return steps

    return sorted(tiers, key=depth)


def _said(annotation: Any) -> str:
    value = annotation.find("ANNOTATION_VALUE")
    return " ".join((value.text or "").split()) if value is not None else ""
