from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.search.ctc import LOG_ZERO, PrefixScorer, greedy

BLANK, END = 0, 3


def posteriors(seed: int, frames: int, tokens: int = 4) -> torch.Tensor:
    return (3 * torch.randn(1, frames, tokens, generator=torch.Generator().manual_seed(seed))).log_softmax(dim=-1)


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != BLANK)


def summed(log_probs: torch.Tensor, prefix: tuple[int, ...], whole: bool) -> float:
    """Log probability, over all paths written out, that the output is `prefix`, or starts with it. The end is never emitted."""
    probs = log_probs[0].double().exp().numpy()
    total = 0.0
    # A path's output starts with the prefix once it has: count each path at the frame that completes it.
    for length in range(1, len(probs) + 1) if not whole else [len(probs)]:
        for path in itertools.product(range(probs.shape[1]), repeat=length):
            out = collapsed(path)
            if out == prefix and (whole or collapsed(path[:-1]) != prefix):
                total += float(np.prod([probs[t, label] for t, label in enumerate(path)]))
    return float(np.log(total)) if total else LOG_ZERO


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.lists(st.integers(1, 2), min_size=1, max_size=3))
def test_prefix_scores_are_the_sums_over_all_paths(seed: int, frames: int, tokens: list[int]) -> None:
    log_probs = posteriors(seed, frames)
    scorer = PrefixScorer(log_probs, torch.tensor([frames]), END)
    candidates = np.array([[1, 2, BLANK, END]])
    for i, token in enumerate(tokens):
        scores = scorer.score(candidates)[0]
        prefix = tuple(tokens[:i])
        for candidate in (1, 2):
            assert scores[candidate - 1] == pytest.approx(
                summed(log_probs, (*prefix, candidate), whole=False), rel=1e-6, abs=1e-6
            )
        assert scores[2] == LOG_ZERO
        assert scores[3] == pytest.approx(summed(log_probs, prefix, whole=True), rel=1e-6, abs=1e-6)
        scorer.select(np.array([0]), np.array([token]), scores[[token - 1]], None)


def test_prefix_scores_do_not_underflow_on_long_and_unlikely_outputs() -> None:
    frames = 3000
    log_probs = (8 * torch.randn(1, frames, 4, generator=torch.Generator().manual_seed(0))).log_softmax(dim=-1)
    scorer = PrefixScorer(log_probs, torch.tensor([frames]), END)
    tokens = [1, 2, 2, 1] * 100
    for token in tokens:
        score = scorer.score(np.array([[token]]))[:, 0]
        scorer.select(np.array([0]), np.array([token]), score, None)
    whole = scorer.score(np.array([[END]]))[0, 0]
    loss = torch.nn.functional.ctc_loss(
        log_probs.double().transpose(0, 1), torch.tensor([tokens]), torch.tensor([frames]), torch.tensor([400]), reduction="sum"
    )
    assert whole == pytest.approx(-loss.item(), rel=1e-6, abs=1e-6)
    assert whole < -4000


def test_frames_beyond_the_length_are_not_heard() -> None:
    log_probs = posteriors(1, 6)
    candidates = np.array([[1, 2, END]])
    alone = PrefixScorer(log_probs[:, :4], torch.tensor([4]), END).score(candidates)
    assert np.allclose(PrefixScorer(log_probs, torch.tensor([4]), END).score(candidates), alone)


def test_greedy_merges_repeats_drops_blanks_and_says_where() -> None:
    labels = torch.tensor([[0, 2, 2, 0, 2, 1, 1, 0], [1, 1, 0, 0, 3, 3, 3, 3]])
    log_probs = (torch.nn.functional.one_hot(labels, 4) * 5.0).log_softmax(dim=-1)
    first, second = greedy(log_probs, torch.tensor([8, 3]))
    assert first.tokens == [2, 2, 1]
    assert first.spans == [(1, 3), (4, 5), (5, 7)]
    assert first.score == pytest.approx(8 * float(log_probs.max()), rel=1e-6)
    assert (second.tokens, second.spans) == ([1], [(0, 2)])
    assert second.score == pytest.approx(3 * float(log_probs.max()), rel=1e-6)


def test_greedy_of_silence_is_empty() -> None:
    log_probs = torch.tensor([5.0, 0.0, 0.0]).log_softmax(dim=0).expand(1, 7, 3)
    assert greedy(log_probs, torch.tensor([7]))[0].tokens == []
