"""wav2vec 2.0's pretraining loss against transformers' own, on the same masks and distractors."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor
from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

from cyasr.losses.contrastive import NONE, Quantised, contrast, diversity, draw_distractors, found
from tests.losses import tiny
from tests.systems.checkpoints import STABLE, WAVE
from tests.systems.running import step

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
    counted = torch.zeros(2, FRAMES, NEGATIVES, dtype=torch.long)
    for n in range(2):
        places = masked[n].nonzero()[:, 0]
        counted[n, places] = places[distractors[n, : len(places)]] + n * FRAMES
    return counted


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
    frames = ours(model, audio, masked, distractors)
    assert contrast(frames, 0.1).item() == pytest.approx(expected.contrastive_loss.item(), rel=1e-5)
    assert diversity(frames).item() == pytest.approx(expected.diversity_loss.item(), rel=1e-5)
    assert (contrast(frames, 0.1) + 0.1 * diversity(frames)).item() == pytest.approx(expected.loss.item(), rel=1e-5)


def test_while_training_the_diversity_is_of_the_soft_choices(model: Wav2Vec2ForPreTraining) -> None:
    audio, (masked, distractors) = torch.randn(2, 16000), masks()
    frames = ours(model.train(), audio, masked, distractors)
    features = model.wav2vec2(audio, mask_time_indices=masked).extract_features[masked]
    soft = model.quantizer.weight_proj(features).view(len(features), 2, -1).softmax(-1).mean(0)
    perplexity = (-(soft * soft.log()).sum(-1)).exp().sum().item()
    assert diversity(frames).item() == pytest.approx(33 * (640 - perplexity) / 640, rel=1e-5)


def test_gradients_reach_encoder_quantiser_and_both_projections(model: Wav2Vec2ForPreTraining) -> None:
    frames = ours(model.train(), torch.randn(2, 16000), *masks())
    (contrast(frames, 0.1) + 0.1 * diversity(frames)).backward()
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
    assert int(found(frames)) == 2


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


def test_pretraining_goes_through_the_step_learns_and_writes_no_text(tones: Path, tmp_path: Path) -> None:
    tiny.workplace(tones, tmp_path)
    loss = {"contrastive": 1.0, "negatives": 10, "gumbel": 1.0}
    keys = tiny.HF_CTC | {
        "batch_seconds": 20, "buckets": 2, "epochs": 6, "lr": 2e-3, "average": 1, "ranks": 1, "freeze_features": False,
        "select": "loss", "loss": loss,
    }  # fmt: skip
    (tmp_path / "train_more.yaml").write_text(yaml.safe_dump(keys))
    done = step(tmp_path, "steps.train", "--data", "data/tones", "--conf", "train_more.yaml", "--ngpu", "0")
    assert done.returncode == 0, done.stdout
    on_dev = [float(found) for found in re.findall(r"dev loss ([\d.]+)", done.stdout)]
    assert on_dev[-1] < 0.93 * on_dev[0], done.stdout
    weights = torch.load(tmp_path / "exp/tones/train_more/model.pt")
    published = Wav2Vec2ForPreTraining(Wav2Vec2Config(**WAVE, **STABLE, mask_time_prob=0.05)).state_dict()
    assert {name.removeprefix("model.") for name in weights} == set(published)
    (tmp_path / "decode_greedy.yaml").write_text("search: greedy\n")
    decoded = step(tmp_path, "steps.decode", "--exp", "exp/tones/train_more", "--conf", "decode_greedy.yaml", "--splits", "dev")
    assert decoded.returncode == 2 and "trained by contrastive alone, it writes no text; fine-tune it" in decoded.stdout
