"""What CTC posteriors say about token sequences: the greedy path, and the probability that an output starts so.

Prefix probabilities follow Watanabe et al. 2017, "Hybrid CTC/Attention Architecture for End-to-End Speech Recognition",
algorithm 2, but in the linear domain: forward probabilities are float64 with a scale for each frame, so that nothing
underflows and no logarithm is taken inside a loop. Scoring a candidate needs only its prefix's forward probabilities
(one dot product over time); the recursion is run for the few hypotheses that survive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOG_ZERO = -1e10
_TINY = 1e-100  # forward probabilities below this are scaled up by its inverse
_LOG_TINY = float(np.log(_TINY))


@dataclass(frozen=True)
class GreedyHypothesis:
    """The best path, collapsed. spans: first and one past the last frame of each token; score: natural log of the path."""

    tokens: list[int]
    spans: list[tuple[int, int]]
    score: float


def greedy(log_probs: torch.Tensor, lens: torch.Tensor, blank: int = 0) -> list[GreedyHypothesis]:
    """The most probable label of each frame, repeats merged and blanks dropped.

    log_probs: (N, T, V) natural log; lens: (N,) frames.
    """
    scores, labels = log_probs.max(dim=-1)
    inside = torch.arange(labels.shape[1], device=labels.device) < lens.to(labels.device)[:, None]
    totals = scores.double().masked_fill(~inside, 0.0).sum(dim=1).tolist()
    return [_collapse(row[:n], blank, total) for row, n, total in zip(labels.cpu().numpy(), lens.tolist(), totals, strict=True)]


def _collapse(labels: Ints, blank: int, score: float) -> GreedyHypothesis:
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    ends = np.append(starts[1:], len(labels))
    kept = labels[starts] != blank
    spans = list(zip(starts[kept].tolist(), ends[kept].tolist(), strict=True))
    return GreedyHypothesis(labels[starts[kept]].tolist(), spans, score)


class PrefixScorer:
    """CTC prefix scores of the hypotheses of N utterances, `width` of each, all utterances' in one array.

    Row m = n * width + k is hypothesis k of utterance n. Rows start as the empty prefix, one an utterance.

    log_probs: (N, T, V) natural log, any device; lens: (N,) frames, each at least 1. `end` is the token that stands
    for "the output ends here"; a CTC never emits it itself.
    """

    def __init__(self, log_probs: torch.Tensor, lens: torch.Tensor, end: int, blank: int = 0) -> None:
        self.end, self.blank = end, blank
        self._probs = log_probs.detach().to("cpu", torch.float32).exp().numpy()
        self._lens = lens.cpu().numpy().astype(np.int64)
        n = len(self._probs)
        self._state = _empty_prefix(self._probs, self._lens, blank)
        self._last = np.full(n, -1, np.int64)
        self.log_prefix: Floats = np.zeros(n)  # (M,) natural log of the probability that the output starts with the row

    def score(self, candidates: Ints) -> Floats:
        """candidates: (M, K) token ids -> (M, K) natural log prefix probability of each row followed by each candidate.

        For the `end` token it is the probability of the row as the whole output; for blank it is LOG_ZERO.
        """
        width = len(self._last) // len(self._lens)
        return _score(self._probs, self._lens, *self._state, self._last, candidates, width, self.end, self.blank)

    def select(self, parents: Ints, tokens: Ints, log_prefix: Floats, utterances: Ints | None) -> None:
        """Go on with new rows: `parents` (M',) extended by `tokens` (M',), of which score() said `log_prefix` (M',).

        utterances: (N',) those that stay, in order, None for all; M' is a multiple of N'. Rows ending in `end` may be
        given; what is scored from them later means nothing.
        """
        if utterances is not None:
            self._probs, self._lens = self._probs[utterances], self._lens[utterances]
        width = len(parents) // len(self._lens)
        self._state = _extend(self._probs, self._lens, *self._state, self._last, parents, tokens, width, self.blank)
        self._last, self.log_prefix = tokens, log_prefix


# A state is (non_blank, blanks, scale), each (M, T + 1): forward probabilities of the row's tokens ending in a non-blank or
# a blank label after t frames, both times exp(scale).


@numba.njit(cache=True)
def _empty_prefix(probs: NDArray[np.float32], lens: Ints, blank: int) -> tuple[Floats, Floats, Floats]:
    count, frames = probs.shape[0], probs.shape[1]
    non_blank = np.zeros((count, frames + 1))
    blanks = np.zeros((count, frames + 1))
    scale = np.zeros((count, frames + 1))
    for n in range(count):
        value, log_scale = 1.0, 0.0
        blanks[n, 0] = 1.0
        for t in range(lens[n]):
            value *= probs[n, t, blank]
            if 0.0 < value < _TINY:
                value /= _TINY
                log_scale += _LOG_TINY
            blanks[n, t + 1] = value
            scale[n, t + 1] = log_scale
    return non_blank, blanks, scale


@numba.njit(cache=True, fastmath={"contract", "reassoc"})
def _score(
    probs: NDArray[np.float32],
    lens: Ints,
    non_blank: Floats,
    blanks: Floats,
    scale: Floats,
    last: Ints,
    candidates: Ints,
    width: int,
    end: int,
    blank: int,
) -> Floats:
    rows, choices = candidates.shape
    scores = np.full((rows, choices), LOG_ZERO)
    sums = np.empty(choices)
    for m in range(rows):
        n = m // width
        frames = lens[n]
        top = -np.inf
        for t in range(frames + 1):
            if scale[m, t] > top and non_blank[m, t] + blanks[m, t] > 0.0:
                top = scale[m, t]
        if top == -np.inf:
            continue
        sums[:] = 0.0
        repeated = 0.0
        before, factor = top, 1.0
        for t in range(frames):
            if scale[m, t] != before:
                before = scale[m, t]
                factor = np.exp(before - top)
            paths = (non_blank[m, t] + blanks[m, t]) * factor
            if paths == 0.0:
                continue
            here = probs[n, t]
            for k in range(choices):
                sums[k] += paths * here[candidates[m, k]]
            if last[m] >= 0:
                repeated += blanks[m, t] * factor * here[last[m]]
        for k in range(choices):
            token = candidates[m, k]
            total, shift = sums[k], top
            if token == end:
                total, shift = non_blank[m, frames] + blanks[m, frames], scale[m, frames]
            elif token == blank:
                total = 0.0
            elif token == last[m]:
                total = repeated
            if total > 0.0:
                scores[m, k] = np.log(total) + shift
    return scores


@numba.njit(cache=True)
def _extend(
    probs: NDArray[np.float32],
    lens: Ints,
    non_blank: Floats,
    blanks: Floats,
    scale: Floats,
    last: Ints,
    parents: Ints,
    tokens: Ints,
    width: int,
    blank: int,
) -> tuple[Floats, Floats, Floats]:
    rows, frames = len(parents), probs.shape[1]
    new_non_blank = np.zeros((rows, frames + 1))
    new_blanks = np.zeros((rows, frames + 1))
    new_scale = np.zeros((rows, frames + 1))
    for m in range(rows):
        n, parent, token = m // width, parents[m], tokens[m]
        repeats = token == last[parent]
        a, b = 0.0, 0.0  # ending in the token, ending in a blank; times exp(log_scale)
        log_scale = scale[parent, 0]
        before, factor = 0.0, 1.0
        new_scale[m, 0] = log_scale
        for t in range(lens[n]):
            arriving = blanks[parent, t]
            if not repeats:
                arriving += non_blank[parent, t]
            if arriving > 0.0 and scale[parent, t] != log_scale:
                if scale[parent, t] > log_scale or a + b == 0.0:
                    shrink = np.exp(log_scale - scale[parent, t]) if a + b > 0.0 else 0.0
                    a *= shrink
                    b *= shrink
                    log_scale = scale[parent, t]
                else:
                    if scale[parent, t] - log_scale != before:
                        before = scale[parent, t] - log_scale
                        factor = np.exp(before)
                    arriving *= factor
            b = (a + b) * probs[n, t, blank]
            a = (a + arriving) * probs[n, t, token]
            if 0.0 < a + b < _TINY:
                a /= _TINY
                b /= _TINY
                log_scale += _LOG_TINY
            new_non_blank[m, t + 1] = a
            new_blanks[m, t + 1] = b
            new_scale[m, t + 1] = log_scale
    return new_non_blank, new_blanks, new_scale
