"""Everything that a decode conf adds to the acoustic scores of a search, as one model of the next token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr.cli import UsageError
from cyasr.search.conf import DecodeConf
from cyasr.search.mixed_lm import MixedLm, Term
from cyasr.search.token_lm import open_token_lm

if TYPE_CHECKING:
    from lhotse.cut import Cut

    from cyasr.search.interfaces import TokenLm


def open_terms(
    conf: DecodeConf, directory: Path, system: Any, normalise: Callable[[str], str], cuts: Callable[[], Iterable[Cut]]
) -> TokenLm | None:
    """directory: exp/<set>; normalise: text as the set's; cuts: speech that the system may hear beforehand.

    A single language model comes as it is. Raises UsageError where a model and the system cannot meet.
    """
    names = conf.models()
    if conf.search == "greedy":
        return None
    opened = {name: open_token_lm(directory / name, system.conf.tokenizer, system.tokenizer.tokens) for name in names}
    terms = [Term("lm" if name == conf.lm else name, opened[name], weight) for name, weight in names.items()]
    if conf.ilm_weight and not getattr(system, "weighs_own_lists", False):
        if not hasattr(system, "internal_lm"):
            raise UsageError(f"ilm_weight: {system.conf.system} has no attention decoder to take a language model from")
        terms.append(Term("ilm", system.internal_lm(cuts() if conf.ilm == "mean" else ()), -conf.ilm_weight))
    if conf.bias.words and (matcher := conf.bias.matcher(system.tokenizer, normalise)):
        terms.append(Term("bias", matcher, conf.bias.weight))
    if len(terms) == 1 and terms[0].name == "lm":
        return terms[0].lm
    return MixedLm([term for term in terms if term.weight]) if any(term.weight for term in terms) else None
