"""Audio of any length: every frame once, whatever the windows; memory that does not grow with hours."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from letter_tones import FRAME, FREQUENCIES, RATE, Reader, row_of, tone

from cyasr.cli import RunError
from cyasr.segment import graph, stream
from cyasr.segment.align import Alignment
from cyasr.segment.cutting import Levels
from cyasr.segment.log_probs import Window, log_probs

FRAME_SECONDS = 0.04


@pytest.mark.parametrize("seconds", [0.5, 4.8, 4.84, 19.2, 30.0, 130.0])
@pytest.mark.parametrize("longest", [None, 5.0])
def test_windows_give_every_frame_once(seconds: float, longest: float | None) -> None:
    draw = np.random.default_rng(1)
    tones = [tone(draw.choice(list(FREQUENCIES.values()))) for _ in range(round(seconds / 0.12) + 1)]
    samples = np.concatenate(tones)[: round(seconds * RATE) // FRAME * FRAME]
    cuts = np.sort(draw.integers(0, len(samples), 5))
    frames = list(log_probs(Reader(), np.split(samples, cuts), Window.like(longest)))
    whole = Reader().log_probs(samples)
    assert len(frames) > 1 or seconds < 60
    joined = np.concatenate([part.log_probs for part in frames])
    assert joined.shape == whole.shape and np.mean(np.abs(joined - whole).max(axis=1) > 1e-3) < 0.02  # peaks at edges
    assert all((part.seconds, part.offset) == (FRAME_SECONDS, pytest.approx(0.02)) for part in frames)


def test_windows_are_as_long_as_what_the_system_was_trained_on_within_limits() -> None:
    assert Window.like(2.0).seconds == pytest.approx(4.8) and Window.like(10.0).seconds == pytest.approx(10.08)
    assert Window.like(300.0).seconds == Window.like(None).seconds == pytest.approx(19.2)


def hours_of(units: list[graph.Unit], width: int) -> Iterator[np.ndarray]:
    """Posteriors of `units` said one after another, width tokens, a few at a time."""
    draw = np.random.default_rng(2)
    for first in range(0, len(units), 8):
        path: list[int] = []
        for unit in units[first : first + 8]:
            path += [label for word in unit.words for token in word for label in (token, 0, 0)] + [0] * 10
        logits = draw.standard_normal((len(path), width)).astype(np.float32)
        logits[np.arange(len(path)), path] += 8
        yield logits - np.log(np.exp(logits).sum(1, keepdims=True))


def test_aligning_hours_takes_the_memory_of_minutes() -> None:
    draw = np.random.default_rng(3)
    peaks = []
    for minutes in (2, 6, 60):
        units = [
            graph.Unit(tuple(tuple(draw.integers(2, 8, 4).tolist()) for _ in range(8)))
            for _ in range(round(minutes * 1500 / 106))
        ]
        made = graph.build(units, None, 1)
        tracemalloc.start()
        alignment = Alignment(made, graph.Costs(beam=100), FRAME_SECONDS)
        for part in hours_of(units, 10):
            alignment.feed(*made.emissions(part, None, 0.6, 0.2))
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        said = [item.word for item in alignment.finish().items if item.word is not None]
        assert said == list(range(8 * len(units)))
    states = 20 * len(made.column) / 2**20  # what each state holds, MiB
    assert peaks[2] < peaks[1] + states + 4


def test_a_beam_finds_what_a_full_search_finds() -> None:
    draw = np.random.default_rng(4)
    units = [graph.Unit(tuple(tuple(draw.integers(2, 8, 4).tolist()) for _ in range(6))) for _ in range(60)]
    said = units[:10] + units[25:40] + units[41:]
    made = graph.build(units, None, 1)
    paths = []
    for beam in (80.0, 1e6):
        alignment = Alignment(made, graph.Costs(beam=beam), FRAME_SECONDS)
        for part in hours_of(said, 10):
            alignment.feed(*made.emissions(part, None, 0.6, 0.2))
        paths.append(alignment.finish())
    assert paths[0].items == paths[1].items and paths[0].score == pytest.approx(paths[1].score)
    heard = {int(made.unit_of[item.word]) for item in paths[0].items if item.word is not None}
    assert heard == {*range(10), *range(25, 40), *range(41, 60)}


def test_levels_find_the_pause() -> None:
    draw = np.random.default_rng(5)
    noise = 0.01 * draw.standard_normal(3 * RATE).astype(np.float32)
    speech = np.sin(np.arange(3 * RATE, dtype=np.float32))
    speech[round(1.2 * RATE) : round(1.5 * RATE)] = 0
    levels = Levels()
    heard = list(levels.listening(np.split(speech + noise, [1000, 7777, 30_000])))
    assert np.array_equal(np.concatenate(heard), speech + noise) and levels.seconds == pytest.approx(3.0)
    pause = levels.pause(0.9, 2.0)
    assert (pause.start, pause.end) == (pytest.approx(1.2, abs=0.04), pytest.approx(1.5, abs=0.04))
    assert levels.pause(1.0, 1.005).seconds == 0


@pytest.mark.parametrize(("rate", "suffix"), [(8_000, "wav"), (16_000, "flac"), (44_100, "ogg")])
def test_any_part_of_any_file_comes_at_16_khz(tmp_path: Path, rate: int, suffix: str) -> None:
    path = tmp_path / f"sweep.{suffix}"
    seconds = np.arange(50 * rate) / rate
    sweep = 0.3 * np.sin(2 * np.pi * (200 + 10 * seconds) * seconds)
    with soundfile.SoundFile(path, "w", rate, 1) as out:
        for part in np.split(sweep, 50):  # libsndfile's Vorbis encoder overflows its stack on more at once
            out.write(part)
    parts = list(stream.blocks(row_of(path), 0, 30.0, 45.0))
    joined = np.concatenate(parts)
    assert abs(len(joined) - 15 * RATE) <= 2
    at = np.arange(30 * RATE, 45 * RATE)[: len(joined)] / RATE
    expected = 0.3 * np.sin(2 * np.pi * (200 + 10 * at) * at)
    assert np.corrcoef(joined[RATE:-RATE], expected[RATE : len(joined) - RATE])[0, 1] > 0.99


def test_audio_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    recording = row_of(path)
    path.write_bytes(b"no audio")
    with pytest.raises(RunError, match=r"gone\.wav"):
        list(stream.blocks(recording))
    with pytest.raises(RunError, match="no channel 3"):
        list(stream.blocks(recording, 3))
