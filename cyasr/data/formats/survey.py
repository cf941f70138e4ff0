"""What a folder holds, told by reading it as stage 1 will: from that a data conf is proposed, with the reasons."""

from __future__ import annotations

import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from cyasr.cli import UsageError
from cyasr.data import formats
from cyasr.data.audiofile import AudioError, read_header
from cyasr.data.conf import SPLITS, DataConf
from cyasr.data.utterance import Reject

READ = 200_000  # utterances and rejects that are asked at most
OPENED = 40  # audio files whose length is asked
PROBED = 2_000  # of a format that has to write its audio first
CODE_PAGES = ("cp1253", "iso8859-7")  # of Greek before Unicode
MANY = 0.02  # share of rejects from which a kind is worth a word


@dataclass
class Survey:
    """Counts over the first READ items of a corpus."""

    utterances: int = 0
    complete: bool = True  # all of it was read
    with_text: int = 0
    parts: int = 0  # utterances that are a part of their file
    speakers: set[str] = field(default_factory=set)
    unnamed: int = 0  # utterances without speaker
    splits: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)  # by script
    rejects: Counter[str] = field(default_factory=Counter)
    first: dict[str, Reject] = field(default_factory=dict)  # of each kind of reject
    seconds: list[float] = field(default_factory=list)  # of a few whole files

    @property
    def share_long(self) -> float:
        return sum(length > DataConf.max_seconds for length in self.seconds) / max(1, len(self.seconds))


def survey(corpus_dir: Path, found: formats.Found, language: str = "und", label: str = "gold") -> Survey:
    """Read `corpus_dir` as stage 1 would, without keeping anything."""
    conf = DataConf(corpus="x", licence="x", language=language, format=found.format, options=found.options)
    conf.label = label  # type: ignore[assignment]  # whether a split can be scored does not matter here
    result = Survey(splits=Counter(found.splits))
    limit = PROBED if found.format == "hf" else READ
    with tempfile.TemporaryDirectory(prefix="cyasr-look-") as raw:
        items = formats.prepare(corpus_dir, Path(raw), conf)
        for item in islice(items, limit):
            if isinstance(item, Reject):
                kind = item.reason.partition(":")[0]
                result.rejects[kind] += 1
                result.first.setdefault(kind, item)
                continue
            result.utterances += 1
            result.with_text += bool(item.text.strip())
            whole = item.start == 0 and item.end is None
            result.parts += not whole
            result.unnamed += not item.speaker
            result.speakers |= {item.speaker} if item.speaker else set()
            result.splits[item.split or "-"] += 1
            result.languages |= {item.language: 1} if item.language else {}
            if result.with_text <= 1000:
                result.letters.update(filter(None, map(_script, item.text)))
            if whole and item.audio and len(result.seconds) < OPENED and item.end is None:
                _measure(item.audio, result)
        result.complete = next(items, None) is None
    return result


def survey_encoded(corpus_dir: Path, found: formats.Found, language: str) -> Survey:
    """As `survey`; where texts are not UTF-8, `found.options` gets the Greek code page that reads them."""
    plain = survey(corpus_dir, found, language)
    if not any(kind.startswith("not UTF-8") for kind in plain.rejects):
        return plain
    tries = {}
    for encoding in CODE_PAGES:
        options = found.options | {"encoding": encoding}
        tries[encoding] = survey(corpus_dir, replace(found, options=options), language)
    best = max(CODE_PAGES, key=lambda encoding: tries[encoding].letters["GREEK"])
    if tries[best].utterances <= plain.utterances or tries[best].letters["GREEK"] < tries[best].letters.total() / 2:
        return plain
    found.options["encoding"] = best
    found.lines.append(f"texts are not UTF-8; read as {best} they are Greek")
    return tries[best]


def _measure(audio: Path, result: Survey) -> None:
    try:
        header = read_header(audio)
        result.seconds.append(header.frames / header.rate)
    except (AudioError, OSError):
        return


def _script(char: str) -> str | None:
    """GREEK, LATIN, … of a letter."""
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else None


@dataclass
class Proposal:
    """Keys of the conf that depend on what was found, a comment on each, and lines for the terminal."""

    keys: dict[str, Any]
    comments: dict[str, str]
    lines: list[str]


