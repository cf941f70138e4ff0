"""One file's transcript, of whatever kind: a text for the whole recording, or timed cues."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from cyasr.data.formats.cues import Cue
from cyasr.data.formats.elan import read_eaf
from cyasr.data.formats.subtitles import is_labels, read_labels, read_srt, read_vtt
from cyasr.data.formats.textgrid import read_textgrid
from cyasr.data.formats.texts import TextError, read_text

TEXTS = (".eaf", ".textgrid", ".srt", ".vtt", ".txt", ".lab")  # where there are several: the first, times before none
WORDS = ("words", "word")  # tiers with a word an interval
NO_TRANSCRIPT = (*WORDS, "phones", "phone", "phonemes", "segments", "syllables", "notes", "note", "comments", "comment")
SILENCES = ("sil", "sp", "spn", "pau", "<sil>", "<p:>", "<eps>", "<unk>", "#", "silence")  # labels of aligners


WORD_TIME = re.compile(r"<\d\d:\d\d:\d\d\.\d{3}><c")


@dataclass(frozen=True)
class Transcript:
    """cues: None where `text` is all there is. short: they are parts of utterances, lines or words."""

    text: str = ""
    cues: list[Cue] | None = None
    short: bool = False


def read_transcript(path: Path, tiers: list[str], named: bool = False, encoding: str | None = None) -> Transcript:
    """tiers: patterns of those to take; []: guessed. named: a tier's name is its speaker's, also where it stands alone.

    Raises TextError.
    """
    text = read_text(path, encoding)
    match path.suffix.lower():
        case ".srt":
            return Transcript(cues=read_srt(text), short=True)
        case ".vtt":
            return Transcript(cues=read_vtt(text), short=True)
        case ".eaf":
            found = read_eaf(text).tiers
            top = {name: tier.cues for name, tier in found.items() if tiers or not tier.parent}
            return _of_tiers(top, {name: tier.participant for name, tier in found.items()}, tiers, named)
        case ".textgrid":
            return _of_tiers(read_textgrid(text), {}, tiers, named)
        case ".txt" if is_labels(text):
            return Transcript(cues=read_labels(text))
    return Transcript(" ".join(text.split()))


def media_of(path: Path, encoding: str | None = None) -> list[str]:
    """Names, without suffix, of the recordings that an ELAN document speaks of."""
    try:
        return [os.path.splitext(name)[0] for name in read_eaf(read_text(path, encoding)).media]
    except TextError:
        return []


def is_automatic(path: Path) -> bool:
    """Whether WebVTT has the times of single words inside its lines, as automatic captions have and nobody types."""
    try:
        text = read_text(path)
    except TextError:
        return False
    return len(WORD_TIME.findall(text)) > text.count("-->") / 2


def _of_tiers(tiers: dict[str, list[Cue]], participants: dict[str, str | None], patterns: list[str], named: bool) -> Transcript:
    """The tiers that hold what is said, each with its speaker. Raises TextError where none does."""
    full = [name for name in tiers if tiers[name]]
    if patterns:
        chosen = [name for name in full if any(fnmatchcase(name, pattern) for pattern in patterns)]
    else:
        chosen = [name for name in full if _kind(name) not in NO_TRANSCRIPT]
    words = [] if chosen or patterns else [name for name in full if _kind(name) in WORDS]
    if not chosen and not words:
        wanted = ", ".join(patterns) or "with a transcript"
        raise TextError(f"no such tier: {wanted}; there are {', '.join(full) or 'none with anything in it'}")
    cues = []
    for name in chosen or words:
        own = participants.get(name) or name.partition("@")[2] or (name.partition(" - ")[0] if " - " in name else "")
        speaker = own or (name if named or len(chosen or words) > 1 else None)
        cues += [replace(cue, speaker=speaker) for cue in tiers[name] if cue.text.lower() not in SILENCES]
    return Transcript(cues=cues, short=bool(words))


def _kind(tier: str) -> str:
    """words of `words`, `anna - words` (as the Montreal aligner names them) and `words@anna`."""
    return tier.rpartition(" - ")[2].partition("@")[0].strip().lower()
