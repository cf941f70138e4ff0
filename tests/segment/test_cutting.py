"""Segments are never longer than allowed, and are cut where it hurts least."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cyasr.segment.cutting import Span, divided, pack, padded
from cyasr.segment.vad import FRAME_SECONDS, Stretch


def spans(*words: tuple[float, float, bool]) -> list[Span]:
    """(seconds said, pause after it, whether a sentence ends) one after the other."""
    made, at = [], 0.0
    for said, pause, complete in words:
        made.append(Span(at, at + said, complete))
        at += said + pause
    return made


@pytest.mark.parametrize("seed", range(20))
def test_every_span_is_in_one_segment_and_none_is_too_long(seed: int) -> None:
    draw = np.random.default_rng(seed)
    made = spans(*((draw.uniform(0.1, 2), draw.uniform(0, 0.5), draw.random() < 0.2) for _ in range(200)))
    segments = pack(made, 10.0)
    assert [first for first, _ in segments] == [0, *(stop for _, stop in segments[:-1])] and segments[-1][1] == 200
    assert all(made[stop - 1].end - made[first].start <= 10 for first, stop in segments)
    total = made[-1].end
    assert len(segments) < 2.5 * total / 10


def test_a_sentence_end_with_a_pause_is_where_to_cut() -> None:
    made = spans(*[(1.0, 0.05, False)] * 6, (1.0, 0.4, True), *[(1.0, 0.05, False)] * 6)
    assert pack(made, 10.0) == [(0, 7), (7, 13)]
    assert pack(made, 20.0) == [(0, 13)]


def test_without_sentence_ends_the_longer_pause_is_where_to_cut() -> None:
    made = spans(*[(1.0, 0.02, False)] * 5, (1.0, 0.3, False), *[(1.0, 0.02, False)] * 6)
    assert pack(made, 8.0) == [(0, 6), (6, 12)]


def test_long_silence_is_not_worth_keeping() -> None:
    assert pack(spans((8.0, 6.0, True), (8.0, 0.0, True)), 30.0) == [(0, 1), (1, 2)]


def test_a_span_that_is_too_long_stands_alone() -> None:
    assert pack(spans((2.0, 0.1, False), (12.0, 0.1, False), (2.0, 0.0, False)), 10.0) == [(0, 1), (1, 2), (2, 3)]
    assert pack([], 10.0) == []


def test_pads_end_in_the_middle_of_a_pause_and_at_the_edges() -> None:
    found = padded([Stretch(0.05, 1.0), Stretch(1.1, 2.0), Stretch(3.0, 4.0)], 0.2, 0.0, 4.1)
    assert [(one.start, one.end) for one in found] == [
        (0.0, pytest.approx(1.05)), (pytest.approx(1.05), 2.2), (2.8, 4.1)
    ]  # fmt: skip


@pytest.mark.parametrize("seconds", [5.0, 10.0, 10.1, 19.9, 35.0, 100.0])
def test_unbroken_speech_is_divided_where_it_is_least_likely(seconds: float) -> None:
    draw = np.random.default_rng(1)
    probs = draw.uniform(0.7, 1.0, round(120 / FRAME_SECONDS)).astype(np.float32)
    parts = divided(Stretch(3.0, 3.0 + seconds), probs, 10.0)
    assert parts[0].start == 3.0 and parts[-1].end == 3.0 + seconds
    assert all(one.end == two.start for one, two in pairwise(parts)) and all(0 < one.seconds <= 10 for one in parts)
    dip = round(8.0 / FRAME_SECONDS)
    probs[dip - 2 : dip + 3] = 0.1
    cuts = [one.end for one in divided(Stretch(3.0, 3.0 + 12.0), probs, 10.0)[:-1]]
    assert len(cuts) == 1 and cuts[0] == pytest.approx(8.0, abs=0.1)
