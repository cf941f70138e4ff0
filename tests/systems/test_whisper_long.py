"""Whisper over more than its window: where it goes on, and the times of what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lhotse import CutSet
from lhotse.cut import Cut

from cyasr.modules.whisper_long import cut
from cyasr.search.conf import DecodeConf
from cyasr.systems import hf_seq2seq
from tests.systems.whisper_checkpoint import WINDOW, whisper

T = 1000  # the timestamp of 0 s; T + 50 that of 1 s


@pytest.mark.parametrize(
    ("tokens", "segments", "forward"),
    [
        ([T, 1, 2, T + 50, T + 50, 3, T + 100], [(0, 4, 0.0, 1.0), (4, 7, 1.0, 2.0)], 3.0),  # closed: the rest is silent
        ([T, 1, 2, T + 50, T + 60, 3, 4], [(0, 4, 0.0, 1.0)], 1.0),  # open: the next window begins where it was cut off
        ([T, 1, 2, T + 50, T + 50], [(0, 4, 0.0, 1.0)], 1.0),
        ([T + 10, 1, 2, T + 75], [(0, 4, 0.2, 1.5)], 3.0),
        ([T, 1, 2], [(0, 3, 0.0, 3.0)], 3.0),
        ([1, 2], [(0, 2, 0.0, 3.0)], 3.0),
        ([T, 1, T + 900], [(0, 3, 0.0, 3.0)], 3.0),  # no later than the speech
        ([T, T, 1], [(0, 3, 0.0, 3.0)], 3.0),  # always forward
        ([], [], 3.0),
    ],
)
def test_a_window_is_cut_at_its_timestamps(
    tokens: list[int], segments: list[tuple[int, int, float, float]], forward: float
) -> None:
    assert cut(tokens, T, 3.0) == (segments, forward)


@pytest.mark.parametrize("search", [DecodeConf(beam=3, nbest=3, ctc_weight=0.0), DecodeConf(search="greedy")])
def test_long_speech_among_short_gets_timed_words_to_its_end(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: DecodeConf
) -> None:
    monkeypatch.chdir(tones)
    conf = hf_seq2seq.Conf("hf_seq2seq", "pretrained", pretrained=str(whisper(tmp_path / "base")))
    system = hf_seq2seq.build(conf, Path("data/tones")).eval()
    heard: list[torch.Tensor] = []
    system.model.model.encoder.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    short = list(CutSet.from_file("data/tones/train.jsonl.gz"))
    joined = short[0]
    for one in short[1:9]:
        joined = joined.append(one)
    assert joined.duration > 2 * WINDOW
    long: Cut = joined.with_id("long")
    first, second, third = (nbest for nbest, _ in system.transcribe([short[0], long, short[1]], search, None))
    assert [first.id, second.id, third.id] == [short[0].id, "long", short[1].id]
    assert first.hyps[0].words is None and len(second.hyps) == 1 and len(heard) > 2
    (hyp,) = second.hyps
    assert hyp.words and " ".join(word.w for word in hyp.words) == hyp.text
    times = [time for word in hyp.words for time in (word.start, word.end)]
    assert times == sorted(times) and times[0] >= 0 and long.duration - WINDOW < times[-1] <= long.duration + 0.01
    assert all(0 <= word.conf <= 1 for word in hyp.words) and hyp.total < 0
