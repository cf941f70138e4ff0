"""What was said: references from cut manifests read as plain JSON lines, and the normaliser both sides go through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz
from cyasr.score.utterances import Utterance, without_repeats

REMEMBERED = 1 << 15  # texts: one system's decodes share their references and many hypotheses
AS_WRITTEN = "none"  # the profile that only cuts words at blanks


@dataclass(frozen=True)
class Normaliser:
    """What is done to both sides before they are compared; the signature names it in score.json."""

    profile: str
    signature: str
    apply: Callable[[str], str]

    def __reduce__(self) -> tuple[Callable[[str], Normaliser], tuple[str]]:
        return normaliser, (self.profile,)

    def rungs(self) -> dict[str, str]:
        """What the error rates of each rung of the ladder depend on."""
        from cyasr.score import ladder

        return {"strict": self.signature, "fold": ladder.signature("fold"), "lenient": ladder.signature("lenient")}


def stream_references(path: Path) -> Iterator[Utterance]:
    """References in the manifest's order. Raises RunError for an id that stands twice or a cut without text."""
    return without_repeats(_references(path), "cut", "run stage 2 again")


def read_references(path: Path) -> dict[str, Utterance]:
    """The same by cut id, all in memory."""
    return {reference.id: reference for reference in stream_references(path)}


def normaliser(profile: str) -> Normaliser:
    """The normaliser of a profile of cyasr.text.normalize, or AS_WRITTEN. Raises UsageError for another name."""
    from cyasr.text import normalize

    if profile == AS_WRITTEN:
        return Normaliser(profile, "none: words as written, cut at blanks", lambda text: " ".join(text.split()))
    if profile not in normalize.PROFILES:
        raise UsageError(f"profile {profile!r}; there are {', '.join([*normalize.PROFILES, AS_WRITTEN])}")
    remembering = lru_cache(maxsize=REMEMBERED)(lambda text: normalize.normalize(text, profile))
    return Normaliser(profile, normalize.signature(profile), remembering)


def normaliser_of(data: Path) -> Normaliser:
    """The normaliser that the frozen conf of the set `data` names. Raises UsageError where there is no such conf or key."""
    path = data_conf(data)
    profile = yaml.safe_load(path.read_text(encoding="utf-8")).get("profile")
    if not profile:
        raise UsageError(f"{path}: key 'profile' is missing; run stage 2 again")
    return normaliser(profile)


def data_conf(data: Path) -> Path:
    """The frozen conf of a set; a fold's may be that of all folds. Raises UsageError where there is none."""
    for folder in (data, data.parent):
        if (folder / "conf.yaml").is_file():
            return folder / "conf.yaml"
    raise UsageError(f"{data}/conf.yaml does not exist; run stage 2")


def reference(row: dict[str, Any], where: str) -> Utterance:
    """A cut's own text with what is known of it. Raises RunError for a cut without supervision."""
    parts = supervisions(row)
    if not parts:
        raise RunError(f"{where}: cut {row.get('id')} has no supervision, so nothing to score against")
    first = parts[0]
    custom = (row.get("custom") or {}) | (first.get("custom") or {})
    text = " ".join(one.get("text") or "" for one in parts)
    return Utterance(
        row["id"],
        text,
        where,
        speaker=first.get("speaker"),
        dialect=custom.get("dialect"),
        domain=custom.get("domain"),
        corpus=custom.get("corpus"),
        label=custom.get("label"),
        duration=row.get("duration"),
    )


def supervisions(cut: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a cut, and of a mixed cut's tracks, in the order of their starts."""
    return sorted(_supervisions(cut), key=lambda one: float(one.get("start", 0.0)))


def _references(path: Path) -> Iterator[Utterance]:
    for number, row in enumerate(read_jsonl_gz(path), 1):
        yield reference(row, f"{path}:{number}")


def _supervisions(cut: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A cut's supervisions, those of a mixed cut's tracks included."""
    yield from cut.get("supervisions") or ()
    for track in cut.get("tracks") or ():
        yield from _supervisions(track["cut"])
