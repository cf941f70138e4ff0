"""Connectionist temporal classification (Graves et al., ICML 2006)."""

from __future__ import annotations

import torch
from torch import Tensor


def ctc_loss(log_probs: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Tensor:
    """The negative log-likelihood in nats, summed over utterances; those that cannot be aligned count as zero.

    log_probs: (N, T, V) natural log, float32, blank 0; tokens: (N, U), negative where padded.
    """
    return torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), tokens.clamp(min=0), lengths, token_lengths, reduction="none", zero_infinity=True
    ).sum()


def infeasible(lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> Tensor:
    """How many utterances have fewer frames than tokens and the blanks that repeated ones need between them."""
    repeats = ((tokens[:, 1:] == tokens[:, :-1]) & (tokens[:, 1:] >= 0)).sum(1)
    return (lengths < token_lengths + repeats.to(token_lengths.device)).sum()


def greedy_errors(log_probs: Tensor, lengths: Tensor, tokens: Tensor, token_lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Token edits of the greedy output against the references, the references' tokens and the output's."""
    from rapidfuzz.distance import Levenshtein

    best = log_probs.argmax(-1).cpu()
    errors = reference = written = 0
    for path, frames, target, count in zip(best, lengths, tokens.cpu(), token_lengths, strict=True):
        collapsed = path[: int(frames)].unique_consecutive()
        output = collapsed[collapsed != 0].tolist()
        errors += Levenshtein.distance(target[: int(count)].tolist(), output)
        reference += int(count)
        written += len(output)
    return torch.tensor(errors), torch.tensor(reference), torch.tensor(written)
