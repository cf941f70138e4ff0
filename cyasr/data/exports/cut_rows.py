"""A data set's cuts as other toolkits want to hear of them: a file, times in it, a text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr.cli import RunError
from cyasr.data.audiofile import write_wav
from cyasr.files import read_jsonl_gz

KEPT = ("corpus", "licence", "dialect", "label", "domain", "prompt", "gender", "age")  # of custom, travels along
BLOCK = 1 << 18  # frames


@dataclass(frozen=True)
class CutRow:
    """audio: as it lies on disk, absolute; rate, length: Hz and seconds of that file; start: within it, in seconds."""

    id: str
    audio: Path
    recording: str
    rate: int
    length: float
    start: float
    duration: float
    channel: int
    channels: int
    text: str
    language: str | None
    speaker: str | None
    custom: dict[str, Any]

    @property
    def whole(self) -> bool:
        return self.start == 0 and abs(self.duration - self.length) < 0.001


def cut_rows(path: Path) -> Iterator[CutRow]:
    """Every cut of data/<set>/<split>.jsonl.gz. Raises RunError for one that is no plain stretch of a file."""
    for cut in read_jsonl_gz(path):
        recording = cut["recording"]
        [source] = recording["sources"]
        supervision = cut["supervisions"][0]
        resampled = [each["kwargs"]["source_sampling_rate"] for each in recording.get("transforms") or ()]
        if source["type"] != "file":
            raise RunError(f"{path}: {cut['id']}: its audio is no file")
        custom = supervision.get("custom") or {}
        yield CutRow(
            cut["id"],
            Path(os.path.abspath(source["source"])),
            recording["id"],
            resampled[0] if resampled else recording["sampling_rate"],
            recording["duration"],
            cut["start"],
            cut["duration"],
            cut.get("channel", 0),
            len(source["channels"]),
            supervision["text"],
            supervision.get("language"),
            supervision.get("speaker"),
            {key: custom[key] for key in KEPT if custom.get(key)},
        )


def copy_audio(row: CutRow, path: Path) -> Path:
    """The cut alone as 16 bit WAV at its own rate. Raises RunError where its audio cannot be read."""
    import numpy as np
    import soundfile

    first, count = round(row.start * row.rate), round(row.duration * row.rate)
    try:
        with soundfile.SoundFile(str(row.audio)) as sound:
            sound.seek(first)
            samples = sound.read(count, dtype="float32", always_2d=True)[:, row.channel]
    except (soundfile.LibsndfileError, OSError) as error:
        raise RunError(f"{row.id}: {row.audio} cannot be read ({error}); run stage 2 again") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, np.ascontiguousarray(samples), row.rate)
    return path


def safe(name: str, plus: str = "") -> str:
    """A name for a file or a token of a table, unlike any other's: letters, digits, . _ and `plus`; changed ones are marked."""
    from cyasr.data.seen import hash64

    plain = re.sub(rf"[^\w.{re.escape(plus)}]", "_", name)
    return plain if plain == name and len(name) <= 150 else f"{plain[:80]}_{hash64(name) & 0xFFFFFF:06x}"
