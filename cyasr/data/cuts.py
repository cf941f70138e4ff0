"""One supervision of a verified recording as a Lhotse MonoCut, in the JSON that CutSet reads.

Written as dicts: the schema is small and stable, and building a million Lhotse objects takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from cyasr.data.audiofile import SAMPLE_RATE, TELEPHONE_RATE
from cyasr.data.corpus import DataConf, Reject
from cyasr.data.seen import Seen
from cyasr.data.validate import checked_recordings, reject, text_problem
from cyasr.text.normalize import normalize

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


def usable_cuts(raw: Path, conf: DataConf) -> Iterator[tuple[dict[str, Any], int] | Reject]:
    """Every supervision of `raw`, in order: its cut and its audio's sampling rate on disk, or why it cannot be used.

    Official splits are taken as published, so that a recording which stands there twice is kept (and reported).
    """
    split_source = "official" if conf.split == "official" else "ours"
    needs_speaker = conf.split in {"speakers", "folds"}
    digests = Seen()
    for checked in checked_recordings(raw):
        source = str(checked.recording["sources"][0]["source"])
        error = checked.error
        if not error and not digests.add(checked.digest) and conf.split != "official":
            error = "duplicate audio: another recording before it has the same samples"
        for supervision in checked.supervisions:
            text = normalize(supervision["text"], conf.profile)
            problem = error or text_problem(text, supervision["duration"], conf)
            if needs_speaker and not supervision.get("speaker"):
                problem = problem or f"no speaker, which split: {conf.split} needs"
            if problem:
                yield reject(supervision, source, problem)
                continue
            yield make_cut(checked.recording, supervision, text, split_source, checked.digest), checked.recording["sampling_rate"]
