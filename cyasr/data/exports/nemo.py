"""A NeMo manifest: <split>_manifest.json, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from cyasr.data.exports.cut_rows import CutRow, copy_audio, safe
from cyasr.files import replacing


def write(split: str, cuts: Iterable[CutRow], folder: Path, copy: bool) -> int:
    """Returns how many rows. copy: audio into `folder`/wav/<split>, named relative to the manifest."""
    count = 0
    with replacing(folder / f"{split}_manifest.json") as temporary, open(temporary, "w", encoding="utf-8") as out:
        for row in cuts:
            if copy:
                audio = copy_audio(row, folder / "wav" / split / f"{safe(row.id, '-')}.wav").relative_to(folder)
                where = {"audio_filepath": str(audio), "duration": round(row.duration, 4)}
            else:
                where = {"audio_filepath": str(row.audio), "duration": round(row.duration, 4)}
                where |= {} if row.whole else {"offset": round(row.start, 4)}
            said = {"text": row.text, "lang": row.language, "speaker": row.speaker, "id": row.id} | row.custom
            out.write(
                json.dumps(where | {key: value for key, value in said.items() if value is not None}, ensure_ascii=False) + "\n"
            )
            count += 1
    return count
