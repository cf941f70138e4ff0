"""Utterances into rows of Lhotse's recording and supervision manifests, checked on the way.

The rows are written as the JSON that Lhotse reads (RecordingSet, SupervisionSet), without importing it: an
adapter over a million files should not wait for torch.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cyasr.data.audiofile import AudioError, Header
from cyasr.data.conf import SPLITS, DataConf
from cyasr.data.mend import Opened
from cyasr.data.seen import Seen
from cyasr.data.utterance import Reject, Utterance

MANIFESTS = ("recordings", "supervisions", "text")  # of stage 1, each <name>.jsonl.gz
TOLD_SECONDS, TOLD_SHARE = 1.0, 0.05  # by how much a corpus's table may be wrong about a file's length
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # in an id
encode = json.JSONEncoder(ensure_ascii=False).encode
UNKNOWN = "-"  # key of summary.json for utterances without speaker or split


class Checker:
    """Turns each Utterance into its manifest rows or a Reject; keeps ids, file names and hours per speaker."""

    def __init__(self, conf: DataConf) -> None:
        self.conf = conf
        self.ids = Seen()
        self.files = Seen()
        self.hours = 0.0
        self.recordings = 0
        self.texts = 0  # utterances without audio
        self.seconds: dict[str, dict[str, list[float]]] = {}  # speaker -> split -> [utterances, seconds]
        self._audio = ""  # the file of the utterance before, and what is known of it
        self._opened = Opened(AudioError(""), "")
        self._recording_id = ""
        self._recording_ids = Seen()
        self._written = False

    def check(self, utterance: Utterance, audio: Opened | None) -> list[tuple[str, str]] | Reject:
        """Which of MANIFESTS gets which JSON row for it: a supervision, and a recording unless the one before goes on;
        or a text; or the Reject. audio: of the utterance, if it has any."""
        try:
            return self._check(utterance, audio)
        except AudioError as error:
            where = " ".join(filter(None, [str(utterance.audio), utterance.where and f"({utterance.where})"]))
            return Reject(utterance.id, where, str(error))

    def unnamed(self, audio: Iterable[Path]) -> Iterator[Reject]:
        """Rejects for those files of `audio` that no utterance named; to be asked after all utterances."""
        for path in sorted(audio):
            if str(path) not in self.files:
                yield Reject(path.stem, str(path), "audio without transcript")

    def summary(self) -> dict[str, Any]:
        """What stage 2 plans splits from: per speaker and split, utterances and seconds."""
        speakers = {
            speaker: {split: [count, round(seconds, 3)] for split, (count, seconds) in sorted(splits.items())}
            for speaker, splits in sorted(self.seconds.items())
        }
        return {
            "utterances": len(self.ids) - self.texts,
            "recordings": self.recordings,
            "texts": self.texts,
            "hours": round(self.hours, 4),
            "speakers": speakers,
        }

    def _check(self, utterance: Utterance, opened: Opened | None) -> list[tuple[str, str]] | Reject:
        audio = str(utterance.audio or "")
        where = utterance.where or audio
        new_file = audio != self._audio
        if new_file and opened and self.files.add(audio):
            # whatever becomes of this utterance, others of the file may be good
            self._audio, self._opened, self._written = audio, opened, False
            new_file = False
        if fault := _unwritable(utterance):
            return Reject(utterance.id, where, fault)
        if not utterance.id.strip():
            return Reject(utterance.id, where, "no id")
        if utterance.id in self.ids:
            return Reject(utterance.id, where, "duplicate id")
        if not utterance.text.strip() and (utterance.audio is None or (utterance.label or self.conf.label) != "none"):
            return Reject(utterance.id, where, "empty transcript")
        if utterance.split not in (None, *SPLITS):
            return Reject(utterance.id, where, f"unknown split: {utterance.split!r} is none of {', '.join(SPLITS)}")
        if opened is None:
            self.ids.add(utterance.id)
            self.texts += 1
            return [("text", self._text(utterance))]
        if new_file:
            return Reject(utterance.id, where, f"audio listed twice: {audio}")
        header = self._opened.header
        if isinstance(header, AudioError):
            raise header
        if utterance.end is None and self._written:
            return Reject(utterance.id, where, f"audio listed twice: {audio}")
        length, told = header.frames / header.rate, utterance.seconds
        if told is not None and abs(length - told) > max(TOLD_SECONDS, TOLD_SHARE * told):
            raise AudioError(f"wrong duration: {length:.2f} s of audio, {told:.2f} s by the corpus's own table")
        end = length if utterance.end is None else utterance.end
        if not 0 <= utterance.start < end or end > length + 0.5 / header.rate:
            return Reject(utterance.id, where, f"outside its audio: {utterance.start:g} to {end:g} s of {length:g} s")
        if not 0 <= utterance.channel < header.channels:
            return Reject(utterance.id, where, f"no such channel: {utterance.channel} of {header.channels}")
        self.ids.add(utterance.id)
        self._count(utterance, end - utterance.start)
        rows = [] if self._written else [("recordings", self._recording(utterance, header))]
        self.recordings += not self._written
        self._written = True
        return [*rows, ("supervisions", self._supervision(utterance, end, header.glance if rows else ""))]

    def _count(self, utterance: Utterance, seconds: float) -> None:
        splits = self.seconds.setdefault(utterance.speaker or UNKNOWN, {})
        total = splits.setdefault(utterance.split or UNKNOWN, [0, 0.0])
        total[0] += 1
        total[1] += seconds
        self.hours += seconds / 3600

    def _recording(self, utterance: Utterance, header: Header) -> str:
        whole = utterance.start == 0 and utterance.end is None
        self._recording_id = utterance.id if whole else os.path.splitext(self._audio)[0].replace("/", ".")
        while not self._recording_ids.add(self._recording_id):  # a/b.wav, a.b.wav and a.b.flac are not the same
            self._recording_id += "_"
        channels = list(range(header.channels))
        return _json(
            {
                "id": self._recording_id,
                "sources": [{"type": "file", "channels": channels, "source": self._opened.source}],
                "sampling_rate": header.rate,
                "num_samples": header.frames,
                "duration": header.frames / header.rate,
                "channel_ids": channels,
            }
        )

    def _supervision(self, utterance: Utterance, end: float, glance: str) -> str:
        custom = self._custom(utterance)
        if glance:
            custom["glance"] = glance
        return _json(
            {
                "id": utterance.id,
                "recording_id": self._recording_id,
                "start": utterance.start,
                "duration": round(end - utterance.start, 8),
                "channel": utterance.channel,
                "text": utterance.text,
                "language": utterance.language or self.conf.language,
                "speaker": utterance.speaker,
                "custom": custom,
            }
        )

    def _text(self, utterance: Utterance) -> str:
        """A row that is read like a cut: text without audio."""
        supervision = {
            "id": utterance.id,
            "text": utterance.text,
            "language": utterance.language or self.conf.language,
            "speaker": utterance.speaker,
            "custom": self._custom(utterance),
        }
        return _json({"id": utterance.id, "supervisions": [_present(supervision)]})

    def _custom(self, utterance: Utterance) -> dict[str, Any]:
        conf = self.conf
        return _present(
            {
                "corpus": conf.corpus,
                "licence": utterance.licence or conf.licence,
                "dialect": utterance.dialect or conf.dialect,
                "split": utterance.split,
                "label": utterance.label or conf.label,
                "domain": utterance.domain,
                "prompt": utterance.prompt,
                "gender": utterance.gender,
                "age": utterance.age,
                "tags": list(utterance.tags) or None,
                "translation": utterance.translation,
                "sources": list(utterance.sources) or None,
                "where": utterance.where or None,
            }
        )


def _unwritable(utterance: Utterance) -> str | None:
    """Why an utterance cannot stand in a file of UTF-8, or its id in a table, or None."""
    if UNFIT.search(utterance.id):
        return "an id with control characters"
    texts = [value for value in vars(utterance).values() if value.__class__ is str]
    try:
        "".join(texts).encode()
        if utterance.tags or utterance.sources or utterance.translation:
            pairs = (utterance.translation or {}).items()
            "".join([*utterance.tags, *utterance.sources, *(text for pair in pairs for text in pair)]).encode()
        str(utterance.audio).encode()
    except UnicodeEncodeError as error:
        return f"no Unicode: {error.object[max(0, error.start - 20) : error.start + 20]!r}, in a text or a file's name"
    return None


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}


def _json(row: dict[str, Any]) -> str:
    return encode(_present(row)) + "\n"
