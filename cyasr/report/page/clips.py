"""Audio of a few utterances as data URIs: mono, 16 kHz, Ogg Opus."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr.cli import RunError, UsageError
from cyasr.files import read_jsonl_gz

COMPRESSION = 0.92  # libsndfile's scale: about 25 kbit/s for mono speech


@dataclass(frozen=True)
class Clip:
    """uri: `data:audio/ogg;base64,…`, or None and why there is none."""

    uri: str | None
    why: str = ""
    licence: str = ""


class Clips:
    """Clips within a budget: `bytes_left` of base64 text for all of them together."""

    def __init__(self, budget: int) -> None:
        self.bytes_left = budget

    def of(self, manifests: Sequence[Path], ids: Collection[str]) -> dict[str, Clip]:
        """By utterance id, for those of `ids` that the cut manifests hold, in their order until the budget is spent."""
        return {row["id"]: self._clip(row) for row in _cuts(manifests, ids)}

    def _clip(self, row: dict[str, Any]) -> Clip:
        licence = str((row.get("custom") or {}).get("licence") or "")
        if self.bytes_left <= 0:
            return Clip(None, "audio left out: the page would grow too large", licence)
        sources = [Path(one["source"]) for one in _sources(row) if one.get("type") == "file"]
        if not sources or not all(path.is_file() for path in sources):
            return Clip(None, "audio is not here", licence)
        try:
            uri = encode(row)
        except RunError:
            return Clip(None, "audio cannot be read", licence)
        if len(uri) > self.bytes_left:
            return Clip(None, "audio left out: the page would grow too large", licence)
        self.bytes_left -= len(uri)
        return Clip(uri, "", licence)


def encode(row: dict[str, Any]) -> str:
    """A cut's row as a data URI. Raises RunError where its audio cannot be read."""
    import soundfile
    from lhotse.serialization import deserialize_item

    from cyasr.data.audio import load
    from cyasr.data.audiofile import SAMPLE_RATE

    out = io.BytesIO()
    samples = load(deserialize_item(row))
    soundfile.write(out, samples, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
    return "data:audio/ogg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _cuts(manifests: Sequence[Path], ids: Collection[str]) -> Iterator[dict[str, Any]]:
    """Rows of these cuts; a manifest that is gone or damaged has none."""
    wanted = set(ids)
    for path in manifests:
        try:
            for row in read_jsonl_gz(path):
                if row.get("id") in wanted:
                    wanted.remove(row["id"])
                    yield row
                if not wanted:
                    return
        except UsageError:
            continue


def _sources(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a cut's audio lies, that of a mixed cut's tracks included."""
    own = (row.get("recording") or {}).get("sources") or []
    return [*own, *(source for track in row.get("tracks") or () for source in _sources(track["cut"]))]
