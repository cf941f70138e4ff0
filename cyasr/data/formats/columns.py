"""What the columns of other people's tables mean: usual names, splits, times."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

ROLES = {  # of an Utterance; the first name that a table has is taken
    "audio": "audio_filepath audio_path audio_file audiofile audio file_name filename file filepath file_path path wav wav_path"
    " wav_file wav_filename clip clip_name clip_path sound recording mp3",
    "text": "text sentence transcript transcription transcript_text normalized_text normalised_text raw_transcription"
    " raw_text words target label utterance",
    "id": "id utt_id uttid utterance_id utt segment_id clip_id audio_id key",
    "speaker": "speaker_id speaker spk_id spk client_id reader_id reader speaker_name participant_id participant",
    "start": "start start_time begin begin_time offset onset start_seconds tmin",
    "end": "end end_time stop stop_time end_seconds tmax",
    "duration": "duration dur seconds length_seconds audio_duration",
    "split": "split subset partition set",
    "language": "language lang locale source_lang",
    "dialect": "dialect variety",
    "licence": "licence license",
    "gender": "gender sex",
    "age": "age age_group",
    "prompt": "prompt prompt_id sentence_id",
    "domain": "domain topic category genre",
    "channel": "channel",
}
SPLIT = {
    "train": "train training tr trn train_clean traintext nodev train_nodev",
    "dev": "dev development valid validation val cv devel train_dev",
    "test": "test testing eval evaluation tst tt",
}
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")


def guess(names: Iterable[str]) -> dict[str, str]:
    """role -> column, for columns with usual names in any capitals. One column gets one role."""
    by_name = {re.sub(r"[ -]+", "_", name.strip().lower()): name for name in names}
    roles: dict[str, str] = {}
    for role, usual in ROLES.items():
        column = next((by_name[name] for name in usual.split() if name in by_name), None)
        if column is not None and column not in roles.values():
            roles[role] = column
    return roles


def split_of(name: str, own: Mapping[str, str] | None = None) -> str | None:
    """train, dev or test that `name` (a cell, a file's stem, a folder) speaks of; None for another. own: further names."""
    if own and name in own:
        return own[name] if own[name] in SPLIT else None
    plain = re.sub(r"[ .-]+", "_", name.strip().lower())
    for split, usual in SPLIT.items():
        if plain in usual.split():
            return split
    parts = [part for part in re.split(r"_+|\d+", plain) if part]
    met = {split for split, usual in SPLIT.items() for part in parts if part in usual.split()[:5]}
    return met.pop() if len(met) == 1 else None


def seconds(value: str | float, unit: float = 1.0) -> float:
    """Seconds of a number (times `unit`) or of [h:]mm:ss.fff. Raises ValueError for what is no time."""
    if isinstance(value, str) and (clock := CLOCK.fullmatch(value.strip())):
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3].replace(",", "."))
    try:
        time = float(value.strip().replace(",", ".") if isinstance(value, str) else value) * unit
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"no time: {str(value)[:40]!r}") from None
    if not math.isfinite(time):
        raise ValueError(f"no time: {value!r}")
    return time
