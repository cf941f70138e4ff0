"""Tiny random language models of real architectures with real tokenizers, written to disk as their publishers lay them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

TEXT = ["ο σ̆ύλλος έρκεται τωρά", "τζ̆αι εν ο κάττος μιτσής", "έν είδα τίποτε πόψε", "πάμεν εις το χωρκόν", "Ο Σύλλος."] * 3


def gpt2(directory: Path) -> Path:
    """Byte-level pieces; the end of text is the start, too."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = _byte_pieces(["<|endoftext|>"], bos_token="<|endoftext|>", eos_token="<|endoftext|>")
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=0)
    return _save(GPT2LMHeadModel, config, tokenizer, directory)


def llama(directory: Path) -> Path:
    """Byte-level pieces, a start and an end of its own, grouped queries."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _byte_pieces(["<s>", "</s>"], bos_token="<s>", eos_token="</s>")
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return _save(LlamaForCausalLM, config, tokenizer, directory)


def bert(directory: Path) -> Path:
    """Word pieces of small letters without marks."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    pieces = BertWordPieceTokenizer(lowercase=True, strip_accents=True)
    pieces.train_from_iterator(TEXT, vocab_size=80, min_frequency=1)
    directory.mkdir(parents=True, exist_ok=True)
    pieces.save_model(str(directory))
    tokenizer = BertTokenizerFast(str(directory / "vocab.txt"), do_lower_case=True, strip_accents=True)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64,
    )  # fmt: skip
    return _save(BertForMaskedLM, config, tokenizer, directory)


def _byte_pieces(special: list[str], **roles: str) -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    pieces = ByteLevelBPETokenizer()
    pieces.train_from_iterator(TEXT, vocab_size=300, min_frequency=1, special_tokens=special)
    return PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **roles)


def _save(model_class: Any, config: Any, tokenizer: Any, directory: Path) -> Path:
    torch.manual_seed(1)
    config.initializer_range = 0.5  # far from uniform
    model_class(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory
