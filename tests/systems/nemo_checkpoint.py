"""Tiny random Canary and Parakeet of the real classes, in .nemo files: the published configurations with small sizes."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import sentencepiece
import torch

from cyasr.modules import nemo_architecture, nemo_models
from tests.conftest import WORDS

SMALL = 64
ENCODER = {
    "n_layers": 2, "d_model": SMALL, "n_heads": 2, "subsampling_conv_channels": 32, "dropout": 0.0, "dropout_pre_encoder": 0.0,
    "dropout_att": 0.0, "pos_emb_max_len": 500, "subsampling_factor": 4,
}  # fmt: skip
SPECIAL = [
    *("<|nospeech|>", "<pad>", "<|endoftext|>", "<|startoftranscript|>", "<|pnc|>", "<|nopnc|>", "<|startofcontext|>"),
    *("<|itn|>", "<|noitn|>", "<|timestamp|>", "<|notimestamp|>", "<|diarize|>", "<|nodiarize|>", "<|emo:undefined|>"),
    *("<|el|>", "<|en|>"),
]
ENGLISH = ["one", "two", "three", "beetle", "and"]


def texts(words: list[str]) -> list[str]:
    return [" ".join(random.Random(n).choices(words, k=4)) for n in range(200)]


def pieces(directory: Path, words: list[str], size: int, special: list[str]) -> Path:
    """A sentencepiece BPE learnt from sentences of `words`, with the files that NeMo lays beside it."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts(words)), model_writer=made, vocab_size=size, model_type="bpe", character_coverage=1.0,
        user_defined_symbols=special, unk_id=0, bos_id=-1, eos_id=-1, pad_id=-1, hard_vocab_limit=False, minloglevel=2,
        normalization_rule_name="identity",
    )  # fmt: skip
    return nemo_architecture.write_tokenizer(directory, made.getvalue())


def canary_config() -> dict[str, Any]:
    config: dict[str, Any] = nemo_architecture.published("canary-1b-v2")["config"]
    config["model_defaults"] = dict.fromkeys(config["model_defaults"], SMALL)
    config["encoder"] |= ENCODER
    config["transf_encoder"] |= {"hidden_size": SMALL, "inner_size": 2 * SMALL, "num_attention_heads": 2}
    config["transf_decoder"]["config_dict"] |= {
        "hidden_size": SMALL, "inner_size": 2 * SMALL, "num_layers": 2, "num_attention_heads": 2, "max_sequence_length": 120,
        "embedding_dropout": 0.0, "ffn_dropout": 0.0, "attn_score_dropout": 0.0, "attn_layer_dropout": 0.0,
    }  # fmt: skip
    config["head"]["hidden_size"] = SMALL
    return config


def canary(path: Path, greek: list[str] | None = None) -> Path:
    """As nvidia/canary-1b-v2, but with an aggregate tokenizer, as the first Canary: special tokens, Greek, English.

    greek: the words that the tokenizer's Greek is learnt from, here and below; default: the tones'.
    """
    greek = greek or list(WORDS)
    torch.manual_seed(8)
    work = path.parent / f"{path.stem}_tokenizers"
    langs = {
        "spl_tokens": pieces(work / "spl", SPECIAL[:1], len(SPECIAL) + 20, SPECIAL),
        "el": pieces(work / "el", greek, 60, []),
        "en": pieces(work / "en", ENGLISH, 40, []),
    }
    config = canary_config()
    config["tokenizer"] = {}
    tokenizer = {
        "dir": None, "type": "agg", "langs": {name: {"dir": str(directory), "type": "bpe"} for name, directory in langs.items()},
        "custom_tokenizer": {"_target_": "nemo.collections.common.tokenizers.canary_tokenizer.CanaryTokenizer"},
    }  # fmt: skip
    nemo_models.save(nemo_architecture.build(config, tokenizer), path)
    return path


def canary_unified(path: Path, greek: list[str] | None = None) -> Path:
    """As nvidia/canary-1b-v2, with one tokenizer for all languages."""
    torch.manual_seed(9)
    directory = pieces(path.parent / f"{path.stem}_tokenizer", [*(greek or WORDS), *ENGLISH], 100, SPECIAL)
    nemo_models.save(nemo_architecture.build(canary_config(), {"dir": str(directory)}), path)
    return path


def parakeet_config() -> dict[str, Any]:
    config: dict[str, Any] = nemo_architecture.published("parakeet-tdt-0.6b-v3")["config"]
    config["model_defaults"] |= {"enc_hidden": SMALL, "pred_hidden": SMALL, "joint_hidden": SMALL}
    config["encoder"] |= ENCODER
    config["decoder"]["prednet"] |= {"pred_hidden": SMALL, "dropout": 0.0, "pred_rnn_layers": 1}
    config["joint"]["jointnet"] |= {"joint_hidden": SMALL, "encoder_hidden": SMALL, "pred_hidden": SMALL, "dropout": 0.0}
    return config


def parakeet(path: Path, greek: list[str] | None = None) -> Path:
    """As nvidia/parakeet-tdt-0.6b-v3."""
    torch.manual_seed(10)
    directory = pieces(path.parent / f"{path.stem}_tokenizer", [*(greek or WORDS), *ENGLISH], 80, [])
    nemo_models.save(nemo_architecture.build(parakeet_config(), {"dir": str(directory)}), path)
    return path
