"""A language model of exp/ as a search takes it, over the system's own tokens."""

from __future__ import annotations

from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.search.joint import TokenLm
from cyasr.search.shallow_fusion import NgramFusion


def open_token_lm(directory: Path, tokenizer: str, tokens: list[str]) -> TokenLm:
    """directory: exp/<set>/lm_<name>; tokenizer: the system's, as its conf names it; tokens: all of them, in order.

    Raises UsageError where the model is not over the system's tokens.
    """
    from cyasr.lm.ngram import NgramLM

    units = confs.read(directory / "conf.yaml").get("tokens")
    if units != tokenizer:
        raise UsageError(f"{directory} is over {units!r} and the system over {tokenizer!r} tokens: they cannot meet")
    return NgramFusion(NgramLM.load(directory / "lm.npz"), tokens)
