"""Greek Podcast Corpus: podcasts with labels by Whisper large-v3 through WhisperX. Silver: to train on, never to test on.

Had from its authors on request; its layout is not published. Read here is what WhisperX writes: for each episode a .json with
`segments` of start, end, text and `words` (word, start, end, score), of the same name as the audio, beside it or anywhere
else below the folder. The topmost folder that the audio lies in, if it does, is taken for the domain (the corpus has 16).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.data.timed import encodable, seconds, train_only
from cyasr.data.walk import files

GET = (
    "Greek Podcast Corpus (arXiv 2406.15284): ask its authors (ILSP, Athena RC); give the folder with audio and WhisperX's .json"
)
AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
AUDIO_FOLDERS = ("audio", "audios", "wav", "wavs", "data", "clips")  # say nothing of the domain


@dataclass
class Options:
    """conf.options. min_score: of WhisperX's alignment, mean over a segment's words; where there is none it counts as 1."""

    min_score: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError("min_score: between 0 and 1")


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """One Utterance a segment, episode by episode."""
    options = confs.build(conf.options, Options, Path("options"))
    train_only(conf, "the Greek Podcast Corpus")
    episodes: dict[str, list[Path]] = {}
    for path in find(corpus_dir, AUDIO):
        episodes.setdefault(path.stem, []).append(path)
    transcripts = find(corpus_dir, (".json",))
    if not transcripts:
        raise UsageError(f"{corpus_dir} holds no .json. {GET}")
    for path in transcripts:
        audio = audio_of(path, episodes.get(path.stem, []))
        if isinstance(audio, str):
            yield Reject(path.stem, str(path), audio)
        else:
            yield from read_episode(path, audio, corpus_dir, options)
    named = {path.stem for path in transcripts}
    unnamed = [path for stem, paths in episodes.items() if stem not in named for path in paths]
    yield from (Reject(path.stem, str(path), "audio without transcript") for path in unnamed)


def find(corpus_dir: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files with one of `endings` below `corpus_dir`, in order. One an episode: thousands, not millions."""
    return [path for path in files(corpus_dir) if path.name.lower().endswith(endings)]


def audio_of(transcript: Path, same: list[Path]) -> Path | str:
    """The episode of a transcript: of the files `same` with its name the one beside it, or the only one; else what is wrong."""
    beside = [path for path in same if path.parent == transcript.parent]
    if len(beside or same) == 1:
        return (beside or same)[0]
    return "transcript without audio" if not same else f"transcript with several audio files: {', '.join(map(str, same))}"


def read_episode(path: Path, audio: Path, corpus_dir: Path, options: Options) -> Iterator[Utterance | Reject]:
    try:
        content = json.loads(path.read_bytes())
        segments = content["segments"] if isinstance(content, dict) else content
        language = content.get("language") if isinstance(content, dict) else None
        if not isinstance(segments, list) or not all(isinstance(segment, dict) for segment in segments):
            raise ValueError
    except (ValueError, KeyError, RecursionError):
        yield Reject(path.stem, str(path), "no transcript of WhisperX: expected a list of `segments`")
        return
    folders = [part for part in audio.relative_to(corpus_dir).parts[:-1] if part.lower() not in AUDIO_FOLDERS]
    taken = sorted(enumerate(segments), key=lambda pair: seconds(str(pair[1].get("start"))) or 0.0)
    for number, segment in taken:
        name, where = f"{path.stem}_{number:05}", f"{path}: segment {number}"
        start, end = seconds(str(segment.get("start"))), seconds(str(segment.get("end")))
        score = mean_score(segment)
        if start is None or end is None or start >= end:
            yield Reject(name, where, f"no valid times: {segment.get('start')} to {segment.get('end')}")
        elif score < options.min_score:
            yield Reject(name, where, f"low alignment score: {score:.3f}, min_score is {options.min_score:g}")
        else:
            yield Utterance(
                id=name,
                audio=audio,
                text=encodable(str(segment.get("text") or "")).strip(),
                speaker=encodable(f"{path.stem}_{segment['speaker']}") if segment.get("speaker") else None,
                where=where,
                start=start,
                end=end,
                split="train",
                language=language if isinstance(language, str) and language else None,
                domain=folders[0] if folders else None,
            )


def mean_score(segment: dict[str, Any]) -> float:
    words = segment.get("words")
    scores = [word.get("score") for word in words if isinstance(word, dict)] if isinstance(words, list) else []
    known = [float(score) for score in scores if isinstance(score, int | float)]
    return sum(known) / len(known) if known else 1.0


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
