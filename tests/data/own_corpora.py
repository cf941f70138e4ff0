"""Small corpora in other people's layouts, and what the formats read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cyasr.data import formats
from cyasr.data.corpus import DataConf, Reject, Utterance
from cyasr.data.formats.survey import Proposal, propose, survey

CORPUS = Path("corpus")
RAW = Path("data/own/raw")


def speech(path: Path | str, seconds: float = 0.5, rate: int = 16000, channels: int = 1, seed: int | None = None) -> Path:
    """Noise below CORPUS, another one in every file."""
    path = CORPUS / path
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(abs(hash(str(path))) if seed is None else seed)
    soundfile.write(path, draw.uniform(-0.3, 0.3, (int(seconds * rate), channels)), rate)
    return path


def write(path: Path | str, text: str, encoding: str = "utf-8") -> Path:
    path = CORPUS / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def read(form: str, options: dict[str, Any] | None = None, **keys: Any) -> tuple[list[Utterance], list[Reject]]:
    """What stage 1 would be given of CORPUS."""
    conf = DataConf(**{"corpus": "own", "licence": "CC0-1.0", "language": "el", "format": form, "options": options or {}} | keys)
    items = list(formats.prepare(CORPUS, RAW, conf))
    return [item for item in items if isinstance(item, Utterance)], [item for item in items if isinstance(item, Reject)]


def found(only: str | None = None, language: str | None = "el") -> Proposal:
    """The conf that would be written for CORPUS."""
    seen = formats.look(CORPUS, only)
    assert seen
    return propose(seen, survey(CORPUS, seen, language or "und"), "CC0-1.0", language)
