"""wav2vec 2.0's pretraining loss against transformers' own, on the same masks and distractors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

from cyasr.losses.contrastive import NONE, Quantised, contrast, diversity, draw_distractors
from tests.systems.checkpoints import STABLE, WAVE

FRAMES, NEGATIVES = 49, 20


@pytest.fixture
def model() -> Wav2Vec2ForPreTraining:
    torch.manual_seed(3)
    return Wav2Vec2ForPreTraining(Wav2Vec2Config(**WAVE, **STABLE, feat_quantizer_dropout=0.0, mask_time_prob=0.05))


def masks() -> tuple[Tensor, Tensor]:
    """(2, FRAMES) masked frames, and distractors as ours are given: among an utterance's masked frames."""
    random = np.random.default_rng(1)
    masked = np.zeros((2, FRAMES), dtype=bool)
    masked[0, 3:23] = masked[1, 10:20] = masked[1, 30:33] = True
    drawn = [draw_distractors(int(row.sum()), NEGATIVES, random) for row in masked]
    padded = np.full((2, 20, NEGATIVES), NONE)
    for n, one in enumerate(drawn):
        padded[n, : len(one)] = one
    return torch.from_numpy(masked), torch.from_numpy(padded)


def theirs(masked: Tensor, distractors: Tensor) -> Tensor:
    """The same distractors as transformers counts them: (2, FRAMES, K) places in the flattened batch."""
    found = torch.zeros(2, FRAMES, NEGATIVES, dtype=torch.long)
    for n in range(2):
        places = masked[n].nonzero()[:, 0]
        found[n, places] = places[distractors[n, : len(places)]] + n * FRAMES
    return found


def ours(model: Wav2Vec2ForPreTraining, audio: Tensor, masked: Tensor, distractors: Tensor) -> Quantised:
    encoded = model.wav2vec2(audio, mask_time_indices=masked)
    codes, perplexity = model.quantizer(encoded.extract_features[masked][None])
    context = model.project_hid(encoded.last_hidden_state[masked])
    total = model.quantizer.num_groups * model.quantizer.num_vars
    return Quantised(context, model.project_q(codes[0]), masked.sum(1).tolist(), distractors, perplexity, total)


def test_contrast_and_diversity_are_those_of_transformers(model: Wav2Vec2ForPreTraining) -> None:
    model.eval()  # the quantiser takes its best code: nothing is left to chance
    audio, (masked, distractors) = torch.randn(2, 16000), masks()
    expected = model(audio, mask_time_indices=masked, sampled_negative_indices=theirs(masked, distractors))
    found = ours(model, audio, masked, distractors)
    assert contrast(found, 0.1).item() == pytest.approx(expected.contrastive_loss.item(), rel=1e-5)
    assert diversity(found).item() == pytest.approx(expected.diversity_loss.item(), rel=1e-5)
    assert (contrast(found, 0.1) + 0.1 * diversity(found)).item() == pytest.approx(expected.loss.item(), rel=1e-5)


def test_while_training_the_diversity_is_of_the_soft_choices(model: Wav2Vec2ForPreTraining) -> None:
    audio, (masked, distractors) = torch.randn(2, 16000), masks()
    found = ours(model.train(), audio, masked, distractors)
    features = model.wav2vec2(audio, mask_time_indices=masked).extract_features[masked]
    soft = model.quantizer.weight_proj(features).view(len(features), 2, -1).softmax(-1).mean(0)
    perplexity = (-(soft * soft.log()).sum(-1)).exp().sum().item()
    assert diversity(found).item() == pytest.approx(33 * (640 - perplexity) / 640, rel=1e-5)


def test_gradients_reach_encoder_quantiser_and_both_projections(model: Wav2Vec2ForPreTraining) -> None:
    found = ours(model.train(), torch.randn(2, 16000), *masks())
    (contrast(found, 0.1) + 0.1 * diversity(found)).backward()
    for part in ("wav2vec2.encoder.layers.0.attention.q_proj", "quantizer.weight_proj", "project_q", "project_hid"):
        gradient = model.get_parameter(f"{part}.weight").grad
        assert gradient is not None and gradient.isfinite().all() and gradient.any()


def test_infonce_by_hand() -> None:
    context = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    frames = Quantised(context, targets, [3], torch.tensor([[[1, 2], [0, 2], [0, 1]]]), torch.tensor(2.0), 4)
    half = math.sqrt(0.5)
    expected = -sum(
        right - math.log(sum(map(math.exp, (right, *wrong))))
        for right, wrong in [(2.0, (0.0, -2.0)), (2.0, (0.0, 0.0)), (-2 * half, (2 * half, 2 * half))]
    )
    assert contrast(frames, 0.5).item() == pytest.approx(expected, rel=1e-5)
    assert diversity(frames).item() == pytest.approx(3 * (4 - 2) / 4)


def test_a_distractor_with_the_frames_own_code_is_none() -> None:
    context, targets = torch.randn(3, 4), torch.randn(3, 4)
    targets[2] = targets[0]
    frames = Quantised(context, targets, [3], torch.tensor([[[1, 2], [0, 2], [0, 1]]]), torch.tensor(2.0), 4)
    without = Quantised(context, targets, [3], torch.tensor([[[1, NONE], [0, 2], [NONE, 1]]]), torch.tensor(2.0), 4)
    assert contrast(frames, 0.1).item() == pytest.approx(contrast(without, 0.1).item())


def test_distractors_are_other_frames_each_as_likely() -> None:
    drawn = draw_distractors(5, 4000, np.random.default_rng(0))
    for frame, row in enumerate(drawn):
        counts = np.bincount(row, minlength=5)
        assert counts[frame] == 0
        assert (abs(np.delete(counts, frame) - 1000) < 150).all()
    assert (draw_distractors(1, 3, np.random.default_rng(0)) == NONE).all()


def test_batches_without_masks_or_distractors_cost_nothing() -> None:
    nothing = torch.zeros(0, 4, requires_grad=True)
    empty = Quantised(nothing, nothing, [0, 0], torch.zeros(2, 0, 3, dtype=torch.long), torch.tensor(float("nan")), 4)
    assert contrast(empty, 0.1).item() == 0.0 and diversity(empty).item() == 0.0
    alone = Quantised(torch.randn(1, 4), torch.randn(1, 4), [1], torch.full((1, 1, 3), NONE), torch.tensor(2.0), 4)
    assert contrast(alone, 0.1).item() == 0.0
