"""The twelve pseudo-speakers: variants of one formant synthesiser, each with its pitch and pace. No real voices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speaker:
    """`variant`: espeak-ng's voice variant; pitch: 0-99, its own scale (50 is the variant's); rate: words a minute."""

    variant: str
    pitch: int
    rate: int

    @property
    def id(self) -> str:
        return f"cy_{self.variant}"


SPEAKERS: dict[str, tuple[Speaker, ...]] = {
    "train": (
        Speaker("m1", 48, 158),
        Speaker("f1", 52, 166),
        Speaker("m4", 42, 172),
        Speaker("f3", 50, 160),
        Speaker("m7", 55, 164),
        Speaker("f5", 47, 170),
        Speaker("m6", 50, 150),
        Speaker("m8", 58, 176),
    ),
    "dev": (Speaker("m2", 46, 168), Speaker("f2", 50, 160)),
    "test": (Speaker("m3", 52, 164), Speaker("f4", 48, 168)),
}
