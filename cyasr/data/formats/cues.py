"""Timed texts of one recording, whatever they were written with, and how they become utterances."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

TRIMMED = 0.5  # seconds of overlap that are taken for careless display times; more is two at once
SENTENCE_ENDS = (".", ";", "!", "?", "…", "·", ":", "»", '"')

Joining = Literal["each", "joined", "whole"]


@dataclass(frozen=True)
class Cue:
    """`text` from `start` to `end`, in seconds; line: where it stands in its file."""

    start: float
    end: float
    text: str
    speaker: str | None = None
    line: int = 0


def usable(cues: Iterable[Cue]) -> tuple[list[Cue], list[tuple[Cue, str]]]:
    """(cues in the order of time, cues that cannot be used with the reason). Cues that say nothing are neither."""
    kept, rejected = [], []
    for cue in cues:
        if not cue.text:
            continue
        if not 0 <= cue.start < cue.end < math.inf:
            rejected.append((cue, f"no length: from {cue.start:g} to {cue.end:g} s"))
        else:
            kept.append(cue)
    return sorted(kept, key=lambda cue: (cue.start, cue.end)), rejected


def apart(cues: list[Cue]) -> list[Cue]:
    """One after another: small overlaps are cut off the earlier cue, and cues that run beside one another become one.

    A cue of another, named speaker is not touched: annotators mean what they write.
    """
    result: list[Cue] = []
    for cue in cues:
        before = result[-1] if result else None
        if before and cue.start < before.end and cue.speaker == before.speaker:
            if before.end - cue.start <= TRIMMED and before.start < cue.start and before.end < cue.end:
                result[-1] = replace(before, end=cue.start)
            else:
                result[-1] = replace(before, end=max(before.end, cue.end), text=f"{before.text} {cue.text}")
                continue
        result.append(cue)
    return result


def joined(cues: list[Cue], longest: float, gap: float) -> Iterator[Cue]:
    """Neighbours of one speaker put together up to `longest` seconds, never over a pause of `gap`.

    Beyond half of `longest` a sentence's end ends the utterance too.
    """
    current: Cue | None = None
    for cue in cues:
        if current:
            full = current.end - current.start > longest / 2 and current.text.endswith(SENTENCE_ENDS)
            if (
                full
                or cue.end - current.start > longest
                or cue.start - current.end > gap
                or cue.speaker != current.speaker
                or cue.start < current.end
            ):
                yield current
            else:
                current = replace(current, end=cue.end, text=f"{current.text} {cue.text}")
                continue
        current = cue
    if current:
        yield current
