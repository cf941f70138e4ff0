"""Each loss against an independent computation, and the traps that published snippets fall into."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from cyasr.cli import UsageError
from cyasr.losses.cross_entropy import IGNORE, cross_entropy
from cyasr.losses.ctc import ctc_loss, infeasible
from cyasr.losses.distillation import NOTHING, Teacher, divergence, frame_distillation, token_distillation
from cyasr.losses.focal import focal, token_weights


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def tokens(*rows: list[int]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    return torch.tensor([row + [IGNORE] * (longest - len(row)) for row in rows]), torch.tensor([len(row) for row in rows])


# CTC


def paths_that_read(text: list[int], log_probs: Tensor) -> float:
    """-log of the sum over all paths that collapse to `text`, one after another."""
    total = 0.0
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        collapsed = [token for token, _ in itertools.groupby(path) if token]
        if collapsed == text:
            total += math.exp(sum(float(log_probs[t, token]) for t, token in enumerate(path)))
    return -math.log(total)


def test_ctc_is_the_sum_over_all_paths() -> None:
    log_probs = torch.randn(2, 5, 3).log_softmax(-1)
    targets, counts = tokens([1, 2, 2], [2])
    lengths = torch.tensor([5, 4])
    expected = paths_that_read([1, 2, 2], log_probs[0]) + paths_that_read([2], log_probs[1, :4])
    assert float(ctc_loss(log_probs, lengths, targets, counts)) == pytest.approx(expected, rel=1e-5)


def test_ctc_counts_what_cannot_be_aligned_and_takes_it_for_zero() -> None:
    targets, counts = tokens([1, 1, 2], [1, 2, 1])  # the repeated token needs a blank: four frames at least
    log_probs = torch.randn(2, 3, 3).log_softmax(-1).requires_grad_()
    lengths = torch.tensor([3, 3])
    loss = ctc_loss(log_probs, lengths, targets, counts)
    loss.backward()
    assert int(infeasible(lengths, targets, counts)) == 1
    assert loss.item() == pytest.approx(paths_that_read([1, 2, 1], log_probs[1].detach()), rel=1e-5)
    assert log_probs.grad is not None and log_probs.grad.isfinite().all()


# cross-entropy


def test_label_smoothing_mixes_the_cross_entropy_against_the_uniform_distribution() -> None:
    logits, (targets, _) = torch.randn(2, 4, 7), tokens([1, 2, 3, 4], [5, 6])
    total = 0.0
    for n, u in (targets != IGNORE).nonzero().tolist():
        p = logits[n, u].double().softmax(0)
        total += 0.9 * -float(p[targets[n, u]].log()) + 0.1 * -float(p.log().mean())
    assert float(cross_entropy(logits, targets, 0.1)) == pytest.approx(total, rel=1e-5)
    # the guide's epsilon * H(u) is a constant: no gradient, and another value
    constant = 0.9 * float(cross_entropy(logits, targets)) + 0.1 * 6 * math.log(7)
    assert float(cross_entropy(logits, targets, 0.1)) != pytest.approx(constant, rel=1e-3)


def test_a_batch_of_padding_alone_costs_nothing() -> None:
    logits = torch.randn(2, 3, 5, requires_grad=True)
    nothing = torch.full((2, 3), IGNORE)
    total = cross_entropy(logits, nothing, 0.1) + focal(logits, nothing, 2.0)
    total.backward()
    assert total.item() == 0.0 and logits.grad is not None and not logits.grad.any()


# focal


def test_focal_weighs_each_token_by_its_class_and_by_what_it_misses() -> None:
    logits, (targets, _) = torch.randn(2, 4, 5), tokens([1, 2, 3, 1], [4])
    alpha = torch.tensor([1.0, 0.5, 2.0, 1.0, 3.0])
    expected = 0.0
    for n, u in (targets != IGNORE).nonzero().tolist():
        p = float(logits[n, u].double().softmax(0)[targets[n, u]])
        expected += -float(alpha[targets[n, u]]) * (1 - p) ** 1.5 * math.log(p)
    assert float(focal(logits, targets, 1.5, alpha)) == pytest.approx(expected, rel=1e-5)


def test_focal_without_gamma_and_alpha_is_cross_entropy() -> None:
    logits, (targets, _) = torch.randn(2, 4, 5), tokens([1, 2, 3, 1], [4])
    assert float(focal(logits, targets, 0.0)) == pytest.approx(float(cross_entropy(logits, targets)), rel=1e-6)


def test_focal_and_its_gradient_are_finite_where_the_model_is_certain() -> None:
    logits = torch.tensor([[[200.0, 0.0, 0.0], [0.0, 200.0, 0.0]]], requires_grad=True)
    loss = focal(logits, torch.tensor([[0, 0]]), 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(200.0) and logits.grad is not None and logits.grad.isfinite().all()


def test_weights_of_a_text_go_to_its_tokens_and_unknown_ones_are_refused() -> None:
    spelt = {"σ̆": [4], "ω": [1]}
    weights = token_weights({"σ̆": 3.0}, spelt.__getitem__, 6, unknown=1)
    assert weights is not None and weights.tolist() == [1.0, 1.0, 1.0, 1.0, 3.0, 1.0]
    assert token_weights({}, spelt.__getitem__, 6) is None
    with pytest.raises(UsageError, match="'ω' is no token"):
        token_weights({"ω": 2.0}, spelt.__getitem__, 6, unknown=1)


# distillation


def known(logits: Tensor, lengths: list[int], temperature: float, top: int) -> Teacher:
    """A teacher's places as they are kept: its best `top` tokens and the rest's mass."""
    log_probs = (logits / temperature).log_softmax(-1)
    best = log_probs.topk(top)
    rest = log_probs.exp().scatter(-1, best.indices, 0.0).sum(-1).log().clamp(min=NOTHING)
    return Teacher(best.indices, best.values, rest, torch.tensor(lengths))


def test_distillation_is_kl_from_the_teacher_times_the_squared_temperature_per_token() -> None:
    student, teacher = torch.randn(2, 4, 6), torch.randn(2, 4, 6)
    targets, counts = tokens([1, 2, 3, 4], [5, 0])
    found = token_distillation(student, targets, known(teacher, counts.tolist(), 2.0, 6), 2.0)
    expected = 0.0
    for n, u in (targets != IGNORE).nonzero().tolist():
        p, q = (teacher[n, u].double() / 2).softmax(0), (student[n, u].double() / 2).softmax(0)
        expected += 4 * float((p * (p.log() - q.log())).sum())
    assert float(found) == pytest.approx(expected, rel=1e-5)
    # `batchmean` over (N, U, V), as the guide has it, divides by utterances and counts the padding: another scale
    batchmean = torch.nn.functional.kl_div((student / 2).log_softmax(-1), (teacher / 2).softmax(-1), reduction="batchmean") * 4
    assert float(found) / int(counts.sum()) != pytest.approx(float(batchmean), rel=0.1)


def test_what_is_not_among_the_best_counts_as_one_class() -> None:
    student, teacher = torch.randn(3, 9).double().log_softmax(-1), torch.randn(3, 9).double().log_softmax(-1)
    ids = teacher.topk(4).indices
    found = divergence(student, ids, teacher.gather(-1, ids), known(teacher, [0], 1.0, 4).rest)
    for n in range(3):
        others = [v for v in range(9) if v not in ids[n].tolist()]
        p, q = (torch.cat([one[n].exp()[ids[n]], one[n].exp()[others].sum()[None]]) for one in (teacher, student))
        assert float(found[n]) == pytest.approx(float((p * (p.log() - q.log())).sum()), rel=1e-6)
    whole = (teacher.exp() * (teacher - student)).sum(-1)
    assert (found <= whole + 1e-12).all()  # coarser classes never tell more apart


def test_a_student_that_is_its_teacher_costs_nothing_and_has_no_gradient() -> None:
    logits = torch.randn(1, 3, 6, requires_grad=True)
    for top in (6, 2):
        loss = token_distillation(logits, torch.tensor([[1, 2, 3]]), known(logits.detach(), [3], 2.0, top), 2.0)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.item() == pytest.approx(0.0, abs=1e-5) and float(gradient.abs().max()) < 1e-6


def test_tokens_that_the_student_lacks_join_the_rest() -> None:
    student = torch.randn(1, 5).log_softmax(-1)
    ids, log_probs = torch.tensor([[2, -1]]), torch.tensor([[math.log(0.5), NOTHING]])
    found = divergence(student, ids, log_probs, torch.tensor([math.log(0.5)]))
    q = student.exp()[0]
    expected = 0.5 * math.log(0.5 / float(q[2])) + 0.5 * math.log(0.5 / float(1 - q[2]))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_an_utterance_that_the_teacher_could_not_take_is_left_out() -> None:
    student, teacher = torch.randn(2, 3, 6), torch.randn(2, 3, 6)
    targets, _ = tokens([1, 2, 3], [4, 5, 1])
    both = token_distillation(student, targets, known(teacher, [3, 0], 2.0, 3), 2.0)
    first = token_distillation(student[:1], targets[:1], known(teacher[:1], [3], 2.0, 3), 2.0)
    assert float(both) == pytest.approx(float(first), rel=1e-6)
    frames = frame_distillation(student.log_softmax(-1), torch.tensor([3, 3]), known(teacher, [0, 0], 2.0, 3), 2.0)
    assert float(frames) == 0.0


@pytest.mark.parametrize(("student_frames", "teacher_frames"), [(6, 6), (6, 3), (3, 6), (7, 5)])
def test_frames_are_compared_at_the_same_share_of_the_utterance(student_frames: int, teacher_frames: int) -> None:
    student, teacher = torch.randn(1, student_frames + 2, 4).log_softmax(-1), torch.randn(1, teacher_frames, 4)
    found = frame_distillation(student, torch.tensor([student_frames]), known(teacher, [teacher_frames], 1.0, 4), 1.0)
    expected = 0.0
    for t in range(student_frames):
        p = teacher[0, int((t + 0.5) / student_frames * teacher_frames)].double().softmax(0)
        expected += float((p * (p.log() - student[0, t].double())).sum())
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_frame_distillation_is_the_divergence_of_the_distributions_over_paths() -> None:
    student, teacher = torch.randn(1, 3, 3).log_softmax(-1), torch.randn(1, 3, 3)
    found = frame_distillation(student, torch.tensor([3]), known(teacher, [3], 1.0, 3), 1.0)
    log_p, log_q = teacher[0].log_softmax(-1).numpy(), student[0].numpy()
    expected = 0.0
    for path in itertools.product(range(3), repeat=3):
        p, q = (sum(one[t, token] for t, token in enumerate(path)) for one in (log_p, log_q))
        expected += float(np.exp(p) * (p - q))
    assert float(found) == pytest.approx(expected, rel=1e-4)
