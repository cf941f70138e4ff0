"""Pretrained models from a directory or the Hugging Face hub, through transformers."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from cyasr.cli import UsageError


@cache
def transformers() -> Any:
    """The library, quiet about what we check ourselves."""
    import transformers as library

    quiet: Any = library.logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    return library


def configuration(pretrained: str, revision: str | None, native: dict[str, Any], kinds: Collection[str], family: str) -> Any:
    """The model's config with `native` over it.

    kinds: what `family`, a file of cyasr/systems, takes. Raises UsageError for what cannot be had or is none of them.
    """
    try:
        if pretrained.endswith(".json"):
            config = untrained(Path(pretrained))
        else:
            config = transformers().AutoConfig.from_pretrained(pretrained, revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"pretrained: {pretrained!r} is no model's directory, nor to be had from the hub: {reason}") from None
    if config.model_type not in kinds:
        raise UsageError(f"pretrained: {pretrained} is a {config.model_type} model; {family} takes {', '.join(sorted(kinds))}")
    return override(config, native)


def untrained(path: Path) -> Any:
    """The config of an architecture as conf/architectures/ holds it. Raises UsageError where there is none."""
    try:
        keys = json.loads(path.read_text(encoding="utf-8"))
        kind = keys.pop("model_type")
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"pretrained: {path} is no architecture: {error}") from None
    keys.pop("source", None)
    return transformers().AutoConfig.for_model(kind, **keys)


def override(config: Any, native: dict[str, Any]) -> Any:
    """`config` with the conf's `native` keys. Raises UsageError for one that it has not."""
    for key, value in native.items():
        if not hasattr(config, key):
            raise UsageError(f"native: a {config.model_type} config has no {key!r}")
        setattr(config, key, value)
    return config


def weights(model_class: Any, pretrained: str, revision: str | None, config: Any, new: Collection[str], **options: Any) -> Any:
    """(model in float32, names of tensors that were not there). new: prefixes or suffixes of names that may be missing.

    Of an architecture alone (.json), random weights. Raises UsageError where others are missing: a checkpoint of another
    architecture loads silently otherwise.
    """
    if pretrained.endswith(".json"):
        model = getattr(model_class, "from_config", model_class)(config)  # the former of an Auto class
        return model, sorted(model.state_dict())
    model, info = model_class.from_pretrained(
        pretrained, revision=revision, config=config, dtype="float32", output_loading_info=True, **options
    )
    missing = sorted(info["missing_keys"])
    lost = [name for name in missing if not any(name.startswith(part) or name.endswith(part) for part in new)]
    if lost:
        raise UsageError(f"{pretrained}: no weights for {len(lost)} tensors of a {config.model_type} model, as {lost[0]}")
    return model, missing
