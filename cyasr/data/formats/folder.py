"""Audio files with a transcript of the same name beside each: .txt, .lab, .srt, .vtt, .eaf, .TextGrid; or with none."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from cyasr import conf as confs
from cyasr.data.conf import DataConf
from cyasr.data.formats import Common, Found
from cyasr.data.formats.columns import split_of
from cyasr.data.formats.cues import Cue, Joining, apart, joined, usable
from cyasr.data.formats.locate import AUDIO, OTHER_AUDIO, walk
from cyasr.data.formats.texts import TextError
from cyasr.data.formats.transcripts import TEXTS, is_automatic, media_of, read_transcript
from cyasr.data.utterance import Reject, Utterance

ASKED = 20  # captions that are opened to see whether a machine wrote them
ABOUT = re.compile(r"(readme|licen[cs]e|copying|changes|changelog|about|info|md5|sha)[^a-z]", re.I)  # no transcripts
LANGUAGE = re.compile(r"(.+)\.([a-z]{2,3}(?:-[A-Za-z]{2,8})*)")  # video.el.srt


@dataclass
class Options(Common):
    """audio_dir and text_dir may be apart: wav/a.wav and txt/a.txt."""

    text_dir: str | None = None  # below the corpus dir; None: beside the audio
    transcripts: list[str] = field(default_factory=lambda: [*TEXTS])  # suffixes; where there are several: the first of these
    # folder: the first folder that is no split's name; none; tier: as ELAN or Praat's tiers are called; or a regular
    # expression over the path below audio_dir, without suffix, whose first group is the speaker: "([^/_]+)_"
    speaker: str = "folder"
    tiers: list[str] = field(default_factory=list)  # patterns of tiers that hold the transcript ("tx@*"); []: guessed
    cues: Joining | None = None  # each: an utterance a cue; joined: neighbours together; whole: the file's text as one, to
    # be aligned by `segment` in the conf. None: subtitles and words are joined, annotations stay as they are
    join_seconds: float = 15.0  # joined: at most
    gap: float = 1.0  # joined: a longer pause parts

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [suffix for suffix in self.transcripts if suffix.lower() not in TEXTS]:
            raise ValueError(f"transcripts: {unknown[0]!r} is none of {', '.join(TEXTS)}{confs.nearest(unknown[0], TEXTS)}")
        self.transcripts = [suffix.lower() for suffix in self.transcripts]
        if self.join_seconds <= 0 or self.gap < 0:
            raise ValueError("join_seconds must be above 0 and gap not below it")
        if self.speaker not in ("folder", "none", "tier"):
            try:
                groups = re.compile(self.speaker).groups
            except re.error as error:
                raise ValueError(f"speaker: no regular expression: {error}") from None
            if not groups:
                raise ValueError("speaker: folder, none, tier, or a regular expression with a (group)")


@dataclass(frozen=True)
class Item:
    """An audio file, its name below audio_dir without suffix, and the transcript found for it."""

    audio: Path
    name: str
    text: Path | None
    why: str = ""  # there is none


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    for item in items(corpus_dir, options, conf):
        yield from [item] if isinstance(item, Reject) else _utterances(item, options, conf)


def items(corpus_dir: Path, options: Options, conf: DataConf) -> Iterator[Item | Reject]:
    """Every audio file, with its transcript; a reject for each transcript without audio, and for audio twice."""
    root = corpus_dir / (options.audio_dir or "")
    texts_root = corpus_dir / (options.text_dir or options.audio_dir or "")
    wanted = conf.language.split("-")[0].lower()
    for folder, names in walk(root):
        audio: dict[str, Path] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in OTHER_AUDIO:
                yield Reject(stem, str(folder / name), f"unreadable audio: {suffix} files have to be converted, as with ffmpeg")
            elif suffix.lower() in AUDIO and stem in audio:
                yield Reject(stem, str(folder / name), f"audio twice: {audio[stem].name} has the same name")
            elif suffix.lower() in AUDIO:
                audio[stem] = folder / name
        beside = names
        text_folder = folder
        if options.text_dir:
            text_folder = texts_root / folder.relative_to(root)
            beside = sorted(os.listdir(text_folder)) if text_folder.is_dir() else []
        texts, orphans = _matched(text_folder, beside, audio, options)
        yield from (Reject(text.stem, str(text), "transcript without audio") for text in orphans)
        for stem, path in audio.items():
            name = str((folder / stem).relative_to(root))
            chosen, why = _chosen(texts.get(stem, []), options, wanted)
            yield Item(path, name, chosen, why)
    for folder, names in walk(texts_root) if options.text_dir else ():
        if not (root / folder.relative_to(texts_root)).is_dir():
            orphans = _matched(folder, names, {}, options)[1]
            yield from (Reject(text.stem, str(text), "transcript without audio") for text in orphans)


def _matched(
    folder: Path, names: list[str], audio: dict[str, Path], options: Options
) -> tuple[dict[str, list[Path]], list[Path]]:
    """(audio's stem -> its transcripts; transcripts of no audio). ELAN names its recordings inside, too."""
    by_stem: dict[str, list[Path]] = {}
    orphans = []
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in options.transcripts or name.startswith(".") or ABOUT.match(name):
            continue
        language = LANGUAGE.fullmatch(stem)
        owners = (stem, os.path.splitext(stem)[0] if os.path.splitext(stem)[1].lower() in AUDIO else "", language and language[1])
        path = folder / name
        owner = next((owner for owner in owners if owner and owner in audio), None)
        if owner is None and suffix.lower() == ".eaf":
            owner = next((name for name in media_of(path, options.encoding) if name in audio), None)
        if owner is None:
            orphans.append(path)
        else:
            by_stem.setdefault(owner, []).append(path)
    return by_stem, orphans


def _chosen(texts: list[Path], options: Options, language: str) -> tuple[Path | None, str]:
    """The transcript to take, or why there is none: the right language before the right kind."""
    spoken = {path: (match[2].lower() if (match := LANGUAGE.fullmatch(path.stem)) else "") for path in texts}
    own = [path for path in texts if language == "und" or not spoken[path] or spoken[path].split("-")[0] == language]
    if not own:
        others = ", ".join(sorted(set(spoken.values())))
        return None, f"audio without transcript{f': there are subtitles in {others} only' if others else ''}"
    return min(own, key=lambda path: (options.transcripts.index(path.suffix.lower()), len(path.name))), ""


def _utterances(item: Item, options: Options, conf: DataConf) -> Iterator[Utterance | Reject]:
    split, speaker = _place(item.name, options)
    identity = re.sub(r"\s+", "_", item.name.replace("/", "-"))

    def utterance(name: str, text: str, where: str, cue: Cue | None = None) -> Utterance:
        tier = _safe(cue.speaker) if cue and cue.speaker else None
        return Utterance(
            name,
            item.audio,
            text,
            tier or speaker,
            where,
            start=cue.start if cue else 0.0,
            end=cue.end if cue else None,
            split=split,
        )

    if item.text is None:
        yield utterance(identity, "", "") if conf.label == "none" else Reject(identity, str(item.audio), item.why)
        return
    try:
        transcript = read_transcript(item.text, options.tiers, options.speaker == "tier", options.encoding)
    except TextError as error:
        yield Reject(identity, str(item.text), str(error))
        return
    if transcript.cues is None:
        yield utterance(identity, transcript.text, str(item.text))
        return
    kept, rejected = usable(transcript.cues)
    for cue, reason in rejected:
        yield Reject(f"{identity}-{cue.line}", f"{item.text}:{cue.line}", reason)
    if not kept:
        yield Reject(identity, str(item.text), "empty transcript: nothing is said in it")
        return
    if options.cues == "whole":
        yield utterance(identity, " ".join(cue.text for cue in kept), str(item.text))
        return
    if speaker and len({cue.speaker for cue in kept}) == 1:
        kept = [replace(cue, speaker=None) for cue in kept]  # the folder names the one who speaks
    for cue in _spans(kept, options.cues == "joined" or (options.cues is None and transcript.short), options):
        name = f"{identity}-{round(cue.start * 100):07}-{round(cue.end * 100):07}"
        yield utterance(f"{name}-{_safe(cue.speaker)}" if cue.speaker else name, cue.text, f"{item.text}:{cue.line}", cue)


def _spans(cues: list[Cue], is_joined: bool, options: Options) -> Iterable[Cue]:
    """Cues speaker by speaker, so that two who speak at once do not break each other's sentences."""
    for speaker in sorted({cue.speaker or "" for cue in cues}):
        own = apart([cue for cue in cues if (cue.speaker or "") == speaker])
        yield from joined(own, options.join_seconds, options.gap) if is_joined else own


def _place(name: str, options: Options) -> tuple[str | None, str | None]:
    """(split, speaker) by the folders of a path below audio_dir."""
    folders = name.split("/")[:-1]
    split = next(filter(None, (split_of(folder) for folder in folders[:1])), None)
    rest = folders[1:] if split else folders
    if options.speaker == "folder":
        return split, rest[0] if rest else None
    if options.speaker in ("none", "tier"):
        return split, None
    match = re.search(options.speaker, name)
    return split, match[1] if match else None


def _safe(name: str | None) -> str:
    return re.sub(r"\s+", "_", (name or "").strip())


def look(corpus_dir: Path) -> Found | None:
    audio: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    audio_tops: Counter[str] = Counter()
    text_tops: Counter[str] = Counter()
    deepest: Counter[str] = Counter()
    machine = 0
    for folder, names in walk(corpus_dir):
        relative = folder.relative_to(corpus_dir)
        top = relative.parts[0] if relative.parts else ""
        for name in names:
            suffix = os.path.splitext(name)[1].lower()
            if suffix in AUDIO + OTHER_AUDIO:
                audio[suffix] += 1
                audio_tops[top] += 1
                deepest[str(relative)] += 1
            elif suffix in TEXTS:
                texts[suffix] += 1
                machine += suffix == ".vtt" and texts[suffix] <= ASKED and is_automatic(folder / name)
                text_tops[top] += 1
    if not audio:
        return None
    found = Found("folder", lines=[f"audio files: {_counted(audio)}; transcripts: {_counted(texts) or 'none'}"])
    if machine > min(texts[".vtt"], ASKED) / 2 and texts.most_common(1)[0][0] == ".vtt":
        found.label = "silver"
        found.lines.append("the .vtt files are automatic captions, as YouTube's: label silver")
    if len(audio_tops) == 1 and next(iter(audio_tops)) and not split_of(next(iter(audio_tops))):
        found.options["audio_dir"] = next(iter(audio_tops))
        others = [top for top in text_tops if top not in audio_tops]
        if len(others) == 1 and texts and not text_tops.keys() & audio_tops.keys():
            found.options["text_dir"] = others[0]
    below = {_place(f"{relative}/x" if relative != "." else "x", Options())[1] for relative in _below(deepest, found.options)}
    found.options["speaker"] = "folder" if len(below - {None}) > 1 else "none"
    if found.options["speaker"] == "folder":
        found.lines.append(
            f"speakers: taken from the {len(below - {None})} folders ({', '.join(sorted(filter(None, below))[:3])}, …)"
        )
    return found


def _below(folders: Iterable[str], options: dict[str, str]) -> list[str]:
    start = options.get("audio_dir")
    return [os.path.relpath(folder, start) if start else folder for folder in folders]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
