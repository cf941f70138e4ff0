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


def whisper(directory: Path, texts: list[str]) -> Path:
    """As openai/whisper-large-v3: a byte-level BPE of its own, languages and tasks among the special tokens."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )  # fmt: skip
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    torch.manual_seed(6)
    directory.mkdir(parents=True)
    pieces = ByteLevelBPETokenizer()
    pieces.train_from_iterator(texts, vocab_size=400, min_frequency=1, show_progress=False)
    pieces.save_model(str(directory))
    # the tokenizer counts its languages from the start token on
    languages, tasks = [f"<|{code}|>" for code in LANGUAGES], ["<|translate|>", "<|transcribe|>"]
    others = ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special = ["<|endoftext|>", "<|startoftranscript|>", *languages, *tasks, *others]
    tokenizer = WhisperTokenizer(str(directory / "vocab.json"), str(directory / "merges.txt"), unk_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{number * 0.02:.2f}|>" for number in range(1501)])
    WhisperProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(directory)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in special}
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=128, decoder_ffn_dim=128, dropout=0.0, num_mel_bins=80,
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start,
        begin_suppress_tokens=None, suppress_tokens=None,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start, is_multilingual=True,
        lang_to_id={token: ids[token] for token in languages}, task_to_id={token.strip("<|>"): ids[token] for token in tasks},
        no_timestamps_token_id=ids["<|notimestamps|>"], prev_sot_token_id=ids["<|startofprev|>"], max_length=448,
        max_initial_timestamp_index=50, return_timestamps=False,
    )  # fmt: skip
    return _save(model, directory)
