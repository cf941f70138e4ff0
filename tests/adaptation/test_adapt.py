"""What is adapted, what is refused, what is saved, and that a merged model says what it said before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cyasr.adaptation.adapt import adapt, check_used, count, load_saved_state, merge, saved_state
from cyasr.adaptation.bottleneck import WithBottleneck
from cyasr.adaptation.conf import AdaptConf
from cyasr.cli import UsageError

LORA = AdaptConf(kind="lora", targets=["attention", "feed_forward"], rank=4)
QLORA = AdaptConf(kind="qlora", targets=["attention", "feed_forward"], rank=4)
BOTTLENECK = AdaptConf(kind="adapters", targets=["block_outputs"], bottleneck=8)
PARTIAL = AdaptConf(kind="partial", train=["decoder.layers.1", "bias"])
KINDS = {"lora": LORA, "qlora": QLORA, "adapters": BOTTLENECK, "partial": PARTIAL}


def whisper(seed: int = 0) -> Any:
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(seed)
    sizes: dict[str, Any] = {"d_model": 64, "vocab_size": 100, "max_source_positions": 50, "dropout": 0.0}
    for part in ("encoder", "decoder"):
        sizes |= {f"{part}_layers": 2, f"{part}_attention_heads": 2, f"{part}_ffn_dim": 128}
    special = {"pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 1, "decoder_start_token_id": 2}
    config = WhisperConfig(**sizes, **special, suppress_tokens=None, begin_suppress_tokens=None)
    return WhisperForConditionalGeneration(config).eval()


FEATURES = torch.randn(2, 80, 100, generator=torch.Generator().manual_seed(1))
TOKENS = torch.randint(0, 100, (2, 7), generator=torch.Generator().manual_seed(2))


def logits(model: nn.Module) -> Tensor:
    """(2, 7, 100), in evaluation mode."""
    with torch.no_grad():
        found: Tensor = model.eval()(FEATURES, decoder_input_ids=TOKENS).logits
    return found


def train(model: nn.Module, steps: int = 5) -> list[float]:
    """Losses; evaluated in between, as the trainer does."""
    optimizer = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=3e-3)
    losses = []
    for _ in range(steps):
        loss = model.train()(FEATURES, decoder_input_ids=TOKENS, labels=TOKENS).loss
        loss.backward()
        assert all(one.grad is not None for one in model.parameters() if one.requires_grad)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        logits(model)
    return losses


def adapted(conf: AdaptConf, seed: int = 0) -> Any:
    model = whisper(seed)
    adapt(model, conf)
    return model


@pytest.mark.parametrize("kind", ["lora", "adapters", "partial"])
def test_adapting_changes_nothing_before_training(kind: str) -> None:
    assert torch.equal(logits(adapted(KINDS[kind])), logits(whisper()))


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss_and_leaves_what_is_frozen(kind: str) -> None:
    model = adapted(KINDS[kind])
    frozen = {name: value.clone() for name, value in model.state_dict().items() if name not in saved_state(model, KINDS[kind])}
    losses = train(model, steps=20)
    assert losses[-1] < losses[0] - 0.3
    assert frozen and all(torch.equal(model.state_dict()[name], value) for name, value in frozen.items())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_alone_restores_the_same_outputs_on_fresh_base_weights(kind: str) -> None:
    conf = KINDS[kind]
    model = adapted(conf)
    train(model)
    state = saved_state(model, conf)
    weights = [value for name, value in state.items() if value.is_floating_point()]
    assert sum(value.numel() for value in weights) == count(model)[0] < 0.5 * count(model)[1]
    again = adapted(conf)
    load_saved_state(again, state, conf)
    assert torch.equal(logits(again), logits(model))


@pytest.mark.parametrize("conf", [LORA, QLORA, PARTIAL], ids=["lora", "qlora", "partial"])
def test_a_merged_model_gives_the_same_logits_under_the_plain_names(conf: AdaptConf) -> None:
    model = adapted(conf)
    train(model)
    before = logits(model)
    merge(model)
    assert (logits(model) - before).abs().max() < 1e-5 * before.abs().max()
    plain = whisper()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(logits(plain), logits(model))


@pytest.mark.parametrize("option", ["use_dora", "use_rslora"])
def test_options_of_peft_pass_through_and_merge_too(option: str) -> None:
    model = adapted(AdaptConf(kind="lora", targets=["attention"], rank=4, native={option: True}))
    train(model)
    before = logits(model)
    merge(model)
    assert (logits(model) - before).abs().max() < 1e-5 * before.abs().max()


def test_lora_is_alpha_over_rank_times_b_a() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5))
    adapt(model, AdaptConf(kind="lora", targets=["0"], rank=2, alpha=3.0))
    layer: Any = model[0]
    nn.init.normal_(layer.lora_B["default"].weight)
    x = torch.randn(4, 6)
    weight = layer.base_layer.weight + 3.0 / 2 * layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    torch.testing.assert_close(model.eval()(x), x @ weight.T + layer.base_layer.bias)


def test_a_bottleneck_is_its_formula() -> None:
    torch.manual_seed(0)
    layer = WithBottleneck(nn.Linear(6, 5), bottleneck=3, dropout=0.0)
    nn.init.normal_(layer.up.weight)
    x = torch.randn(4, 6)
    h = layer.base_layer(x)
    normal = (h - h.mean(-1, keepdim=True)) / (h.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    inner = (normal @ layer.down.weight.T + layer.down.bias).clamp(min=0)
    torch.testing.assert_close(layer(x), h + inner @ layer.up.weight.T + layer.up.bias)


def test_four_bits_are_nearest_values_of_the_normal_code_times_each_blocks_largest() -> None:
    """Against an independent computation with the sixteen values of the QLoRA paper (appendix E)."""
    nf4 = torch.tensor(
        [-1.0, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0,
         0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0]
    )  # fmt: skip
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(128, 64), nn.Linear(64, 2))
    blocks = model[0].weight.detach().reshape(-1, 64)
    scale = blocks.abs().amax(1, keepdim=True)
    nearest = nf4[(blocks[..., None] / scale[..., None] - nf4).abs().argmin(-1)] * scale
    adapt(model, AdaptConf(kind="qlora", targets=["0"], rank=2))
    merge(model)
    difference = (model[0].weight.reshape(-1, 64) - nearest).abs() / scale
    assert difference.max() < 0.02  # the scales themselves are kept in eight bits
    assert sum(parameter.numel() for parameter in model.parameters()) == 128 * 64 + 64 + 64 * 2 + 2


def test_four_bits_compute_in_autocasts_type() -> None:
    model = adapted(QLORA)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.train()(FEATURES, decoder_input_ids=TOKENS, labels=TOKENS).loss
    loss.backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters() if one.requires_grad)
    assert {one.dtype for one in model.parameters()} == {torch.float32, torch.uint8}


def test_a_shared_weight_is_trained_wherever_it_stands_but_takes_no_low_rank_update() -> None:
    model = adapted(AdaptConf(kind="partial", train=["proj_out"]))
    assert count(model)[0] == 100 * 64 and model.model.decoder.embed_tokens.weight.requires_grad
    with pytest.raises(UsageError, match="proj_out shares its weights"):
        adapted(AdaptConf(kind="lora", targets=["proj_out"]))


def test_a_part_trained_in_full_takes_no_low_rank_update_besides() -> None:
    model = adapted(AdaptConf(kind="lora", targets=["q_proj"], train=["decoder.layers.1"], rank=4))
    names = [name for name, _ in model.named_modules() if name.endswith("lora_A")]
    assert len(names) == 6 - 2 and not any("decoder.layers.1" in name for name in names)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"kind": "lora", "targets": ["o_proj"]}, "no linear layer is called 'o_proj'; did you mean 'out_proj'?"),
        ({"kind": "lora", "targets": ["q_proj", "linear_q"]}, "no linear layer is called 'linear_q'"),
        ({"kind": "lora", "targets": ["decoder.*.conv1"]}, "no linear layer is called 'decoder.*.conv1'"),
        ({"kind": "lora", "targets": ["conv1"]}, "'conv1' is no linear layer but a Conv1d"),
        ({"kind": "adapters", "targets": ["self_attn"]}, "'self_attn' is no linear layer but a WhisperAttention"),
        ({"kind": "lora", "targets": ["q_proj"], "train": ["model"]}, "all of q_proj is trained in full already"),
        ({"kind": "partial", "train": ["layers.7"]}, "'layers.7' is part of no parameter's name"),
        ({"kind": "lora", "targets": ["q_proj"], "native": {"use_dorra": True}}, "PEFT refuses: "),
    ],
)
def test_what_matches_nothing_is_refused_by_name(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as error:
        adapted(AdaptConf(**keys))
    assert str(error.value).startswith("adapt: ") and line in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"kind": "lora"}, "needs targets"),
        ({"kind": "partial"}, "needs train"),
        ({"kind": "full", "train": ["lm_head"]}, "takes no train"),
        ({"kind": "full", "targets": ["q_proj"]}, "takes no targets"),
        ({"kind": "lora", "targets": ["q_proj"], "rank": 0}, "rank and bottleneck from 1"),
        ({"kind": "lora", "targets": ["q_proj"], "native": {"r": 3}}, "besides rank, alpha"),
    ],
)
def test_keys_that_make_no_sense_together_are_refused(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        AdaptConf(**keys)


def test_an_update_that_the_model_passes_by_is_noticed() -> None:
    from transformers import WavLMConfig, WavLMForCTC

    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 5}
    waves = {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "mask_time_prob": 0.0}
    model = WavLMForCTC(WavLMConfig(**small, **waves))
    adapt(model, AdaptConf(kind="lora", targets=["query_value", "feed_forward"], rank=2))
    model(torch.randn(1, 4000)).logits.sum().backward()
    with pytest.raises(UsageError, match="passes by what is put around its v_proj, q_proj; leave"):
        check_used(model)


def test_bottlenecks_cannot_be_merged() -> None:
    with pytest.raises(UsageError, match="cannot be merged"):
        merge(adapted(BOTTLENECK))


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_refused_on_other_base_weights(kind: str) -> None:
    state = saved_state(adapted(KINDS[kind]), KINDS[kind])
    with pytest.raises(UsageError, match="are not those that it was trained on"):
        load_saved_state(adapted(KINDS[kind], seed=1), state, KINDS[kind])
