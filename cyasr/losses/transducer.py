"""Transducers: RNN-T (Graves, 2012) and token-and-duration (Xu et al., ICML 2023, equation 7), on any device.

NeMo's kernel for the latter is CUDA's, and its `tdt_pytorch` calls `.cuda()` and loops over every cell in Python; this one
steps over frames, all tokens and utterances together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEVER = -1e30  # natural log of what cannot be; finite, so that gradients are
RNNT = (0, 1)  # durations of a plain transducer: a token takes none, a blank one frame


@dataclass
class Lattice:
    """What arcs cost that leave frame t after u tokens of a transcript: natural logs, float32.

    blank: (N, T, U + 1); token: (N, T, U) of the transcript's next one; durations: (N, T, U + 1, D) of each of `steps`
    frames, None where a token takes none and a blank one; lengths, token_lengths: (N,).
    """

    blank: Tensor
    token: Tensor
    durations: Tensor | None
    steps: tuple[int, ...]
    lengths: Tensor
    token_lengths: Tensor
    tokens: Tensor  # (N, U), negative where padded
    written: list[list[int]] | None = None  # what greedy search finds; in evaluation only


def transducer_loss(lattice: Lattice, sigma: float = 0.0) -> Tensor:
    """The negative log-likelihood in nats, summed over utterances.

    sigma: taken off every token's and blank's log-probability, which favours long durations (Xu et al., section 4).
    """
    return -log_likelihood(lattice, sigma).sum().float()


def log_likelihood(lattice: Lattice, sigma: float = 0.0) -> Tensor:
    """(N,) natural logs, float64, of the transcripts' probabilities, over all alignments that end with the last frame.

    One that no alignment fits counts as zero.
    """
    blank, token = (one.double() - sigma for one in (lattice.blank, lattice.token))
    count, frames, rows = blank.shape
    blank_arcs, token_arcs = _arcs(lattice, blank, token)
    # a token that takes no frame moves along u at the same t: alpha_u = logsumexp over v <= u of base_v + stay_v..u-1
    stay = token_arcs.pop(0, None)
    alphas: list[Tensor] = []
    start = torch.full((count, rows), NEVER, dtype=blank.dtype, device=blank.device)
    start[:, 0] = 0.0
    for t in range(frames):
        parts = [] if t else [start]
        for step, arc in blank_arcs.items():
            if step <= t:
                parts.append(alphas[t - step] + arc[:, t - step])
        for step, arc in token_arcs.items():
            if step <= t:
                parts.append(_shifted(alphas[t - step][:, :-1] + arc[:, t - step]))
        base = torch.stack(parts).logsumexp(0) if parts else torch.full_like(start, NEVER)
        if stay is not None:
            along = torch.nn.functional.pad(stay[:, t].cumsum(1), (1, 0))
            base = along + torch.logcumsumexp(base - along, 1)
        alphas.append(base.clamp(min=NEVER))
    # only blanks may end: a token that reaches past the last frame does not
    ends = torch.stack([_ended(alphas, arc, step, lattice) for step, arc in blank_arcs.items()])
    found = ends.logsumexp(0)
    return torch.where(found > NEVER / 2, found, torch.zeros_like(found))


def infeasible(lattice: Lattice) -> Tensor:
    """How many utterances no alignment fits: without a duration of no frames, tokens need frames of their own."""
    least = min(lattice.steps)
    return (lattice.lengths < least * lattice.token_lengths + 1).sum()


def errors(lattice: Lattice) -> tuple[Tensor, Tensor, Tensor]:
    """Token edits of what greedy search wrote against the references, the references' tokens and the output's."""
    from rapidfuzz.distance import Levenshtein

    wrong = reference = written = 0
    for row, count, output in zip(lattice.tokens.cpu(), lattice.token_lengths, lattice.written or [], strict=True):
        wrong += Levenshtein.distance(row[: int(count)].tolist(), output)
        reference += int(count)
        written += len(output)
    return torch.tensor(wrong), torch.tensor(reference), torch.tensor(written)


def _arcs(lattice: Lattice, blank: Tensor, token: Tensor) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Blanks' and tokens' logs by the frames that they take; a blank takes one at least."""
    if lattice.durations is None:
        return {1: blank}, {0: token}
    spent = lattice.durations.double()
    blanks = {step: blank + spent[..., n] for n, step in enumerate(lattice.steps) if step > 0}
    tokens = {step: token + spent[:, :, :-1, n] for n, step in enumerate(lattice.steps)}
    return blanks, tokens


def _shifted(values: Tensor) -> Tensor:
    """(N, U) moved to u + 1: (N, U + 1)."""
    return torch.nn.functional.pad(values, (1, 0), value=NEVER)


def _ended(alphas: list[Tensor], arc: Tensor, step: int, lattice: Lattice) -> Tensor:
    """(N,) logs of reaching the end by a last blank of `step` frames."""
    start = (lattice.lengths - step).to(arc.device)
    rows = torch.arange(len(arc), device=arc.device)
    last = lattice.token_lengths.to(arc.device)
    at = start.clamp(min=0)
    reached = torch.stack(alphas, 1)[rows, at, last] + arc[rows, at, last]
    return torch.where(start >= 0, reached, torch.full_like(reached, NEVER))
