"""One supervision of a verified recording as a Lhotse MonoCut, in the JSON that CutSet reads.

Written as dicts: the schema is small and stable, and building a million Lhotse objects takes minutes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cyasr.cli import RunError
from cyasr.data.audiofile import SAMPLE_RATE, TELEPHONE_RATE
from cyasr.data.conf import DataConf
from cyasr.data.seen import Seen
from cyasr.data.utterance import Reject
from cyasr.data.validate import Checked, checked_recordings, reject, text_problem
from cyasr.text.normalize import normalize

if TYPE_CHECKING:
    from cyasr.data.checks import AudioMeasures

SAMPLES = "samples"
GLANCED = "size and 8 KB from the middle of each file"
CUT_FIELDS = ("corpus", "licence", "dialect", "split", "split_source", "label", "domain", "telephone")


def at_16k(recording: dict[str, Any]) -> dict[str, Any]:
    """The recording as Lhotse's Recording.resample(16000) would describe it: resampled when it is loaded."""
    rate = recording["sampling_rate"]
    if rate == SAMPLE_RATE:
        return recording
    exact = Decimal(round(recording["duration"] * SAMPLE_RATE, ndigits=8))
    samples = int(exact.quantize(Decimal(0), rounding=ROUND_HALF_UP))
    resample = {
        "name": "Resample",
        "kwargs": {"source_sampling_rate": rate, "target_sampling_rate": SAMPLE_RATE},
    }
    return recording | {
        "sampling_rate": SAMPLE_RATE,
        "num_samples": samples,
        "duration": samples / SAMPLE_RATE,
        "transforms": [resample],
    }


def make_cut(
    recording: dict[str, Any], supervision: dict[str, Any], text: str, split_source: str, audio_digest: str
) -> dict[str, Any]:
    """MonoCut over the supervision's part of `recording`.

    text: normalised; the original moves to custom["text_raw"]. audio_digest: of the recording's samples, so that the
    manifest's own digest speaks for the audio too.
    """
    loaded = at_16k(recording)
    duration = round(min(supervision["duration"], loaded["duration"] - supervision["start"]), 8)
    custom = supervision["custom"] | {"split_source": split_source}
    if recording["sampling_rate"] == TELEPHONE_RATE:
        custom["telephone"] = True
    spoken = supervision | {
        "start": 0.0,
        "duration": duration,
        "text": text,
        "custom": custom | {"text_raw": supervision["text"]},
    }
    return {
        "id": supervision["id"],
        "start": supervision["start"],
        "duration": duration,
        "channel": supervision["channel"],
        "supervisions": [spoken],
        "recording": loaded,
        "custom": {key: custom[key] for key in CUT_FIELDS if key in custom} | {"audio": audio_digest},
        "type": "MonoCut",
    }


class Usable(NamedTuple):
    """A cut, and of its whole audio file the sampling rate on disk, and measures if it was decoded."""

    cut: dict[str, Any]
    rate: int
    measures: AudioMeasures | None


