"""Names and places that a search is to favour: a bonus for every token of a listed phrase, taken back where it breaks off.

The automaton is Aho and Corasick's (1975) over the system's tokens, held to whole words; how a bonus is given early and
taken back is that of Zhao et al. 2019, "Shallow-Fusion End-to-End Contextual Biasing". In the end an output has the weight
times the tokens of every phrase that it holds as whole words; where one phrase begins another, their common tokens count once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import UsageError, lines
from cyasr.text.tokenizer import SPACE, Tokenizer

if TYPE_CHECKING:
    from cyasr.search.beam_kernel import Bias

Ints = NDArray[np.int64]

WORD_START, INSIDE_WORD = 0, 1  # the states in which nothing is matched


@dataclass
class BiasConf:
    """words: a file of one phrase a line, null: none. weight: natural log for each token of a phrase."""

    words: str | None = None
    weight: float = 2.0

    def __post_init__(self) -> None:
        if self.weight == 0 and self.words:
            raise ValueError("weight: 0 would favour nothing; take `words` away instead")

    def files(self) -> list[Path]:
        return [Path(self.words)] if self.words else []

    def matcher(self, tokenizer: Tokenizer, normalise: Callable[[str], str]) -> PhraseMatcher | None:
        """The list's matcher over the system's tokens; None without a list. Says how many phrases they cannot spell.

        Raises UsageError where the list is missing or none of it can be spelled.
        """
        if not self.words:
            return None
        try:
            with open(self.words, "rb") as source:
                phrases = sorted({phrase for line in lines(source) if (phrase := normalise(line))})
        except FileNotFoundError:
            raise UsageError(f"{self.words} does not exist: a list for `bias` has one phrase a line") from None
        spelled = {phrase: tokenizer.encode(phrase) for phrase in phrases}
        unspelled = [phrase for phrase, ids in spelled.items() if tokenizer.unk_id in ids]
        if unspelled:
            print(f"{self.words}: {len(unspelled)} of {len(phrases)} phrases cannot be spelled, as {unspelled[0]!r}", flush=True)
        if len(unspelled) == len(phrases):
            raise UsageError(f"{self.words}: no phrase that the system's tokens can spell")
        return PhraseMatcher([ids for phrase, ids in spelled.items() if phrase not in unspelled], tokenizer.tokens)


class PhraseMatcher:
    """A token LM (cyasr.search.interfaces.TokenLm) that says a gain, 1 for a matched token, where others say log probabilities.

    phrases: token ids; tokens: all of them, the last one the end.
    """

    def __init__(self, phrases: Sequence[Sequence[int]], tokens: Sequence[str]) -> None:
        begins = np.array([token.startswith(SPACE) for token in tokens])
        nothing = np.where([token == SPACE for token in tokens], WORD_START, INSIDE_WORD)
        children, ends = _trie(phrases)
        count = len(children)
        self.follow = np.zeros((count, len(tokens)), np.int32)
        self.follow[WORD_START] = nothing
        self.follow[INSIDE_WORD] = np.where(begins, nothing, INSIDE_WORD)
        for token, child in children[WORD_START].items():
            self.follow[WORD_START, token] = child
            if begins[token]:
                self.follow[INSIDE_WORD, token] = child
        held = np.zeros(count)  # tokens of the state's own path since the last phrase that ended in it
        done = np.zeros(count)  # tokens that count when a word ends here
        fail = np.zeros(count, np.int64)
        for token, child in children[WORD_START].items():
            fail[child], held[child] = nothing[token], 1
        waiting = list(children[WORD_START].values())
        for node in waiting:  # breadth first
            done[node] = done[fail[node]] + (held[node] if ends[node] else 0)
            self.follow[node] = self.follow[fail[node]]
            for token, child in children[node].items():
                fail[child] = self.follow[node, token]
                held[child] = 1 if ends[node] and begins[token] else held[node] + 1
                self.follow[node, token] = child
                waiting.append(child)
        gain = np.where(begins, done[:, None], 0) + held[self.follow] - held[:, None]
        gain[:, -1] = done - held  # the end
        self.gain = gain.astype(np.float32)
        self.most = float(gain.max())  # of a token

    def start(self, count: int) -> Ints:
        return np.full(count, WORD_START, np.int64)

    def rows(self, states: Ints) -> tuple[NDArray[np.float32], Ints]:
        return self.gain, states

    def advance(self, states: Ints, tokens: Ints) -> Ints:
        return self.follow[states, tokens].astype(np.int64)

    def tables(self) -> Bias:
        """As the compiled search takes it."""
        from cyasr.search.beam_kernel import Bias

        return Bias(self.follow, self.gain, np.ascontiguousarray(self.gain[:, -1]))


def _trie(phrases: Sequence[Sequence[int]]) -> tuple[list[dict[int, int]], list[bool]]:
    """Children by token and whether a phrase ends there, by node; the first is the root, the second is nobody's child."""
    children: list[dict[int, int]] = [{}, {}]
    ends = [False, False]
    for phrase in phrases:
        node = WORD_START
        for token in phrase:
            if token not in children[node]:
                children[node][token] = len(children)
                children.append({})
                ends.append(False)
            node = children[node][token]
        ends[node] = True
    return children, ends
