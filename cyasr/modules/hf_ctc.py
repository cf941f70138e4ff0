"""Pretrained encoders from transformers with a CTC head over our vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cyasr.cli import UsageError
from cyasr.modules import hub
from cyasr.text.tokenizer import BLANK, SPACE, UNK

HEAD = "lm_head"
SPELLINGS = {"|": SPACE, "<pad>": BLANK, "[PAD]": BLANK, "<unk>": UNK, "[UNK]": UNK}  # theirs -> ours


def load(
    pretrained: str,
    revision: str | None,
    language: str | None,
    tokens: list[str],
    native: dict[str, Any],
    quantised: bool = False,
) -> nn.Module:
    """The model with its weights and a head of `len(tokens)` rows, if any; those of tokens that it knew before are kept.

    language: MMS's adapter to start from. quantised: with the quantiser that it was pretrained with. Raises UsageError
    where there is no such model or it is of another family.
    """
    config = _configuration(pretrained, revision, native)
    options: dict[str, Any] = {"ignore_mismatched_sizes": True}
    if language:
        if getattr(config, "adapter_attn_dim", None) is None:
            raise UsageError(f"language_adapter: {pretrained} has no language adapters (config: adapter_attn_dim); MMS has")
        options["target_lang"] = language
    # heads are new to pretrained encoders, adapters to some; the mask's embedding is not saved by all
    new = (HEAD, "masked_spec_embed", "adapter_layer")
    if quantised:
        options.pop("target_lang", None)
        _check_quantiser(pretrained, config)
        model, _ = hub.weights(hub.transformers().Wav2Vec2ForPreTraining, pretrained, revision, config, new, **options)
        return _with_head(model, tokens)
    model, missing = hub.weights(hub.transformers().AutoModelForCTC, pretrained, revision, config, new, **options)
    new_head = any(name.startswith(HEAD) for name in missing)
    replace_head(model, tokens, {} if new_head else vocabulary(pretrained, revision, language))
    return model


def empty(directory: Path, tokens: list[str], native: dict[str, Any], quantised: bool = False) -> nn.Module:
    """The same architecture from the config.json in `directory`, with weights still to come."""
    config = _configuration(str(directory), None, native)
    if quantised:
        return _with_head(hub.transformers().Wav2Vec2ForPreTraining(config), tokens)
    model: nn.Module = hub.transformers().AutoModelForCTC.from_config(config)
    replace_head(model, tokens, {})
    return model


def _check_quantiser(pretrained: str, config: Any) -> None:
    if config.model_type != "wav2vec2":
        raise UsageError(
            f"loss: contrastive needs wav2vec 2.0's quantiser; {pretrained} is a {config.model_type} model without one"
        )


def _with_head(model: Any, tokens: list[str]) -> Any:
    """A pretraining model that can write `tokens` besides, if there are any."""
    if tokens:
        model.lm_head = nn.Linear(model.config.hidden_size, 1)
        model.dropout = nn.Dropout(model.config.final_dropout)
        replace_head(model, tokens, {})
    return model


def _configuration(pretrained: str, revision: str | None, native: dict[str, Any]) -> Any:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CTC_MAPPING_NAMES

    config = hub.configuration(pretrained, revision, {}, MODEL_FOR_CTC_MAPPING_NAMES, "hf_ctc")
    if getattr(config, "add_adapter", False):
        raise UsageError(
            f"pretrained: {pretrained} has convolutions behind its encoder (config: add_adapter), which hf_ctc does not take"
        )
    config.vocab_size = config.vocab_size or 1  # pretrained encoders may have no head at all; ours replaces it
    # masks are drawn by us, with the embedding that a mask_time_prob above 0 makes; a layer dropped would stall DDP
    config.layerdrop, config.mask_time_prob, config.mask_feature_prob = 0.0, 0.05, 0.0
    return hub.override(config, native)


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
