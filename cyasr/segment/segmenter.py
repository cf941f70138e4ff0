"""A recording's supervisions as segments that a system can take: cut along an alignment, or by voice activity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import UsageError
from cyasr.data.conf import DataConf, SegmentConf
from cyasr.data.utterance import Reject
from cyasr.data.validate import reject

if TYPE_CHECKING:
    from cyasr.segment.aligner import Aligner
    from cyasr.segment.runs import Run
    from cyasr.segment.stream import Samples

LOW_CONFIDENCE = "low alignment confidence"
NOT_SPOKEN = "not spoken"
UNTRANSCRIBED = "untranscribed speech"
NO_SPEECH = "no speech"

Row = dict[str, Any]


class Segmenter:
    """conf: with `segment`. aligner: another one than it names.

    Raises UsageError where there is none; it is loaded at the first transcript that needs it.
    """

    def __init__(self, conf: DataConf, aligner: Aligner | None = None) -> None:
        self.conf = conf
        self.keys = conf.segment or SegmentConf()
        self.longest = min(self.keys.max_seconds, conf.max_seconds)
        self.aligner = aligner or self._named()

    def __call__(self, recording: Row, supervisions: Sequence[Row]) -> list[Row | Reject]:
        """Rows of Lhotse's manifests in place of `supervisions`, all of one `recording`, and what is left out of them.

        What has a transcript and is short enough stays as it is; without an aligner, so does what is too long. A
        segment's id is its supervision's with a number behind it; custom["alignment"] says what it is "of" and its
        "confidence", the geometric mean of its tokens' probabilities. Nothing of a transcript is lost: the texts of a
        supervision's segments and rejects are all of it. Without a transcript, segments are stretches of speech.
        """
        found: list[Row | Reject] = []
        for supervision in supervisions or [self._whole(recording)]:
            if not supervision.get("text", "").strip():
                found += self._by_speech(recording, supervision)
            elif self.aligner and supervision["duration"] > self.longest:
                found += self._by_transcript(recording, supervision)
            else:
                found.append(supervision)
        return found

    def _named(self) -> Aligner | None:
        from cyasr.segment.aligner import Aligner

        if not self.keys.aligner:
            return None
        model = Path(self.keys.aligner, "model.pt")
        if not model.exists():
            raise UsageError(f"segment: aligner: {model} does not exist; train it first, on the utterances that are short enough")
        return Aligner(model.parent)

    def _by_speech(self, recording: Row, supervision: Row) -> Iterator[Row | Reject]:
        from cyasr.segment import cutting, vad

        keys, start = self.keys, supervision["start"]
        probs = vad.speech_probs(_blocks(recording, supervision))
        stretches = vad.speech(probs, keys.vad_threshold, keys.min_silence)
        parts = [part for one in stretches for part in cutting.divided(one, probs, _unpadded(self.longest, keys.pad))]
        made = _Made(recording, supervision)
        if not parts:
            yield made.reject(NO_SPEECH)
        for part in cutting.padded(parts, keys.pad, 0.0, supervision["duration"]):
            yield made.row(start + part.start, start + part.end, "")

    def _by_transcript(self, recording: Row, supervision: Row) -> Iterator[Row | Reject]:
        from cyasr.segment.graph import LOOSE, Costs
        from cyasr.segment.runs import Extra, Run, by_sureness, in_order
        from cyasr.segment.transcript import sentences

        assert self.aligner
        written = sentences(supervision["text"], self.conf.profile)
        if not written:
            yield supervision  # its text says nothing: for the text's checks to tell
            return
        start = supervision["start"]
        written = [one.earlier(start) for one in written]
        costs = Costs() if supervision["custom"].get("label") == "gold" else LOOSE
        heard = self.aligner.align(written, _blocks(recording, supervision), costs)
        made = _Made(recording, supervision)
        for found in in_order(written, heard, supervision["duration"]):
            if isinstance(found, Run):
                for run in by_sureness(found, self.keys.min_confidence):
                    yield from self._segments(run, made)
            elif isinstance(found, Extra):
                yield made.reject(f"{UNTRANSCRIBED}: {found.end - found.start:.1f} s from {start + found.start:.2f} s on")
            else:
                yield made.reject(f"{NOT_SPOKEN}: {found.raw}")

    def _segments(self, run: Run, made: _Made) -> Iterator[Row | Reject]:
        """The run cut, each segment with its confidence; what is said unsurely is no use in training."""
        from cyasr.segment import cutting
        from cyasr.segment.runs import confidence
        from cyasr.segment.vad import Stretch

        start = made.supervision["start"]
        cuts = cutting.pack(run.spans, _unpadded(self.longest, self.keys.pad))
        stretches = [Stretch(run.spans[first].start, run.spans[stop - 1].end) for first, stop in cuts]
        padded = cutting.padded(stretches, self.keys.pad, run.after, run.before)
        for (first, stop), part in zip(cuts, padded, strict=True):
            text = " ".join(run.texts[first:stop])
            row = made.row(start + part.start, start + part.end, text, confidence(run.heard[first:stop]))
            problem = low_confidence(row, self.conf, row["custom"].get("split"))
            yield made.reject(problem, row["id"]) if problem else row

    def _whole(self, recording: Row) -> Row:
        """A supervision for a recording that has none."""
        conf = self.conf
        custom = {"corpus": conf.corpus, "licence": conf.licence, "dialect": conf.dialect, "label": conf.label}
        times = {"start": 0.0, "duration": recording["duration"], "channel": recording["channel_ids"][0]}
        return (
            {"id": recording["id"], "recording_id": recording["id"], "text": "", "language": conf.language}
            | times
            | {"custom": custom}
        )


def low_confidence(supervision: Row, conf: DataConf, split: str | None) -> str | None:
    """Why this segment must not be trained on, or None; dev and test keep what is hard to align (and said).

    split: None where it is drawn later: to be asked again then.
    """
    alignment = supervision["custom"].get("alignment")
    split = split or ("train" if conf.split == "train" else None)
    if not alignment or not conf.segment or split != "train" or alignment["confidence"] >= conf.segment.min_confidence:
        return None
    text = supervision["text"]
    return f"{LOW_CONFIDENCE}: {alignment['confidence']:.3f}, min_confidence is {conf.segment.min_confidence:g}: {text}"


class _Made:
    """Rows and rejects out of one supervision, numbered."""

    def __init__(self, recording: Row, supervision: Row) -> None:
        self.source = str(recording["sources"][0]["source"])
        self.supervision = supervision
        self.count = 0

    def row(self, start: float, end: float, text: str, confidence: float | None = None) -> Row:
        """From `start` to `end` seconds of the recording."""
        custom = {key: value for key, value in self.supervision["custom"].items() if key != "translation"}
        if confidence is not None:
            custom["alignment"] = {"of": self.supervision["id"], "confidence": round(confidence, 4)}
        last = self.supervision["start"] + self.supervision["duration"]
        start, end = round(start, 3), min(round(end, 3), last)
        return self.supervision | {
            "id": self._next(),
            "start": start,
            "duration": round(end - start, 8),
            "text": text,
            "custom": custom,
        }

    def reject(self, reason: str, name: str | None = None) -> Reject:
        return reject(self.supervision | {"id": name or self._next()}, self.source, reason)

    def _next(self) -> str:
        self.count += 1
        return f"{self.supervision['id']}-{self.count:04d}"


def _unpadded(longest: float, pad: float) -> float:
    """What a segment of `longest` seconds has room for between its pads."""
    return max(longest - 2 * pad, longest / 2)


def _blocks(recording: Row, supervision: Row) -> Iterator[Samples]:
    from cyasr.segment.stream import blocks

    start = supervision["start"]
    return blocks(recording, supervision["channel"], start, start + supervision["duration"])
