"""Speech is found where it is: Silero's own numbers, on signals made here and on real clips where there are any."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from letter_tones import RATE, row_of, supervision

from cyasr.data.conf import DataConf, SegmentConf
from cyasr.data.corpus import Reject
from cyasr.segment import vad
from cyasr.segment.segmenter import Segmenter
from cyasr.segment.stream import blocks

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT.parent / "shared" / "data" / "greek_clips"


@pytest.fixture
def clip() -> np.ndarray:
    """5.5 s of a reader's voice at 16 kHz."""
    paths = sorted(CLIPS.glob("css10_real/*.wav"))
    if not paths:
        pytest.skip(f"real speech is not at {CLIPS}")
    return np.concatenate(list(blocks(row_of(paths[0]))))


def conf(**segment: Any) -> DataConf:
    return DataConf(
        corpus="own", licence="CC0-1.0", language="el", label="none", split="train", segment=SegmentConf(**segment)
    )  # fmt: skip


def test_probabilities_are_those_of_the_package(clip: np.ndarray) -> None:
    import torch

    spec = find_spec("silero_vad")
    assert spec and spec.origin
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.jit.load(Path(spec.origin).parent / "data" / "silero_vad.jit")
        noise = 0.05 * np.random.default_rng(0).standard_normal(25 * RATE).astype(np.float32)
        for samples in (clip, np.concatenate([noise, clip, 0.1 * clip + noise[: len(clip)]])):
            theirs.reset_states()
            with torch.no_grad():
                expected = theirs.audio_forward(torch.from_numpy(samples)[None], RATE)[0].numpy()
            ours = vad.speech_probs(np.array_split(samples, 7))
            assert ours.shape == expected.shape and np.abs(ours - expected).max() < 1e-4


def test_stretches_begin_at_the_threshold_and_end_below_it() -> None:
    frames = [0.1] * 5 + [0.6] * 20 + [0.4] * 20 + [0.6] * 5 + [0.2] * 5 + [0.7] * 10 + [0.1] * 20 + [0.9] * 4 + [0.0] * 30
    found = vad.speech(np.array(frames, np.float32), 0.5, 0.3)
    assert [(round(one.start / vad.FRAME_SECONDS), round(one.end / vad.FRAME_SECONDS)) for one in found] == [(5, 65)]
    apart = vad.speech(np.array(frames, np.float32), 0.5, 0.1)
    assert [(round(one.start / vad.FRAME_SECONDS), round(one.end / vad.FRAME_SECONDS)) for one in apart] == [(5, 50), (55, 65)]
    assert vad.speech(np.empty(0, np.float32), 0.5, 0.3) == []
    assert [one.seconds for one in vad.speech(np.full(100, 0.9, np.float32), 0.5, 0.3)] == [pytest.approx(3.2)]


def test_speech_is_cut_out_of_silence_and_noise(tmp_path: Path, clip: np.ndarray) -> None:
    draw = np.random.default_rng(0)
    parts, truth = [], []
    for pause in (2.0, 0.8, 4.0, 1.5):
        parts += [np.zeros(round(pause * RATE), np.float32), clip]
        at = sum(map(len, parts)) / RATE
        truth.append((at - len(clip) / RATE + 0.2, at - 0.4))  # the reader is silent at either edge
    samples = np.concatenate([*parts, np.zeros(RATE, np.float32)])
    samples += 0.002 * draw.standard_normal(len(samples)).astype(np.float32)
    soundfile.write(tmp_path / "field.flac", samples, RATE)
    recording = row_of(tmp_path / "field.flac")
    rows = Segmenter(conf())(recording, [supervision(recording, "")])
    assert not any(isinstance(row, Reject) for row in rows)
    found = [(row["start"], row["start"] + row["duration"]) for row in rows]
    assert len(found) == 4
    for (start, end), (first, last) in zip(found, truth, strict=True):
        assert start == pytest.approx(first, abs=0.25) and end == pytest.approx(last, abs=0.35)
    assert [row["id"] for row in rows] == [f"field-{n:04d}" for n in range(1, 5)] and all(row["text"] == "" for row in rows)


def test_no_segment_of_speech_is_longer_than_allowed(tmp_path: Path, clip: np.ndarray) -> None:
    soundfile.write(tmp_path / "talk.wav", np.tile(clip[: 5 * RATE], 8), RATE)
    recording = row_of(tmp_path / "talk.wav")
    rows = Segmenter(conf(max_seconds=4.0, min_silence=1.0))(recording, [])
    assert all(not isinstance(row, Reject) and row["duration"] <= 4.0 for row in rows)
    assert sum(row["duration"] for row in rows if not isinstance(row, Reject)) > 36
    assert all(row["recording_id"] == "talk" and row["custom"]["label"] == "none" for row in rows if not isinstance(row, Reject))


def test_a_recording_without_speech_is_rejected(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hum.wav", 0.01 * np.random.default_rng(0).standard_normal(10 * RATE), RATE)
    recording = row_of(tmp_path / "hum.wav")
    found = Segmenter(conf())(recording, [supervision(recording, "", id="hum-1")])
    assert [(one.id, one.reason) for one in found if isinstance(one, Reject)] == [("hum-1-0001", "no speech")] and len(found) == 1
