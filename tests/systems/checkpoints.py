"""Tiny random checkpoints of the real architectures, written to disk as their publishers lay them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WAVE: dict[str, Any] = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
    "conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
    "hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
}  # fmt: skip
STABLE: dict[str, Any] = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}


def xls_r(directory: Path) -> Path:
    """As facebook/wav2vec2-xls-r-300m: pretrained, no head and no vocabulary."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining

    torch.manual_seed(1)
    return _save(Wav2Vec2ForPreTraining(Wav2Vec2Config(**WAVE, **STABLE)), directory)


def xlsr_greek(directory: Path, letters: str) -> Path:
    """As a fine-tuned XLSR-53: a head over its own vocabulary, space as |, blank as <pad>."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(2)
    vocabulary = {token: row for row, token in enumerate(["|", *letters, "<unk>", "<pad>"])}
    _save(Wav2Vec2ForCTC(Wav2Vec2Config(**WAVE, **STABLE, vocab_size=len(vocabulary))), directory)
    (directory / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    return directory


def mms(directory: Path, letters: str) -> Path:
    """As facebook/mms-1b-all: attention adapters and a head for each language in files of their own."""
    from safetensors.torch import save_file
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(3)
    vocabularies = {"eng": ["<pad>", "<unk>", "|", *"abc"], "ell": ["<pad>", "<unk>", "|", *letters]}
    for language, tokens in vocabularies.items():
        model = Wav2Vec2ForCTC(Wav2Vec2Config(**WAVE, **STABLE, adapter_attn_dim=16, vocab_size=len(tokens)))
        if language == "eng":
            _save(model, directory)
        adapter = {name: value.detach().clone().contiguous() for name, value in model._get_adapters().items()}
        save_file(adapter, directory / f"adapter.{language}.safetensors", metadata={"format": "pt"})
    rows = {language: {token: row for row, token in enumerate(tokens)} for language, tokens in vocabularies.items()}
    (directory / "vocab.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return directory


def mhubert(directory: Path) -> Path:
    """As utter-project/mHuBERT-147: base size's group normalisation, no head."""
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(4)
    return _save(HubertModel(HubertConfig(**WAVE)), directory)


def w2v_bert(directory: Path) -> Path:
    """As facebook/w2v-bert-2.0: log-mel features, no head."""
    from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

    torch.manual_seed(5)
    keys = {key: WAVE[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")}
    config = Wav2Vec2BertConfig(
        **keys, output_hidden_size=keys["hidden_size"], conv_depthwise_kernel_size=7, hidden_dropout=0.0,
        attention_dropout=0.0, activation_dropout=0.0, feat_proj_dropout=0.0, conformer_conv_dropout=0.0, final_dropout=0.0,
    )  # fmt: skip
    return _save(Wav2Vec2BertModel(config), directory)


def _save(model: Any, directory: Path) -> Path:
    model.save_pretrained(directory)
    return directory
