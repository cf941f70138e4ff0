"""Trained parameters of the published architectures, counted on the meta device.

Dimensions from the config.json of openai/whisper-large-v3, facebook/wav2vec2-xls-r-{300m,1b,2b}, facebook/mms-1b-all,
utter-project/mHuBERT-147 and facebook/w2v-bert-2.0. Expected: rank times (in + out) for each adapted matrix, and for
CTC models a new head over 40 characters.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cyasr import conf as confs
from cyasr.adaptation.adapt import adapt, count
from cyasr.adaptation.conf import AdaptConf
from tests.conftest import ROOT

WAVES = {"xls_r_300m": (1024, 24, 4096), "xls_r_1b": (1280, 48, 5120), "xls_r_2b": (1920, 48, 7680), "mms_1b": (1280, 48, 5120)}
ALL = ["attention", "feed_forward"]


def build(name: str) -> nn.Module:
    import transformers

    with torch.device("meta"):
        if name == "whisper_large_v3":
            sizes: dict[str, Any] = {"d_model": 1280, "vocab_size": 51866, "num_mel_bins": 128}
            for part in ("encoder", "decoder"):
                sizes |= {f"{part}_layers": 32, f"{part}_attention_heads": 20, f"{part}_ffn_dim": 5120}
            return transformers.WhisperForConditionalGeneration(transformers.WhisperConfig(**sizes))
        if name == "mhubert_147":
            return transformers.HubertForCTC(transformers.HubertConfig(vocab_size=40))
        if name == "w2v_bert":
            return transformers.Wav2Vec2BertForCTC(transformers.Wav2Vec2BertConfig(vocab_size=40))
        size, layers, units = WAVES[name]
        config = transformers.Wav2Vec2Config(
            hidden_size=size, num_hidden_layers=layers, intermediate_size=units, num_attention_heads=16, vocab_size=40,
            feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True,
            adapter_attn_dim=16 if name == "mms_1b" else None,
        )  # fmt: skip
        return transformers.Wav2Vec2ForCTC(config)


def trained(name: str, conf: AdaptConf) -> int:
    model = build(name)
    adapt(model, conf, head=[] if name == "whisper_large_v3" else ["lm_head"])
    return count(model)[0]


@pytest.mark.parametrize(
    ("name", "targets", "expected"),
    [
        ("whisper_large_v3", ["q_proj", "v_proj"], 7_864_320),
        ("whisper_large_v3", ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"], 28_835_840),
        ("whisper_large_v3", ALL, 28_835_840),
        ("whisper_large_v3", ["decoder.*.fc1", "encoder_attn.q_proj"], 32 * 16 * (1280 + 5120) + 32 * 16 * 2560),
        ("xls_r_300m", ["q_proj", "v_proj"], 1_572_864 + 41_000),
        ("xls_r_300m", ALL, 7_077_888 + 41_000),
        ("xls_r_1b", ["query_value"], 3_932_160 + 51_240),
        ("xls_r_1b", ALL, 17_694_720 + 51_240),
        ("xls_r_2b", ["query_value"], 5_898_240 + 76_840),
        ("xls_r_2b", ALL, 26_542_080 + 76_840),
        ("mms_1b", ["query_value"], 3_932_160 + 51_240),
        ("mms_1b", ALL, 17_694_720 + 51_240),
        ("mhubert_147", ALL, 2_654_208 + 30_760),
        ("w2v_bert", ["linear_q", "linear_v"], 1_572_864 + 41_000),
        ("w2v_bert", ALL, 11_010_048 + 41_000),  # two feed-forward modules a layer
    ],
)
def test_lora_of_rank_16_trains_so_many(name: str, targets: list[str], expected: int) -> None:
    assert trained(name, AdaptConf(kind="lora", targets=targets, rank=16)) == expected


@pytest.mark.parametrize(
    ("conf", "whisper", "xls_r"),
    [
        ("quick", 3_932_160, 786_432),
        ("dialect", 15_728_640, 3_145_728),
        ("dialect_qlora", 15_728_640, 3_145_728),
        ("domain", 57_671_680, 14_155_776),
        ("bottleneck", 26_839_040, 6_441_984),  # two of 2 d + d b + b + b d + d a layer, three in Whisper's decoder
    ],
)
def test_the_ready_confs_train_what_their_headers_say(conf: str, whisper: int, xls_r: int) -> None:
    loaded = confs.load(ROOT / "conf" / f"adapt_{conf}.yaml", AdaptConf)
    assert (trained("whisper_large_v3", loaded), trained("xls_r_300m", loaded)) == (whisper, xls_r + 41_000)


def test_a_language_adapter_of_mms_is_trained_alone_with_the_head() -> None:
    adapters = 48 * (2 * 1280 + 1280 * 16 + 16 + 16 * 1280 + 1280)  # a norm and two layers with biases
    assert trained("mms_1b", AdaptConf(kind="partial", train=["adapter_layer"])) == adapters + 51_240


def test_four_bits_change_no_count() -> None:
    conf = AdaptConf(kind="qlora", targets=["query_value"])
    model = build("whisper_large_v3")
    plain = count(model)
    adapt(model, conf)
    assert plain == (1_543_490_560 - 1500 * 1280, 1_543_490_560)  # Whisper's sinusoids are never trained
    assert count(model) == (7_864_320, 1_543_490_560 + 7_864_320)
