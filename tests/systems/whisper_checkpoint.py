"""A tiny random Whisper, written to disk as its publisher lays it out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch

from cyasr.modules import hub
from tests.conftest import WORDS

WINDOW = 3  # seconds; Whisper's 30 would take ten times as long

SIZES: dict[str, Any] = {
    "d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 128, "decoder_ffn_dim": 128, "dropout": 0.0, "init_std": 0.1,
}  # fmt: skip


def whisper(
    directory: Path, texts: list[str] | None = None, window: int = WINDOW, sizes: dict[str, Any] | None = None, **settings: Any
) -> Path:
    """As openai/whisper-large-v3: a byte-level BPE of its own, languages and tasks among the special tokens.

    texts: what the tokenizer is learnt from; default: sentences of the tones. window: seconds. sizes: of the model, instead of
    tiny ones. settings: of the generation config.
    """
    from tokenizers import ByteLevelBPETokenizer
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    library = hub.transformers()
    torch.manual_seed(6)
    directory.mkdir(parents=True)
    pieces = ByteLevelBPETokenizer()
    texts = texts or [" ".join(random.Random(n).choices(list(WORDS), k=4)) for n in range(100)]
    pieces.train_from_iterator(texts, vocab_size=400, min_frequency=1, show_progress=False)
    pieces.save_model(str(directory))
    # the tokenizer counts its languages from the start token on
    languages, tasks = [f"<|{code}|>" for code in LANGUAGES], ["<|translate|>", "<|transcribe|>"]
    others = ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special = ["<|endoftext|>", "<|startoftranscript|>", *languages, *tasks, *others]
    tokenizer = library.WhisperTokenizer(str(directory / "vocab.json"), str(directory / "merges.txt"), unk_token="<|endoftext|>")
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.add_tokens([f"<|{number * 0.02:.2f}|>" for number in range(1501)])
    hearing = library.WhisperFeatureExtractor(feature_size=80, chunk_length=window)
    library.WhisperProcessor(hearing, tokenizer).save_pretrained(directory)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in special}
    end, start = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    config = library.WhisperConfig(
        **(sizes or SIZES), max_source_positions=50 * window, vocab_size=len(tokenizer), num_mel_bins=80,
        pad_token_id=end, bos_token_id=end, eos_token_id=end,
        decoder_start_token_id=start, begin_suppress_tokens=None, suppress_tokens=None,
    )  # fmt: skip
    model = library.WhisperForConditionalGeneration(config)
    model.generation_config = library.GenerationConfig(
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start, is_multilingual=True,
        lang_to_id={token: ids[token] for token in languages}, task_to_id={token.strip("<|>"): ids[token] for token in tasks},
        no_timestamps_token_id=ids["<|notimestamps|>"], prev_sot_token_id=ids["<|startofprev|>"], max_length=448,
        max_initial_timestamp_index=50, return_timestamps=False, **settings,
    )  # fmt: skip
    model.save_pretrained(directory)
    return directory
