"""Connectionist temporal classification (Graves et al., ICML 2006)."""

from __future__ import annotations

import torch
from torch import Tensor


def ctc_loss(log_probs: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The negative log-likelihood summed over utterances, and how many of them cannot be aligned (they count as zero).

    log_probs: (N, T, V) natural log, float32, blank 0; tokens: (N, U), negative where padded.
    """
    targets = tokens.clamp(min=0)
    loss = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), targets, lengths, token_lengths, reduction="none", zero_infinity=True
    ).sum()
    repeats = ((targets[:, 1:] == targets[:, :-1]) & (tokens[:, 1:] >= 0)).sum(1)
    return loss, (lengths < token_lengths + repeats).sum()


def greedy_errors(log_probs: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Token edits of the greedy output against the references, and the references' tokens."""
    from rapidfuzz.distance import Levenshtein

    best = log_probs.argmax(-1).cpu()
    errors = reference = 0
    for path, frames, target, count in zip(best, lengths, tokens.cpu(), token_lengths, strict=True):
        collapsed = path[: int(frames)].unique_consecutive()
        errors += Levenshtein.distance(target[: int(count)].tolist(), collapsed[collapsed != 0].tolist())
        reference += int(count)
    return torch.tensor(errors), torch.tensor(reference)
