"""Filterbanks under a warped frequency axis: what shortening a vocal tract does to a sound."""

from __future__ import annotations

import numpy as np
import torch

from cyasr.data.features import _filterbank, filterbank

RATE = 16_000


def tone(hertz: float) -> torch.Tensor:
    wave = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    return torch.from_numpy(wave)[None]


def test_a_warped_tone_is_heard_where_the_higher_one_is() -> None:
    for factor, hertz in ((120, 1000.0), (85, 2000.0)):
        warped = _filterbank(factor)(tone(hertz))[0].mean(0).argmax()
        shorter = _filterbank(100)(tone(hertz * factor / 100))[0].mean(0).argmax()
        assert abs(int(warped) - int(shorter)) <= 1


def test_no_warp_changes_nothing_and_no_filter_is_lost() -> None:
    audio = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert torch.equal(filterbank(audio), filterbank(audio, 1.0))
    for percent in (85, 118):
        assert (_filterbank(percent)._fb.sum(0) > 0).all()
