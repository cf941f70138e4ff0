"""The transducer losses against every alignment, one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch

from cyasr.losses.transducer import RNNT, Lattice, errors, infeasible, log_likelihood, transducer_loss

STEPS = (0, 1, 2, 3)


def drawn(frames: list[int], tokens: list[int], steps: tuple[int, ...] | None = STEPS, seed: int = 1) -> Lattice:
    random = torch.Generator().manual_seed(seed)
    count, most, longest = len(frames), max(frames), max(tokens)
    symbols = torch.randn(count, most, longest + 1, 5, generator=random).log_softmax(-1)
    spent = None if steps is None else torch.randn(count, most, longest + 1, len(steps), generator=random).log_softmax(-1)
    return Lattice(
        symbols[..., 4], symbols[:, :, :-1, 2], spent, steps or RNNT, torch.tensor(frames), torch.tensor(tokens),
        torch.full((count, longest), 2),
    )  # fmt: skip


def alignments(lattice: Lattice, n: int, t: int, u: int) -> Iterator[float]:
    """Logs of every way from frame t and u tokens to the end."""
    frames, tokens = int(lattice.lengths[n]), int(lattice.token_lengths[n])
    if t >= frames:
        if t == frames and u == tokens:
            yield 0.0
        return
    arcs = []
    for at, step in enumerate(lattice.steps):
        spent = 0.0 if lattice.durations is None else float(lattice.durations[n, t, u, at])
        if step > 0:
            arcs.append((step, 0, float(lattice.blank[n, t, u]) + spent))
        if u < tokens and (lattice.durations is not None or step == 0):
            arcs.append((step, 1, float(lattice.token[n, t, u]) + spent))
    for step, token, log in arcs:
        if token and t + step >= frames:
            continue  # only a blank may end
        yield from (log + rest for rest in alignments(lattice, n, t + step, u + token))


@pytest.mark.parametrize("steps", [STEPS, (0, 1), (1, 2), None])
def test_the_likelihood_is_the_sum_over_all_alignments(steps: tuple[int, ...] | None) -> None:
    lattice = drawn([5, 4, 3, 2], [2, 3, 0, 1], steps)
    found = log_likelihood(lattice).tolist()
    for n, value in enumerate(found):
        logs = list(alignments(lattice, n, 0, 0))
        assert value == pytest.approx(math.log(sum(map(math.exp, logs))) if logs else 0.0, abs=1e-4), n


def test_gradients_are_those_of_small_changes() -> None:
    lattice = drawn([4, 3], [2, 1])
    assert lattice.durations is not None

    def loss(blank: torch.Tensor, token: torch.Tensor, spent: torch.Tensor) -> torch.Tensor:
        made = Lattice(blank, token, spent, STEPS, lattice.lengths, lattice.token_lengths, lattice.tokens)
        return log_likelihood(made).sum()

    inputs = [one.double().requires_grad_() for one in (lattice.blank, lattice.token, lattice.durations)]
    assert torch.autograd.gradcheck(loss, inputs)


def test_what_no_alignment_fits_counts_as_nothing_and_is_counted() -> None:
    lattice = drawn([2, 6], [3, 3], steps=(1, 2))
    lattice.blank.requires_grad_()
    loss = transducer_loss(lattice)
    loss.backward()
    assert int(infeasible(lattice)) == 1
    assert loss.item() == pytest.approx(-log_likelihood(drawn([2, 6], [3, 3], steps=(1, 2)))[1].item(), rel=1e-5)
    assert lattice.blank.grad is not None and lattice.blank.grad.isfinite().all() and not lattice.blank.grad[0].any()


def test_sigma_makes_every_symbol_dearer() -> None:
    lattice = drawn([6], [2])
    assert float(log_likelihood(lattice, 0.1)) < float(log_likelihood(lattice))


def test_padding_changes_nothing() -> None:
    both, alone = drawn([5, 3], [3, 1]), drawn([5, 3], [3, 1])
    assert both.durations is not None and alone.durations is not None
    short = Lattice(
        alone.blank[1:, :3, :2], alone.token[1:, :3, :1], alone.durations[1:, :3, :2], STEPS, alone.lengths[1:],
        alone.token_lengths[1:], alone.tokens[1:],
    )  # fmt: skip
    assert float(log_likelihood(both)[1]) == pytest.approx(float(log_likelihood(short)), abs=1e-5)


def test_errors_are_edits_of_what_greedy_search_wrote() -> None:
    lattice = drawn([4, 4], [3, 2])
    lattice.written = [[2, 2, 2], [2, 1, 1]]
    assert [int(one) for one in errors(lattice)] == [2, 5, 6]