@dataclass
class Tally:
    """What went through stage 2: every utterance stays one, or is cut into segments (rejected ones counted in)."""

    utterances: int = 0
    cut: int = 0  # of `utterances`
    segments: int = 0  # what they were cut into
    files: int = 0
    decoded: int = 0  # of `files`
    unusable: int = 0  # of `decoded`
    compared: str = SAMPLES  # to find audio that is there twice

    def segmented(self, before: list[dict[str, Any]], after: Sequence[dict[str, Any] | Reject]) -> None:
        """Count one recording's supervisions before and after; a segment's id is its utterance's with "-…" behind it.

        Raises RunError where an utterance is gone without a word.
        """
        names = {supervision["id"] for supervision in before}
        ids = [item.id if isinstance(item, Reject) else str(item["id"]) for item in after]
        for name in names.difference(ids):
            if not any(each.startswith(f"{name}-") for each in ids):
                raise RunError(f"{name}: lost in segmentation, neither cut nor rejected; that is a bug")
            self.cut += 1
        self.segments += sum(each not in names for each in ids)

    def count(self, checked: Checked) -> None:
        self.utterances += len(checked.supervisions)
        self.files += 1
        self.decoded += checked.decoded
        self.unusable += checked.decoded and checked.error is not None

    def prove(self, utterances: int, items: int) -> None:
        """utterances: that stage 1 counted. items: cuts and rejects of a set. Raises RunError unless all are there."""
        if (self.utterances, self.utterances - self.cut + self.segments) != (utterances, items):
            raise RunError(
                f"{utterances} utterances in, {self.utterances} read, {self.cut} of them cut into {self.segments} segments, "
                f"{items} cuts and rejects: they do not add up; run stage 1 again"
            )

    def trust(self, max_rate: float) -> None:
        """Raises RunError where so many of the decoded files are unusable that the others cannot be taken as they are."""
        if self.decoded < self.files and self.unusable > max_rate * self.decoded:
            raise RunError(
                f"{self.unusable} of the {self.decoded} audio files that were decoded are unusable, more than max_reject_rate "
                f"{max_rate:g} allows; take `decode:` out of the conf, so that all {self.files} are"
            )

    def report(self) -> dict[str, Any]:
        """What report.json says of it."""
        report: dict[str, Any] = {"utterances_in": self.utterances}
        report["audio"] = {"files": self.files, "decoded": self.decoded, "unusable": self.unusable}
        report["audio"]["digest"] = self.compared
        if self.cut:
            report["segmented"] = {"utterances": self.cut, "segments": self.segments}
        return report

    def summary(self) -> str:
        """Lines for the terminal, where there is something to say."""
        lines = []
        if self.decoded < self.files:
            lines.append(
                f"{self.decoded} of {self.files} audio files decoded, {self.unusable} of them unusable; of the others "
                f"header, ends and size are checked; duplicates by {self.compared}"
            )
        if self.cut:
            whole = self.utterances - self.cut
            lines.append(f"{self.utterances} utterances = {whole} whole + {self.cut} cut into {self.segments}")
        return "\n".join(lines)


def usable_cuts(raw: Path, conf: DataConf) -> Generator[Usable | Reject, None, Tally]:
    """Every supervision of `raw`, in order: its cut, or why it cannot be used; returns what went through.

    Where conf.segment is set, long supervisions give several. Official splits are taken as published, so that a recording
    which stands there twice is kept (and reported).
    """
    tally = Tally(compared=SAMPLES if conf.decode is None else GLANCED)
    split_source = "official" if conf.split == "official" else "ours"
    needs_speaker = conf.split in {"speakers", "folds"}
    segmenter = None
    if conf.segment:
        from cyasr.segment.segmenter import Segmenter

        segmenter = Segmenter(conf)
    digests = Seen()
    for checked in checked_recordings(raw, conf.decode):
        tally.count(checked)
        source = str(checked.recording["sources"][0]["source"])
        error = checked.error
        if not error and not digests.add(checked.digest) and conf.split != "official":
            error = f"duplicate audio: another recording before it has the same {tally.compared}"
        rows: Sequence[dict[str, Any] | Reject] = checked.supervisions
        if segmenter and not error:
            rows = segmenter(checked.recording, checked.supervisions)
            tally.segmented(checked.supervisions, rows)
        for row in rows:
            if isinstance(row, Reject):
                yield row
                continue
            text = normalize(row["text"], conf.profile)
            problem = error or text_problem(text, row["duration"], conf)
            if needs_speaker and not row.get("speaker"):
                problem = problem or f"no speaker, which split: {conf.split} needs"
            if problem:
                yield reject(row, source, problem)
                continue
            cut = make_cut(checked.recording, row, text, split_source, checked.digest)
            yield Usable(cut, checked.recording["sampling_rate"], checked.measures)
    return tally
