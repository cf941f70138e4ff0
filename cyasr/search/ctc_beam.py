"""Frame-synchronous CTC prefix beam search with an n-gram over words, one over tokens, and phrases to favour.

Paths are summed by prefix (Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs", algorithm 1). While a word is being spelled, the best unigram score of those that may
still come of it stands for its own (LM look-ahead, Ortmanns et al. 1996); where it ends, the n-gram in its context.
A word outside it may be written, token by token as CTC hears it, at the price of <unk>, of `unknown` and of its spelling: what
an n-gram over the letters of the known words says of it (Bisani & Ney 2005, "Open Vocabulary Speech Recognition with Flat
Hybrid Models"), without which words that are not known are best written together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import SPECIALS, UNK
from cyasr.lm.ngram import NgramLM
from cyasr.search import beam_kernel as kernel
from cyasr.search.beam_kernel import Bias, Frames
from cyasr.search.kept_rows import rows_for
from cyasr.search.lexicon import SPACE, lexicon
from cyasr.search.spelling import Spelling, letters_of, open_spelling

NAMES = ("ctc", "lm", "token_lm", "bias", "words", "unknown", "spelling")  # of the kernel's scores
NOTHING = NgramLM(
    list(SPECIALS), 1, np.arange(3, dtype=np.uint64), np.zeros(3, np.float32), np.zeros(1, np.float32)
)  # an n-gram that says nothing

NO_BIAS = Bias(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.float32), np.zeros(1, np.float32))


@dataclass(frozen=True)
class BeamHypothesis:
    """tokens: ids; scores: by NAMES, unweighted; total: their weighted sum.

    words, unknown: counts of words, of those outside the n-gram; spelling: natural log of the letters of these.
    """

    tokens: list[int]
    scores: dict[str, float]
    total: float


class CtcBeam:
    """tokens: the system's, as its tokenizer lists them: blank first, <unk>, then those that write, the end last.

    words: an n-gram over words; token_lm: one over `tokens`. beam: prefixes kept; distance: natural log below the best at
    which a prefix is dropped; floor: natural log below which a frame's token is not looked at.
    unspelled: how many words of the n-gram no tokens can write.
    """

    def __init__(
        self,
        tokens: list[str],
        words: NgramLM | None = None,
        token_lm: NgramLM | None = None,
        bias: Bias | None = None,
        beam: int = 50,
        distance: float = 10.0,
        floor: float = -6.0,
    ) -> None:
        self.beam, self.distance, self.floor = beam, distance, floor
        lm = words or NOTHING
        self._lm, self._start = lm.tables(), lm.start()
        spellings = [token.removeprefix(SPACE) for token in tokens]
        spellings[0] = spellings[1] = spellings[-1] = ""
        self._unusable = [0, 1, len(tokens) - 1]
        self._usable = np.arange(2, len(tokens) - 1)
        letters = {letter for spelling in spellings for letter in spelling}
        written = [place for place, word in enumerate(lm.vocab) if place >= len(SPECIALS) and letters.issuperset(word)]
        self.unspelled = len(lm.vocab) - len(SPECIALS) - len(written)
        places = np.array(written, np.int64)
        listed = [lm.vocab[place] for place in written]
        self._words, above, letter = lexicon(listed, lm.log_prob[places], spellings)
        self._letters = letters_of(listed, above, letter, spellings)
        self._unknown = float(lm.log_prob[UNK])
        begins = np.array([token.startswith(SPACE) for token in tokens])
        self._vocabulary = kernel.Vocabulary(begins, np.array([bool(spelling) for spelling in spellings]), places)
        self._token_lm = token_lm or NOTHING
        columns = [self._token_lm.ids.get(token, UNK) for token in tokens]
        self._columns = np.array(columns, np.int64)
        self._token_of = np.full(len(self._token_lm.vocab), -1, np.int64)
        self._token_of[self._columns[self._usable]] = self._usable
        self._token_of[UNK] = -1
        self._bias = bias or NO_BIAS
        self.set_weights({})

    def set_weights(self, weights: dict[str, float]) -> None:
        """weights: by NAMES, 0 where left out; ctc's is 1."""
        self.weights = dict.fromkeys(NAMES, 0.0) | weights | {"ctc": 1.0}
        row = np.array([self.weights[name] for name in NAMES])
        best = np.append(self._words.best, self._unknown)
        best[0] = 0.0
        ahead = np.exp(self.weights["lm"] * best)
        ahead[-1] *= np.exp(self.weights["unknown"])
        given_up = np.exp(self.weights["spelling"] * self._letters.scores)
        self._settings = kernel.Settings(self.beam, self.distance, row, ahead, given_up)

    def pack(self, log_probs: NDArray[np.float32]) -> Frames:
        """log_probs: (T, V) natural log -> what the search looks at."""
        blank = log_probs[:, 0].astype(np.float64)
        kept = log_probs >= self.floor
        kept[:, self._unusable] = False
        lost = np.flatnonzero((log_probs[:, 0] < self.floor) & ~kept.any(axis=1))
        if len(lost):  # nothing stands out: the best of it
            kept[lost, self._usable[log_probs[lost][:, self._usable].argmax(axis=1)]] = True
        frames, tokens = map(np.ascontiguousarray, np.nonzero(kept))  # of one layout, for which all is compiled once
        starts = np.searchsorted(frames, np.arange(len(log_probs) + 1))
        return Frames(starts, tokens, np.exp(log_probs[frames, tokens].astype(np.float64)), np.exp(blank))

    def decode(self, utterances: Iterable[Frames], nbest: int) -> list[list[BeamHypothesis]]:
        """The best `nbest` prefixes of each, best first; the weights are those last set. Several threads may call it."""
        lm, size = self._token_lm.tables(), len(self._columns)
        unigrams = np.exp(self.weights["token_lm"] * lm.log_prob[self._columns].astype(np.float64))
        start, rows = self._token_lm.start(), rows_for(lm, size)
        token_lm = kernel.TokenLm(lm, start, self._columns, self._token_of, unigrams, rows)
        spelling = open_spelling(self._letters)
        most = self.beam * (size + 1)
        work = (np.empty(most, kernel.CANDIDATE), np.empty(most, np.int64), np.zeros(size))
        return [self._one(frames, token_lm, spelling, work, nbest) for frames in utterances]

    def _one(self, frames: Frames, token_lm: kernel.TokenLm, spelling: Spelling, work: Any, nbest: int) -> list[BeamHypothesis]:
        count, beam = len(frames.blank), self.beam
        tree, kept = np.empty(1 + count * beam, kernel.NODE), np.empty((2, beam), kernel.KEPT)
        taken = np.zeros((beam, len(self._columns)), np.int64)
        candidates, order, heard = work
        width, shift = kernel.search(
            frames,
            self._settings,
            self._vocabulary,
            self._words,
            self._lm,
            self._start,
            token_lm,
            spelling,
            self._bias,
            tree,
            kept,
            candidates,
            order,
            heard,
            taken,
        )
        scores, lengths = np.empty((width, kernel.PARTS)), np.empty(width, np.int64)
        tokens = np.empty((width, count), np.int32)
        kernel.finish(
            width,
            shift,
            self._settings,
            self._vocabulary,
            self._words,
            self._lm,
            token_lm,
            self._letters,
            self._bias,
            tree,
            kept,
            scores,
            lengths,
            tokens,
        )
        totals = scores @ self._settings.weights
        hyps = []
        for k in np.argsort(-totals, kind="stable")[:nbest].tolist():
            parts = dict(zip(NAMES, scores[k].tolist(), strict=True))
            hyps.append(BeamHypothesis(tokens[k, : lengths[k]][::-1].tolist(), parts, float(totals[k])))
        return hyps
