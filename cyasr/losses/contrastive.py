"""wav2vec 2.0's pretraining (Baevski et al., NeurIPS 2020): find a masked frame's quantised self among distractors.

InfoNCE between the context at a masked frame and its quantised features, and a diversity term that keeps the codebooks
in use. Distractors are other masked frames of the same utterance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

SAME = 1 - 1e-5  # cosine similarity from which two quantised frames have one code; the quantiser's own rounding is below
NONE = -1  # padding in distractors


@dataclass
class Quantised:
    """The M masked frames of N utterances, one after another; an utterance has `counts` of them, at most L.

    context: (M, D) what the encoder says; targets: (M, D) quantised; distractors: (N, L, K), which of the utterance's
    masked frames, NONE where there is none; perplexity: of the codes, summed over codebooks; codes: how many there are.
    """

    context: Tensor
    targets: Tensor
    counts: list[int]
    distractors: Tensor
    perplexity: Tensor
    codes: int


def contrast(frames: Quantised, temperature: float) -> Tensor:
    """InfoNCE of cosine similarities, summed over masked frames, in nats. A distractor with the frame's own code is none."""
    return -(_similarities(frames) / temperature).log_softmax(-1)[..., 0].sum()


def found(frames: Quantised) -> Tensor:
    """How many masked frames are more like their own target than like any distractor."""
    similar = _similarities(frames)
    inside = torch.arange(similar.shape[1]) < torch.tensor(frames.counts)[:, None]
    return (similar.argmax(-1).cpu() == 0)[inside].sum()


def _similarities(frames: Quantised) -> Tensor:
    """(N, L, 1 + K): of context and target, then of context and distractors; -inf for those that are none."""
    context, targets = (
        pad_sequence(list(torch.split(normalize(one.float(), dim=-1), frames.counts)), batch_first=True)
        for one in (frames.context, frames.targets)
    )
    chosen = frames.distractors.clamp(min=0)
    similar = context @ targets.mT  # (N, L, L)
    right = similar.diagonal(dim1=1, dim2=2)[..., None]
    own_code = (targets @ targets.mT).gather(-1, chosen) > SAME
    wrong = similar.gather(-1, chosen).masked_fill(own_code | (frames.distractors == NONE), float("-inf"))
    return torch.cat([right, wrong], dim=-1)


def diversity(frames: Quantised) -> Tensor:
    """The share of codes that go unused, times the masked frames."""
    if not len(frames.context):
        return frames.context.sum()
    return len(frames.context) * (frames.codes - frames.perplexity) / frames.codes


def draw_distractors(masked: int, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(masked, count): for each of an utterance's masked frames others of them, each as likely; NONE where it has no other."""
    if masked < 2:
        return np.full((masked, count), NONE)
    drawn = random.integers(0, masked - 1, size=(masked, count))
    return drawn + (drawn >= np.arange(masked)[:, None])
