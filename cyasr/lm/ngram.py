"""A back-off n-gram model and its batched look-up: dense rows for search, whole sentences for rescoring.

All n-grams stand in one sorted array of keys (see cyasr.lm.counts): n-gram g is keys[g - 1], which holds the number of
the n-gram without its last token and that token. Number 0 is the empty n-gram. Every n-gram's start has to be there, too
(a prefix tree). The n-grams below the highest order come first, and they are the states: the longest known end of what
was said. Scores are natural logs.
"""

from __future__ import annotations

import zipfile
from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cyasr.cli import UsageError
from cyasr.files import replacing
from cyasr.lm.counts import BOS, EOS, SPECIALS, UNK, Keys, find_sorted, pack, unpack

if TYPE_CHECKING:
    from cyasr.lm.lookup import Tables

Ints = NDArray[np.int64]
Scores = NDArray[np.float32]

NO_LOG_PROB = np.float32(-99 * np.log(10))  # of <s>, which is never predicted; ARPA files write -99
FORMAT = 1  # of lm.npz
FEW = 4096  # keys that are looked up as they come; more are sorted first


class NgramLM:
    """vocab: tokens, beginning with <unk> <s> </s>. keys: (G,). log_prob: (G,). backoff: (S,), S - 1 n-grams being states."""

    def __init__(self, vocab: list[str], order: int, keys: Keys, log_prob: Scores, backoff: Scores) -> None:
        self.vocab = vocab
        self.order = order
        self.keys = keys
        self.log_prob = log_prob
        self.backoff = backoff
        self.ids = {token: i for i, token in enumerate(vocab)}

    @classmethod
    def load(cls, path: Path) -> NgramLM:
        """Read lm.npz, or an ARPA file (.arpa, .arpa.gz). Raises UsageError where it is missing or damaged."""
        if path.suffix != ".npz":
            from cyasr.lm.arpa import read_arpa

            return read_arpa(path)
        try:
            with open(path, "rb") as file, np.load(file) as arrays:
                if int(arrays["format"]) != FORMAT:
                    raise UsageError(f"{path}: written by another version; run stage 4 again")
                vocab = bytes(arrays["vocab"]).decode().split("\n")
                return cls(vocab, int(arrays["order"]), arrays["keys"], arrays["log_prob"], arrays["backoff"])
        except FileNotFoundError:
            raise UsageError(f"{path} does not exist; run stage 4") from None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UsageError(f"{path}: no n-gram model, or a damaged one ({error}); run stage 4 again") from None

    def save(self, path: Path) -> None:
        """Write lm.npz; the same model gives the same bytes."""
        vocab = np.frombuffer("\n".join(self.vocab).encode(), np.uint8)
        with replacing(path) as temporary, open(temporary, "wb") as out:
            np.savez(
                out,
                format=np.int64(FORMAT),
                vocab=vocab,
                order=np.int64(self.order),
                keys=self.keys,
                log_prob=self.log_prob,
                backoff=self.backoff,
            )

    def counts(self) -> list[int]:
        """How many n-grams of each order there are."""
        bounds = [0, *self._ends]
        return [end - start for start, end in pairwise(bounds)]

    def tables(self) -> Tables:
        """For compiled searches."""
        from cyasr.lm.lookup import Tables

        return Tables(self._last, self._children, self._suffix, self._shortest, self.log_prob, self.backoff)

    def start(self) -> int:
        """The state after <s>."""
        return int(self._shortest[1 + BOS]) if self.order > 1 else 0

    def advance(self, states: ArrayLike, tokens: ArrayLike) -> Ints:
        """states: (N,), tokens: (N,) places in vocab -> (N,) the states after them."""
        after = self.follow(states, tokens)
        return after if self.order == 1 else self._shortest[after]

    def follow(self, states: ArrayLike, tokens: ArrayLike) -> Ints:
        """As `advance`, keeping all that is known of the way: a state that predicts as a shorter one does stays itself."""
        at, tokens = np.array(states, np.int64), np.asarray(tokens, np.int64)
        return np.zeros_like(at) if self.order == 1 else self._longest(at, tokens, self._suffix)

    def suffixes(self) -> Ints:
        """(S,) the longest state that is a proper end of each state."""
        return self._suffix

    def scores(self, states: ArrayLike) -> Scores:
        """states: (N,) -> (N, V) natural log of every token of `vocab` after them; <s> has -99 ln 10.

        Nothing is kept between calls: callers that meet states again keep the rows.
        """
        different, rows = np.unique(np.asarray(states, np.int64), return_inverse=True)
        return self._rows(different)[rows]

    def log_probs(self, states: ArrayLike, tokens: ArrayLike) -> NDArray[np.float64]:
        """states: (N,), tokens: (N,) places in vocab -> (N,) natural log of each token after its state."""
        at, tokens = np.array(states, np.int64), np.asarray(tokens, np.int64)
        scores = self.log_prob[tokens].astype(np.float64)
        weight = np.zeros(len(at))
        left = np.flatnonzero(at)
        while len(left):
            found = self._find(at[left], tokens[left])
            known = left[found > 0]
            scores[known] = weight[known] + self.log_prob[found[found > 0] - 1]
            left = left[found == 0]
            weight[left] += self.backoff[at[left]]
            at[left] = self._suffix[at[left]]
            scores[left] = weight[left] + self.log_prob[tokens[left]]
            left = left[at[left] > 0]
        return scores

    def score_sentences(self, sentences: Sequence[Sequence[str]], chunk: int = 1 << 20) -> NDArray[np.float64]:
        """(N,) natural log of each tokenised sentence with its </s>; unknown tokens count as <unk>."""
        from cyasr.lm.lookup import sentence_scores

        tables, start = self.tables(), self.start()
        found = [sentence_scores(tables, start, self.encode(part), BOS) for part in _chunks(sentences, chunk)]
        return np.concatenate([np.zeros(0), *found])

    def encode(self, sentences: Iterable[Sequence[str]]) -> Ints:
        """<s> tokens </s> of all sentences in a row, as places in vocab."""
        place = _Places(self.ids | dict.fromkeys(SPECIALS, UNK)).__getitem__  # in text, <s> is a word like others
        flat = array("q")
        for sentence in sentences:
            flat.append(BOS)
            flat.extend(map(place, sentence))
            flat.append(EOS)
        return np.array(flat, np.int64)

    def token_scores(self, ids: Ints) -> NDArray[np.float64]:
        """ids: (T,) as `encode` gives them -> (T,) natural log of each after its sentence so far; 0 at <s>.

        p(w | h) is the n-gram's own where it is listed, else the back-off weight of h times p(w | h without its first).
        """
        starts = ids == BOS
        ending = 1 + ids  # the n-gram that ends at each place, of the order reached; 0: not in the model
        scores = self.log_prob[ids].astype(np.float64)
        for _ in range(2, self.order + 1):
            context = np.concatenate([[0], ending[:-1]])
            context[starts] = 0
            asked = np.flatnonzero(context)
            found = self._find(context[asked], ids[asked])
            known = self.log_prob[np.maximum(found - 1, 0)]
            scores[asked] = np.where(found > 0, known, scores[asked] + self.backoff[context[asked]])
            ending = np.zeros_like(ending)
            ending[asked] = found
        scores[starts] = 0.0
        return scores

    def _rows(self, states: Ints) -> Scores:
        """(N,) different states -> (N, V). Shorter contexts are written first, longer ones over them."""
        contexts, above = [], [np.zeros(len(states), np.float32)]
        at = states
        while at.any():
            contexts.append(at)
            above.append(above[-1] + self.backoff[at])
            at = self._suffix[at]
        rows = self.log_prob[: len(self.vocab)] + above[-1][:, None]
        for context, weight in zip(reversed(contexts), reversed(above[:-1]), strict=True):
            first = self._children[context]
            count = np.where(context > 0, self._children[context + 1] - first, 0)
            row = np.repeat(np.arange(len(states)), count)
            child = np.arange(len(row)) + np.repeat(first - (np.cumsum(count) - count), count)
            rows[row, self._last[child - 1]] = self.log_prob[child - 1] + weight[row]
        rows[:, BOS] = NO_LOG_PROB
        return rows

    def _find(self, context: Ints, token: Ints) -> Ints:
        """Numbers of the n-grams `context` + `token`, 0 where there is none."""
        wanted = pack(context, token)
        places = np.searchsorted(self.keys, wanted) if len(wanted) < FEW else find_sorted(self.keys, wanted)
        there = self.keys[np.minimum(places, len(self.keys) - 1)] == wanted
        return np.where(there, places + 1, 0)

    def _longest(self, at: Ints, tokens: Ints, suffix: Ints) -> Ints:
        """The longest n-gram below the highest order that ends what `at` + `tokens` says. Changes `at`."""
        result = 1 + tokens
        left = np.arange(len(at))
        while len(left := left[at[left] > 0]):
            found = self._find(at[left], tokens[left])
            is_state = (found > 0) & (found < len(self.backoff))
            result[left[is_state]] = found[is_state]
            left = left[~is_state]
            at[left] = suffix[at[left]]
        return result

    @cached_property
    def _last(self) -> Ints:
        """(G,) last token of each n-gram."""
        return unpack(self.keys)[1]

    @cached_property
    def _children(self) -> Ints:
        """(S + 1,) number of the first n-gram that has each state as its context; the next state's ends them."""
        edges = np.arange(len(self.backoff) + 1, dtype=np.uint64) << np.uint64(32)
        return np.searchsorted(self.keys, edges) + 1

    @cached_property
    def _ends(self) -> list[int]:
        """Where each order's n-grams end in `keys`: those of order n have an order n - 1 context."""
        ends = [len(self.vocab)]
        while len(ends) < self.order:
            ends.append(int(np.searchsorted(self.keys, np.uint64(ends[-1] + 1) << np.uint64(32))))
        return ends

    @cached_property
    def _suffix(self) -> Ints:
        """(S,) the longest state that is a proper end of each."""
        suffix = np.zeros(len(self.backoff), np.int64)
        for start, end in zip(self._ends, self._ends[1:-1], strict=False):
            previous, token = unpack(self.keys[start:end])
            suffix[start + 1 : end + 1] = self._longest(suffix[previous], token, suffix)
        return suffix

    @cached_property
    def _shortest(self) -> Ints:
        """(S,) the shortest state that predicts as each does: one that nothing follows and that costs nothing is its suffix."""
        same = (self._children[:-1] == self._children[1:]) & (self.backoff == 0)
        shortest = np.arange(len(self.backoff))
        start = 0
        for end in self._ends[: self.order - 1]:
            level = slice(start + 1, end + 1)
            shortest[level] = np.where(same[level], shortest[self._suffix[level]], shortest[level])
            start = end
        return shortest


class _Places(dict[str, int]):
    """Places in the vocabulary; <unk>'s for tokens outside it."""

    def __missing__(self, token: str) -> int:
        return UNK


def _chunks(sentences: Sequence[Sequence[str]], tokens: int) -> Iterable[Sequence[Sequence[str]]]:
    """Runs of sentences with at least `tokens` tokens, the last one excepted."""
    start = size = 0
    for end, sentence in enumerate(sentences, 1):
        size += len(sentence) + 2
        if size >= tokens:
            yield sentences[start:end]
            start, size = end, 0
    if start < len(sentences):
        yield sentences[start:]
