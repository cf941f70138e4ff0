"""A language model of exp/ as a search takes it, over the system's own tokens."""

from __future__ import annotations

from pathlib import Path

from cyasr.cli import UsageError
from cyasr.search.interfaces import TokenLm


def open_token_lm(directory: Path, tokenizer: str, tokens: list[str]) -> TokenLm:
    """directory: exp/<set>/lm_<name>; tokenizer: the system's, as its conf names it; tokens: all of them, in order.

    Raises UsageError where the model is not over the system's tokens, or scores whole sentences only.
    """
    from cyasr.lm.kinds import opened

    module, keys = opened(directory)
    if not hasattr(module, "token_lm"):
        raise UsageError(f"{directory} ({keys['kind']}) scores whole sentences: name it in a fuse conf, not in a decode conf")
    units = keys.get("tokens")
    if units != tokenizer:
        raise UsageError(f"{directory} is over {units!r} and the system over {tokenizer!r} tokens: they cannot meet")
    lm: TokenLm = module.token_lm(directory, tokens)
    return lm
