"""Raw manifests read back as recordings with their supervisions, audio files decoded once to be believed."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import RunError
from cyasr.data.audiofile import AudioError, read_header, read_through
from cyasr.data.conf import DataConf
from cyasr.data.seen import hash64
from cyasr.data.utterance import Reject
from cyasr.files import read_jsonl_gz
from cyasr.process import cores

if TYPE_CHECKING:
    from cyasr.data.checks import AudioMeasures

Row = dict[str, Any]
WINDOW = 64  # files in the works at once
NOTHING_LEFT = "nothing left of the transcript after normalisation"
FRAME_TOLERANCE = 2 * 1152  # samples; headers of mp3 are off by up to two frames


@dataclass(frozen=True)
class Checked:
    """A recording and its supervisions (rows of Lhotse's manifests) and the digest of its samples, or what is wrong."""

    recording: Row
    supervisions: list[Row]
    digest: str
    error: str | None = None
    measures: AudioMeasures | None = None  # None where the audio was not decoded, or is not usable
    decoded: bool = True


def checked_recordings(raw: Path, decode: int | None = None) -> Iterator[Checked]:
    """Every recording of `raw`, in order, decoded by a few threads (soundfile lets go of the interpreter).

    decode: how many to decode, drawn by their ids; None: all. Of the others no more than a glance is taken, and all
    digests are its then.
    """
    last = None if decode is None else last_drawn(raw, decode)
    with ThreadPoolExecutor(cores(), thread_name_prefix="decode") as pool:
        waiting: deque[Future[Checked] | Checked] = deque()
        try:
            for recording, supervisions in joined(raw):
                seen = supervisions[0]["custom"].pop("glance", None) if supervisions else None
                if last is None:
                    waiting.append(pool.submit(check, recording, supervisions))
                elif hash64(recording["id"]) <= last:
                    waiting.append(pool.submit(check, recording, supervisions, drawn=True))
                else:
                    waiting.append(glanced(recording, supervisions, seen))
                while waiting and (len(waiting) >= WINDOW or isinstance(waiting[0], Checked)):
                    yield _done(waiting.popleft())
            while waiting:
                yield _done(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def last_drawn(raw: Path, count: int) -> int:
    """The largest hash of those `count` recordings whose ids have the smallest ones."""
    hashes = (hash64(recording["id"]) for recording in read_jsonl_gz(raw / "recordings.jsonl.gz"))
    return max(heapq.nsmallest(count, hashes), default=0)


def _done(checked: Future[Checked] | Checked) -> Checked:
    return checked if isinstance(checked, Checked) else checked.result()


def joined(raw: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Recordings with their supervisions; both manifests are in the same order. Raises RunError where they are not."""
    supervisions = read_jsonl_gz(raw / "supervisions.jsonl.gz")
    following = next(supervisions, None)
    for recording in read_jsonl_gz(raw / "recordings.jsonl.gz"):
        own = []
        while following and following["recording_id"] == recording["id"]:
            own.append(following)
            following = next(supervisions, None)
        yield recording, own
    if following:
        raise RunError(f"{raw}: supervision {following['id']} has no recording; delete the folder and run stage 1 again")


def check(recording: Row, supervisions: list[Row], drawn: bool = False) -> Checked:
    """Decode the audio and compare it with what stage 1 took from its header. drawn: one of a sample."""
    from cyasr.data.checks import AudioMeter

    path, claimed = Path(recording["sources"][0]["source"]), recording["num_samples"]
    meter = AudioMeter(recording["sampling_rate"])
    try:
        frames, digest = read_through(path, meter)
        if drawn:
            digest = read_header(path, look=True).glance
    except AudioError as error:
        return Checked(recording, supervisions, "", str(error))
    if frames < claimed - FRAME_TOLERANCE or (frames < claimed and not _by_frames(recording)):
        return Checked(recording, supervisions, "", f"truncated: claims {claimed} samples, has {frames}")
    if frames > claimed + FRAME_TOLERANCE:
        return Checked(recording, supervisions, "", f"wrong header: claims {claimed} samples, has {frames}")
    true = recording | {"num_samples": frames, "duration": frames / recording["sampling_rate"]}
    return Checked(true, supervisions, digest, measures=meter.result())


def glanced(recording: Row, supervisions: list[Row], seen: str | None) -> Checked:
    """What can be said without decoding: what stage 1 saw at a glance, or else what is to be seen now."""
    try:
        digest = seen or read_header(recording["sources"][0]["source"], look=True).glance
        return Checked(recording, supervisions, digest, decoded=False)
    except AudioError as error:
        return Checked(recording, supervisions, "", str(error), decoded=False)


def text_problem(text: str, seconds: float, conf: DataConf) -> str | None:
    """Why an utterance of normalised `text` over `seconds` cannot be used, or None."""
    if not text and conf.label != "none":
        return NOTHING_LEFT
    if seconds < conf.min_seconds:
        return f"too short: {seconds:.3f} s, min_seconds is {conf.min_seconds:g}"
    if seconds > conf.max_seconds:
        return f"too long: {seconds:.1f} s, max_seconds is {conf.max_seconds:g}"
    if len(text) > conf.max_chars_per_second * seconds:
        return f"too fast: {len(text) / seconds:.0f} characters a second, max_chars_per_second is {conf.max_chars_per_second:g}"
    return None


def reject(supervision: dict[str, Any], source: str, reason: str) -> Reject:
    where = supervision["custom"].get("where")
    return Reject(supervision["id"], f"{source} ({where})" if source and where else source or where or "", reason)


def _by_frames(recording: dict[str, Any]) -> bool:
    return str(recording["sources"][0]["source"]).lower().endswith((".mp3", ".ogg", ".opus", ".m4a"))