def propose(found: formats.Found, seen: Survey, licence: str | None, language: str | None) -> Proposal:
    """Raises UsageError where the language is neither given nor plain from the letters."""
    keys: dict[str, Any] = {"corpus": "own", "format": found.format, "options": dict(found.options)}
    comments: dict[str, str] = {}
    lines = [*found.lines]
    keys["licence"] = licence or "unstated"
    if not licence:
        comments["licence"] = "say which; until then models made of it count as not to be published"
    keys["language"] = language or _language(seen)
    keys["dialect"] = {"el-CY": "cypriot", "el": "standard", "en": "english"}.get(keys["language"], "standard")
    keys["label"] = found.label if seen.with_text else "none"
    comments["label"] = "gold: a person wrote or checked the texts; silver: a machine did" if seen.with_text else "no texts"
    speakers = len(seen.speakers)
    lines.append(
        f"{seen.utterances}{'' if seen.complete else ' and more'} utterances, {seen.with_text} of them with text"
        + (f", {seen.parts} of them parts of longer files" if seen.parts else "")
        + (f", {speakers} speakers" if speakers else ", speakers unknown")
        + (f" and {seen.unnamed} utterances without one" if speakers and seen.unnamed else "")
    )
    if seen.seconds:
        lengths = f"{median(seen.seconds):.1f} s in the middle, {max(seen.seconds):.1f} s at most"
        lines.append(f"length of {len(seen.seconds)} of its files: {lengths}")
    for kind, count in seen.rejects.most_common():
        example = seen.first[kind]
        lines.append(f"{count} left out: {kind}, as {example.id or '-'} ({example.where})")
    total = seen.utterances + sum(seen.rejects.values())
    few = 0.5 if found.format == "folder" else 1.0  # a table may well name a part of a pool
    expected = [kind for kind in EXPECTED if MANY * total < seen.rejects[kind] < few * total]
    if expected:
        keys["expected"] = expected
    _split(keys, comments, lines, seen)
    _lengths(keys, comments, lines, seen)
    return Proposal(keys, comments, lines)


EXPECTED = ("audio without transcript", "transcript without audio")


def _language(seen: Survey) -> str:
    if len(seen.languages) == 1:
        return next(iter(seen.languages))
    letters = seen.letters.most_common(1)
    if letters and letters[0][0] == "GREEK":
        return "el"
    script = f"; its letters are {letters[0][0].capitalize()}" if letters else ""
    raise UsageError(f"--language is needed, as --language el-CY{script}")


def _split(keys: dict[str, Any], comments: dict[str, str], lines: list[str], seen: Survey) -> None:
    """Own splits are taken as they are; else speakers are divided; else files are drawn."""
    own = set(SPLITS) & seen.splits.keys()
    speakers = len(seen.speakers)
    if keys["label"] == "none":
        keys["split"] = "train"
        comments["split"] = "all of it: without texts nothing can be scored"
    elif own == set(SPLITS):
        keys["split"] = "official"
        comments["split"] = "the corpus's own; what its splits share is reported"
    elif "train" in own and len(own) == 2:
        missing = ({"dev", "test"} - own).pop()
        keys["split"] = "official"
        keys["options"]["draw"] = {missing: 0.1}
        comments["split"] = f"the corpus's own; it has no {missing}, which is drawn from train (options: draw)"
    elif speakers >= 3 and seen.unnamed <= MANY * seen.utterances:
        keys["split"] = "speakers"
        comments["split"] = "drawn so that no speaker is in two splits"
    else:
        keys["options"]["draw"] = {"dev": 0.1, "test": 0.1}
        keys["split"] = "files"
        known = f"{speakers} known speaker{'s' * (speakers > 1)}" if speakers else "no speakers are known"
        comments["split"] = f"drawn by file (options: draw): {known}, so scores say nothing of new voices"
    lines.append(f"split: {comments['split']}")


def _lengths(keys: dict[str, Any], comments: dict[str, str], lines: list[str], seen: Survey) -> None:
    if keys["label"] == "none":
        keys["segment"] = {"max_seconds": 30.0}
        keys["expected"] = ["no speech", *keys.get("expected", ())]
        comments["segment"] = "speech is found by its sound (Silero) and cut at pauses"
    elif seen.share_long > 0.05:
        share = f"{100 * seen.share_long:.0f} % of the files are longer than {DataConf.max_seconds:g} s"
        comments["segment"] = f"{share}: with an aligner they are cut, without they are rejects"
        lines.append(f"{share}: name a trained system as `segment: aligner` in the conf to have them cut; else they are left out")
