"""Log-mel filterbanks (Kaldi's, through lhotse), normalised per utterance, and SpecAugment's masks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from lhotse.features.kaldi.layers import Wav2LogFilterBank
from numpy.typing import NDArray
from torch import Tensor

from cyasr.data.audiofile import SAMPLE_RATE

FRAME_SECONDS = 0.01
MEL_BINS = 80

WARP_EDGE = 4800.0  # Hz; above it the warped axis bends back to meet the old one at half the sample rate


def filterbank(audio: NDArray[np.float32], warp: float = 1.0) -> Tensor:
    """audio: (samples,) at 16 kHz in -1..1. Returns (frames, 80) with zero mean and unit variance per bin.

    warp: the speech as a vocal tract `warp` times as short would have formed it (VTLP: Jaitly & Hinton, ICML workshop
    2013); taken in steps of 0.01.
    """
    with torch.no_grad():
        features: Tensor = _filterbank(round(100 * warp))(torch.from_numpy(audio)[None])[0]
        deviation, mean = torch.std_mean(features, dim=0, keepdim=True, correction=0)
        return (features - mean) / (deviation + 1e-5)


@cache
def _filterbank(warp_percent: int) -> Wav2LogFilterBank:
    layer = Wav2LogFilterBank(sampling_rate=SAMPLE_RATE, num_filters=MEL_BINS, dither=0.0, snip_edges=False)
    if warp_percent != 100:
        filters = layer._fb.numpy()  # (frequencies, 80)
        frequencies = np.linspace(0, SAMPLE_RATE / 2, len(filters))
        factor = warp_percent / 100
        knee = WARP_EDGE * min(factor, 1.0) / factor
        warped = np.interp(frequencies, [0.0, knee, SAMPLE_RATE / 2], [0.0, knee * factor, SAMPLE_RATE / 2])
        moved = np.stack([np.interp(warped, frequencies, column) for column in filters.T], axis=1)
        layer._fb.data = torch.from_numpy(moved.astype(np.float32))
    return layer


def mask(
    features: Tensor, random: np.random.Generator, time_masks: int, time_share: float, frequency_masks: int, frequency_bins: int
) -> Tensor:
    """SpecAugment (Park et al., Interspeech 2019): zero random stretches of time and bands of frequency in place.

    features: (frames, bins), zero-mean. time_share: longest mask as a share of the frames.
    """
    frames, bins = features.shape
    for _ in range(time_masks):
        width = int(random.integers(0, int(frames * time_share) + 1))
        start = int(random.integers(0, frames - width + 1))
        features[start : start + width] = 0.0
    for _ in range(frequency_masks):
        width = int(random.integers(0, min(frequency_bins, bins) + 1))
        start = int(random.integers(0, bins - width + 1))
        features[:, start : start + width] = 0.0
    return features


def pad(sequences: Sequence[Tensor], value: float) -> tuple[Tensor, Tensor]:
    """Stack (length, …) tensors into (N, longest, …) filled with `value`; return it and the lengths (N,)."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return torch.nn.utils.rnn.pad_sequence(list(sequences), batch_first=True, padding_value=value), lengths
