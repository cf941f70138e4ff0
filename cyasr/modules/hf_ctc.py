"""Pretrained encoders from transformers with a CTC head over our vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cyasr.cli import UsageError
from cyasr.text.tokenizer import BLANK, SPACE, UNK

SPELLINGS = {"|": SPACE, "<pad>": BLANK, "[PAD]": BLANK, "<unk>": UNK, "[UNK]": UNK}  # theirs -> ours


def load(pretrained: str, revision: str | None, language: str | None, tokens: list[str], native: dict[str, Any]) -> nn.Module:
    """The model with its weights and a head of `len(tokens)` rows; those of tokens that it knew before are kept.

    language: MMS's adapter to start from. Raises UsageError where there is no such model or it is of another family.
    """
    auto = _auto_model()
    config = configuration(pretrained, revision, native)
    options: dict[str, Any] = {"config": config, "revision": revision, "ignore_mismatched_sizes": True}
    if language:
        if getattr(config, "adapter_attn_dim", None) is None:
            raise UsageError(f"language_adapter: {pretrained} has no language adapters (config: adapter_attn_dim); MMS has")
        options["target_lang"] = language
    model, info = auto.from_pretrained(pretrained, output_loading_info=True, dtype=torch.float32, **options)
    lost = sorted(name for name in info["missing_keys"] if not name.startswith("lm_head") and not _unused(name))
    if lost:
        raise UsageError(f"{pretrained}: no weights for {len(lost)} tensors of a {config.model_type} model, as {lost[0]}")
    new_head = any(name.startswith("lm_head") for name in info["missing_keys"])
    replace_head(model, tokens, {} if new_head else vocabulary(pretrained, revision, language))
    return model


def empty(directory: Path, tokens: list[str], native: dict[str, Any]) -> nn.Module:
    """The same architecture from the config.json in `directory`, with weights still to come."""
    model: nn.Module = _auto_model().from_config(configuration(str(directory), None, native))
    replace_head(model, tokens, {})
    return model


def configuration(pretrained: str, revision: str | None, native: dict[str, Any]) -> Any:
    """The model's config with `native` over it. Raises UsageError for what cannot be had or is no CTC encoder."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CTC_MAPPING_NAMES

    try:
        config = AutoConfig.from_pretrained(pretrained, revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"pretrained: {pretrained!r} is no model's directory, nor to be had from the hub: {reason}") from None
    if config.model_type not in MODEL_FOR_CTC_MAPPING_NAMES:
        raise UsageError(f"pretrained: {pretrained} is a {config.model_type} model; hf_ctc takes wav2vec2, hubert and their kin")
    config.vocab_size = config.vocab_size or 1  # pretrained encoders may have no head at all; ours replaces it
    unknown = sorted(key for key in native if not hasattr(config, key))
    if unknown:
        raise UsageError(f"native: a {config.model_type} config has no {unknown[0]!r}")
    # masks are drawn by us, with the embedding that a mask_time_prob above 0 makes; a layer dropped would stall DDP
    ours = {"layerdrop": 0.0, "mask_time_prob": 0.05, "mask_feature_prob": 0.0}
    for key, value in (ours | native).items():
        if hasattr(config, key):
            setattr(config, key, value)
    return config


def vocabulary(pretrained: str, revision: str | None, language: str | None) -> dict[str, int]:
    """Our spelling of each token of the pretrained head -> its row; empty where there is no vocab.json."""
    from transformers.utils.hub import cached_file

    path = cached_file(
        pretrained, "vocab.json", revision=revision,
        _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_connection_errors=False,
    )  # fmt: skip
    if path is None:
        return {}
    rows = json.loads(Path(path).read_text(encoding="utf-8"))
    if language and isinstance(rows.get(language), dict):
        rows = rows[language]
    return {SPELLINGS.get(token, token): row for token, row in rows.items() if isinstance(row, int)}


def replace_head(model: Any, tokens: list[str], known: dict[str, int]) -> None:
    """A head over `tokens`, with the old head's rows for those that are `known`; ours is blank 0."""
    old = model.lm_head
    head = nn.Linear(old.in_features, len(tokens))
    head.weight.data.normal_(std=getattr(model.config, "initializer_range", 0.02))
    head.bias.data.zero_()
    for row, token in enumerate(tokens):
        if known.get(token, old.out_features) < old.out_features:
            head.weight.data[row] = old.weight.data[known[token]]
            head.bias.data[row] = old.bias.data[known[token]]
    model.lm_head = head
    model.config.vocab_size, model.config.pad_token_id = len(tokens), 0


def encode_alone(model: Any) -> None:
    """Let group-normalised convolutions see each utterance without its padding, as they were pretrained.

    Their statistics run over time, so that a longer neighbour in the batch would change an utterance's features.
    """
    extractor = model.base_model.feature_extractor
    plain = extractor.forward

    def forward(inputs: Tensor) -> Tensor:
        lengths = model.input_lengths.tolist()
        alone = [plain(inputs[n : n + 1, :length])[0].T for n, length in enumerate(lengths)]
        return nn.utils.rnn.pad_sequence(alone, batch_first=True).transpose(1, 2)

    extractor.forward = forward


def _auto_model() -> Any:
    """AutoModelForCTC, quiet."""
    import transformers

    quiet: Any = transformers.logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    return transformers.AutoModelForCTC


def _unused(name: str) -> bool:
    """Tensors that checkpoints may lack: the mask's embedding is not saved by all, and is only used in training."""
    return name.endswith("masked_spec_embed") or "adapter" in name
