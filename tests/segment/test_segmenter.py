"""Long recordings into segments: nothing of a transcript is lost, and a segment's text is what its audio says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from letter_tones import RATE, Reader, Speech, row_of, supervision

from cyasr.cli import UsageError
from cyasr.data.conf import DataConf, SegmentConf
from cyasr.data.corpus import Reject
from cyasr.segment.aligner import Aligner
from cyasr.segment.segmenter import Segmenter, low_confidence
from cyasr.segment.stream import blocks
from cyasr.segment.transcript import at
from cyasr.text.normalize import normalize

SENTENCES = [
    "Κανει ζεστη σημερα.",
    "Αμε να ποτισεις τα δεντρα, μαστρε Νικολα.",
    "Ποτε να παμε στο παζαρι;",
    "Επηρα τα κλειδια του καινουρκου σπιτιου, ελα.",
    "Ενναν ερτεις τελικα;",
    "Μαντα να παμε ουλλοι μαζι στο πανηρι.",
]


def conf(**segment: Any) -> DataConf:
    keys = {"aligner": "exp/tones/reader", "max_seconds": 8.0} | segment
    return DataConf(corpus="tones", licence="CC0-1.0", language="el", segment=SegmentConf(**keys))


def segmenter(conf: DataConf, sure: float = 0.999) -> Segmenter:
    return Segmenter(conf, Aligner(Path("exp/tones/reader"), Reader(sure)))


def spoken(sentences: list[str]) -> Speech:
    speech = Speech().pause(0.5)
    for sentence in sentences:
        speech.say(sentence)
    return speech


def letters(text: str) -> str:
    return normalize(text).replace(" ", "").replace("ς", "σ")


def audio_of(recording: dict[str, Any], row: dict[str, Any]) -> np.ndarray:
    return np.concatenate(list(blocks(recording, row["channel"], row["start"], row["start"] + row["duration"])))


def parted(found: list[Any]) -> tuple[list[dict[str, Any]], list[Reject]]:
    return [one for one in found if not isinstance(one, Reject)], [one for one in found if isinstance(one, Reject)]


def test_segments_say_what_their_text_says_and_are_no_longer_than_allowed(tmp_path: Path) -> None:
    recording = spoken(SENTENCES).recording(tmp_path / "long.wav")
    whole = supervision(recording, " ".join(SENTENCES))
    rows, rejects = parted(segmenter(conf())(recording, [whole]))
    assert not rejects and len(rows) > 2
    assert " ".join(row["text"] for row in rows) == whole["text"]
    assert [row["id"] for row in rows] == [f"long-{n:04d}" for n in range(1, len(rows) + 1)]
    for row in rows:
        assert row["duration"] <= 8
        assert Reader().read(audio_of(recording, row)) == letters(row["text"])
        assert row["custom"]["alignment"]["of"] == "long" and row["custom"]["alignment"]["confidence"] > 0.9
        assert row["speaker"] == "s1" and row["custom"]["licence"] == "CC0-1.0" and row["recording_id"] == "long"


def test_segments_end_where_sentences_end_where_they_can(tmp_path: Path) -> None:
    speech = spoken(SENTENCES)
    recording = speech.recording(tmp_path / "long.wav")
    rows, _ = parted(segmenter(conf(max_seconds=12.0, pad=0.0))(recording, [supervision(recording, " ".join(SENTENCES))]))
    starts = {round(start, 2) for _, start, _ in speech.times}
    assert all(row["text"].endswith((".", ";")) for row in rows)
    assert all(min(abs(row["start"] - start) for start in starts) < 0.1 for row in rows)


def test_a_sentence_longer_than_allowed_is_cut_between_words(tmp_path: Path) -> None:
    text = "ναι παμε μαζι στο παζαρι τζαι ελα ποτε να τα πουμε ουλλα δαμε"
    recording = spoken([text]).recording(tmp_path / "one.wav")
    rows, rejects = parted(segmenter(conf(max_seconds=3.0))(recording, [supervision(recording, text)]))
    assert not rejects and len(rows) >= 3 and " ".join(row["text"] for row in rows) == text
    assert all(row["duration"] <= 3 and Reader().read(audio_of(recording, row)) == letters(row["text"]) for row in rows)


def test_what_is_not_said_and_what_is_not_written_are_left_out_and_listed(tmp_path: Path) -> None:
    said = [SENTENCES[0], SENTENCES[1], "Εν γραφεται τουτον πουποτε.", SENTENCES[3], SENTENCES[4]]
    written = [SENTENCES[0], SENTENCES[1], SENTENCES[2], SENTENCES[3], SENTENCES[5], SENTENCES[4]]
    recording = spoken(said).recording(tmp_path / "loose.wav")
    loose = supervision(recording, " ".join(written), custom={"label": "silver"})
    rows, rejects = parted(segmenter(conf())(recording, [loose]))
    reasons = [reject.reason for reject in rejects]
    assert [reason for reason in reasons if reason.startswith("not spoken: ")] == [f"not spoken: {SENTENCES[n]}" for n in (2, 5)]
    assert sum(reason.startswith("untranscribed speech: ") for reason in reasons) == 1 and len(reasons) == 3
    assert sorted(letters(row["text"]) for row in rows) == sorted(Reader().read(audio_of(recording, row)) for row in rows)
    kept = " ".join([*(row["text"] for row in rows), SENTENCES[2], SENTENCES[5]])
    assert sorted(kept.split()) == sorted(" ".join(written).split())
    assert len({one.id for one in rejects} | {row["id"] for row in rows}) == len(rejects) + len(rows)
    assert all("table.tsv:1" in reject.where and str(tmp_path) in reject.where for reject in rejects)


def test_a_transcript_of_something_else_never_reaches_train(tmp_path: Path) -> None:
    recording = spoken(SENTENCES[:3]).recording(tmp_path / "other.wav")
    wrong = supervision(recording, " ".join(SENTENCES[3:]), custom={"split": "train"})
    rows, rejects = parted(segmenter(conf(max_seconds=5.0))(recording, [wrong]))
    assert not rows
    assert {reject.reason.split(":")[0] for reject in rejects} >= {"not spoken"}


def test_unsure_segments_leave_train_only(tmp_path: Path) -> None:
    recording = spoken(SENTENCES).recording(tmp_path / "unsure.wav")
    unsure = segmenter(conf(min_confidence=0.6), sure=0.5)
    for split, dropped in (("train", True), ("dev", False), ("test", False), (None, False)):
        custom = {} if split is None else {"split": split}
        rows, rejects = parted(unsure(recording, [supervision(recording, " ".join(SENTENCES), custom=custom)]))
        assert bool(rejects) == dropped and bool(rows) != dropped
        assert all(reject.reason.startswith("low alignment confidence: 0.") for reject in rejects)
    assert low_confidence(rows[0], unsure.conf, "train") and not low_confidence(rows[0], unsure.conf, "test")


def test_a_sentence_that_is_said_otherwise_does_not_hide_among_sure_ones(tmp_path: Path) -> None:
    recording = spoken(SENTENCES).recording(tmp_path / "wrong.wav")
    other = "Αμα τζαι ποτζιει στα βενδρα, ναι μαστρε Νικολα."  # close enough to be taken for what was said
    text = " ".join([SENTENCES[0], other, *SENTENCES[2:]])
    rows, rejects = parted(
        segmenter(conf(max_seconds=30.0))(recording, [supervision(recording, text, duration=31.0, custom={"split": "train"})])
    )
    assert other not in " ".join(row["text"] for row in rows)
    assert any(other in reject.reason for reject in rejects)
    assert all(row["custom"]["alignment"]["confidence"] > 0.9 for row in rows) and len(rows) >= 2


def test_short_transcripts_stay_as_they_are_and_so_do_long_ones_without_an_aligner(tmp_path: Path) -> None:
    recording = spoken(SENTENCES).recording(tmp_path / "long.wav")
    whole = supervision(recording, " ".join(SENTENCES))
    short = supervision(recording, SENTENCES[0], id="short", duration=3.0)
    found = segmenter(conf())(recording, [short, whole])
    assert found[0] == short and len(found) > 2
    assert Segmenter(conf(aligner=None))(recording, [short, whole]) == [short, whole]


def test_part_of_a_channel_of_a_file_at_another_rate_is_found_at_its_place(tmp_path: Path) -> None:
    speech = spoken(SENTENCES)
    samples = np.concatenate([np.zeros(5 * RATE, np.float32), speech.signal()])
    import soxr

    other = soxr.resample(samples, RATE, 44_100)
    soundfile.write(tmp_path / "stereo.flac", np.stack([np.zeros_like(other), other], axis=1), 44_100)
    recording = row_of(tmp_path / "stereo.flac")
    part = supervision(recording, " ".join(SENTENCES), start=5.0, duration=speech.seconds, channel=1)
    rows, rejects = parted(segmenter(conf())(recording, [part]))
    assert not rejects and " ".join(row["text"] for row in rows) == part["text"]
    assert rows[0]["start"] == pytest.approx(5.4, abs=0.06) and all(row["channel"] == 1 for row in rows)
    assert all(Reader().read(audio_of(recording, row)) == letters(row["text"]) for row in rows)


def test_times_before_lines_say_which_of_two_equal_sentences_is_meant(tmp_path: Path) -> None:
    speech = Speech().pause(0.5)
    for n in (0, 1, 0, 3):
        speech.say(SENTENCES[n])
    recording = speech.recording(tmp_path / "twice.wav")
    second = speech.times[2][1]
    lines = [at(speech.times[1][1], SENTENCES[1]), at(second + 1, SENTENCES[0]), SENTENCES[3]]
    rows, rejects = parted(segmenter(conf())(recording, [supervision(recording, "\n".join(lines))]))
    assert [reject.reason.split(":")[0] for reject in rejects] == ["untranscribed speech"]
    assert "[" not in "".join(row["text"] for row in rows)
    assert rows[0]["start"] == pytest.approx(speech.times[1][1] - 0.1, abs=0.06)


def test_letters_that_the_aligner_never_saw_are_aligned_with_their_neighbours(tmp_path: Path) -> None:
    recording = spoken(SENTENCES).recording(tmp_path / "long.wav")
    text = " ".join(SENTENCES).replace("μαστρε", "ξψτρε")
    rows, rejects = parted(segmenter(conf())(recording, [supervision(recording, text)]))
    assert not rejects and " ".join(row["text"] for row in rows) == text


def test_a_missing_aligner_is_named_before_any_work() -> None:
    with pytest.raises(UsageError, match=r"aligner: exp/tones/reader/model\.pt does not exist"):
        Segmenter(conf())
