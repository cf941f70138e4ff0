"""What an adapter yields: an utterance, or what of the corpus is left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Utterance:
    """A stretch of audio and what is said in it. What is None is the conf's, or unknown.

    audio: path as the adapter reaches it, below `corpus_dir` or `raw`; None: text alone, for language models.
    text: may be empty where `label` is "none".
    start, end: seconds within the audio file (end None: to its end); the utterances of one file come in a row.
    seconds: length of the audio file by the corpus's own tables, believed where it is not decoded.
    split: the corpus's own train/dev/test. sources: ids of the audio it was put together from, if from any.
    translation: of the text, language -> text. tags: the corpus's own remarks on quality.
    where: "file:line" of the transcript, for messages.
    """

    id: str
    audio: Path | None
    text: str
    speaker: str | None = None
    where: str = ""
    start: float = 0.0
    end: float | None = None
    seconds: float | None = None
    channel: int = 0
    split: str | None = None
    dialect: str | None = None
    language: str | None = None
    licence: str | None = None
    label: str | None = None
    domain: str | None = None
    prompt: str | None = None
    gender: str | None = None
    age: str | None = None
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    translation: dict[str, str] | None = None


@dataclass(frozen=True)
class Reject:
    """Something of the corpus that is left out: a row of rejects.tsv."""

    id: str
    where: str
    reason: str
