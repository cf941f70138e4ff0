"""What was said: references and the groups they fall into, from cut manifests read as plain JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz

GROUPS = ("dialect", "domain", "speaker")
REMEMBERED = 1 << 17  # texts: one system's decodes share their references and many hypotheses


@dataclass(frozen=True)
class Reference:
    id: str
    text: str
    speaker: str | None
    dialect: str | None
    domain: str | None


@dataclass(frozen=True)
class Normaliser:
    """What is done to both sides before they are compared; the signature names it in score.json."""

    profile: str
    signature: str
    apply: Callable[[str], str]


def read_references(path: Path) -> dict[str, Reference]:
    """References by cut id, in the manifest's order. Raises RunError for an id that stands twice or a cut without text."""
    references: dict[str, Reference] = {}
    for number, row in enumerate(read_jsonl_gz(path), 1):
        supervisions = sorted(_supervisions(row), key=lambda one: one.get("start", 0.0))
        if not supervisions:
            raise RunError(f"{path}:{number}: cut {row.get('id')} has no supervision, so nothing to score against")
        if row["id"] in references:
            raise RunError(f"{path}:{number}: cut {row['id']} stands twice; run stage 2 again")
        first = supervisions[0]
        custom = (row.get("custom") or {}) | (first.get("custom") or {})
        text = " ".join(one.get("text") or "" for one in supervisions)
        references[row["id"]] = Reference(row["id"], text, first.get("speaker"), custom.get("dialect"), custom.get("domain"))
    return references


def normaliser_of(data: Path) -> Normaliser:
    """The normaliser that the frozen conf of the set `data` names. Raises UsageError where there is no such conf or key."""
    from cyasr.text import normalize

    path = data_conf(data)
    profile = yaml.safe_load(path.read_text(encoding="utf-8")).get("profile")
    if not profile:
        raise UsageError(f"{path}: key 'profile' is missing; run stage 2 again")
    remembering = lru_cache(maxsize=REMEMBERED)(lambda text: normalize.normalize(text, profile))
    return Normaliser(profile, normalize.signature(profile), remembering)


def data_conf(data: Path) -> Path:
    """The frozen conf of a set; a fold's may be that of all folds. Raises UsageError where there is none."""
    for folder in (data, data.parent):
        if (folder / "conf.yaml").is_file():
            return folder / "conf.yaml"
    raise UsageError(f"{data}/conf.yaml does not exist; run stage 2")


def _supervisions(cut: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A cut's supervisions, those of a mixed cut's tracks included."""
    yield from cut.get("supervisions") or ()
    for track in cut.get("tracks") or ():
        yield from _supervisions(track["cut"])
