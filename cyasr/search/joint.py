"""One-pass beam search over CTC, an attention decoder and a language model, batched over utterances and hypotheses.

The rules are those of ESPnet's `BatchBeamSearch` (pre-beam by the full scorers, end of search, length bounds, length bonus),
so that the same weights give the same hypotheses and scores; the toolkit itself is not needed. See Watanabe et al. 2017,
"Hybrid CTC/Attention Architecture for End-to-End Speech Recognition", sections II-C and IV (equation 50: end detection).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heappush, heappushpop

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.search.conf import SearchConf
from cyasr.search.ctc import LOG_ZERO, Floats, Ints, PrefixScorer, greedy
from cyasr.search.guards import Limits, limits, looping
from cyasr.search.interfaces import AttentionDecoder, SearchHypothesis, TokenLm
from cyasr.search.mixed_lm import MixedLm
from cyasr.search.pre_beam import best_tokens

END_STEPS, END_DISTANCE = 3, -10.0  # stop when the last three lengths ended this far below the best


def joint_search(
    conf: SearchConf,
    log_probs: torch.Tensor,
    lens: torch.Tensor,
    eos: int,
    *,
    decoder: AttentionDecoder | None = None,
    encoded: torch.Tensor | None = None,
    lm: TokenLm | None = None,
    blank: int = 0,
) -> list[list[SearchHypothesis]]:
    """N-best hypotheses of each of N utterances, best first, at most conf.nbest.

    log_probs: (N, T, V) of the CTC, natural log; lens: (N,) frames, at least 1; encoded: (N, T, D) for the decoder;
    `eos` is sos too. Without a decoder ctc_weight has to be 1. With guards every utterance gets a hypothesis; without,
    one whose hypotheses all end before minlenratio allows may get none. A MixedLm has its weights in it, whatever lm_weight
    says; its terms' scores stand under their own names.
    """
    if isinstance(lm, MixedLm):
        lists = _lists(conf, log_probs, lens, eos, decoder, encoded, lm, blank)
        lm.tell_apart(lists, eos)
        return lists
    return _lists(conf, log_probs, lens, eos, decoder, encoded, lm, blank)


def _lists(
    conf: SearchConf,
    log_probs: torch.Tensor,
    lens: torch.Tensor,
    eos: int,
    decoder: AttentionDecoder | None,
    encoded: torch.Tensor | None,
    lm: TokenLm | None,
    blank: int,
) -> list[list[SearchHypothesis]]:
    if decoder is None and conf.ctc_weight != 1.0:
        raise ValueError("without an attention decoder ctc_weight has to be 1")
    best_paths = greedy(log_probs, lens, blank) if conf.guards else []
    search = _Search(conf, log_probs, lens, eos, blank, decoder, encoded, lm, limits([path.tokens for path in best_paths]))
    results = search.run()
    for n in [n for n, hyps in enumerate(results) if not hyps]:
        one = slice(n, n + 1)
        alone = None if encoded is None else encoded[one]
        if conf.guards:
            forced = _Search(conf, log_probs[one], lens[one], eos, blank, decoder, alone, lm, None)
            results[n] = [forced.score(best_paths[n].tokens)]
        elif conf.minlenratio >= 0.1:
            shorter = replace(conf, minlenratio=conf.minlenratio - 0.1)
            results[n] = _lists(shorter, log_probs[one], lens[one], eos, decoder, alone, lm, blank)[0]
    return results


@dataclass
class _Beams:
    """The running hypotheses: (N, width) scores, -inf in `total` where there is none; tokens: (N, width, length)."""

    total: Floats
    att: Floats
    lm: Floats
    tokens: Ints
    utterances: Ints  # (N,) where in the batch each utterance was


@dataclass
class _Ended:
    nbest: int
    hyps: list[SearchHypothesis] = field(default_factory=list)
    best: float = -np.inf
    best_at: dict[int, float] = field(default_factory=dict)  # the best total of those that ended at a step
    listed: list[float] = field(default_factory=list)  # a heap of the n best totals

    def add(self, step: int, hyp: SearchHypothesis) -> None:
        self.hyps.append(hyp)
        self.best = max(self.best, hyp.total)
        self.best_at[step] = max(self.best_at.get(step, -np.inf), hyp.total)
        (heappush if len(self.listed) < self.nbest else heappushpop)(self.listed, hyp.total)

    def settled(self, reachable: float) -> bool:
        """Whether the list stays as it is when nothing with a total above `reachable` can come."""
        return len(self.listed) == self.nbest and self.listed[0] >= reachable

    def hopeless(self, step: int) -> bool:
        """Equation 50; as in ESPnet, the lengths looked at trail the step by two."""
        recent = (self.best_at.get(step - 2 - back) for back in range(END_STEPS))
        return all(total is not None and total - self.best < END_DISTANCE for total in recent)


class _Search:
    def __init__(
        self,
        conf: SearchConf,
        log_probs: torch.Tensor,
        lens: torch.Tensor,
        eos: int,
        blank: int,
        decoder: AttentionDecoder | None,
        encoded: torch.Tensor | None,
        lm: TokenLm | None,
        guard: Limits | None,
    ) -> None:
        self.conf, self.eos, self.guard, self.device = conf, eos, guard, log_probs.device
        self.decoder = decoder if conf.ctc_weight < 1.0 else None
        self.lm_weight = 1.0 if isinstance(lm, MixedLm) else conf.lm_weight
        self.lm = lm if self.lm_weight != 0.0 else None
        count, _, vocabulary = log_probs.shape
        frames = lens.cpu().numpy().astype(np.int64)
        self.shortest, self.longest = _length_bounds(conf, frames)
        if guard is not None:
            self.shortest = np.maximum(self.shortest, np.minimum(guard.shortest, self.longest - 1))
        self.stop = self.longest if guard is None else np.minimum(self.longest, guard.longest)
        self.ctc = PrefixScorer(log_probs, lens, eos, blank) if conf.ctc_weight > 0.0 else None
        pre_beam = int(conf.pre_beam_ratio * conf.beam)
        self.candidates = pre_beam if self.decoder and self.ctc and pre_beam < vocabulary else vocabulary
        if self.decoder:
            assert encoded is not None
            self.decoder.start(encoded, lens)
        self.lm_states = self.lm.start(count) if self.lm else np.zeros(count, np.int64)
        self.nothing = np.zeros((1, vocabulary), np.float32)  # what an absent model says
        self.ended = [_Ended(conf.nbest) for _ in range(count)]
        shape = (count, 1)
        self.beams = _Beams(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.full((*shape, 1), eos), np.arange(count))

    def run(self) -> list[list[SearchHypothesis]]:
        for step in range(int(self.stop.max(initial=0))):
            if not self._advance(step):
                break
        return [sorted(ended.hyps, key=lambda hyp: -hyp.total)[: self.conf.nbest] for ended in self.ended]

    def score(self, tokens: list[int]) -> SearchHypothesis:
        """The scores of one output, of one utterance, whatever search would say of it."""
        att = language = 0.0
        for token in [*tokens, self.eos]:
            table_att, row_att, table_lm, row_lm = self._tables()
            att += float(table_att[row_att[0], token])
            language += float(table_lm[row_lm[0], token])
            prefix = self.ctc.score(np.array([[token]]))[:, 0] if self.ctc else np.zeros(1)
            self.beams.tokens = np.array([[[token]]])
            self._select(np.zeros(1, np.int64), np.array([token]), prefix, None)
        scores = {"ctc": float(prefix[0]), "att": att, "lm": language, "length": float(len(tokens) + 1)}
        return self._hypothesis(tokens, scores)

    def _advance(self, step: int) -> bool:
        """One token more for every running hypothesis; False when none is left."""
        beams, conf = self.beams, self.conf
        count, width = beams.total.shape
        table_att, row_att, table_lm, row_lm = self._tables()
        ids, att, language = best_tokens(
            table_att, row_att, table_lm, row_lm, 1.0 - conf.ctc_weight, self.lm_weight, self.candidates, self.eos
        )
        totals = (1.0 - conf.ctc_weight) * att + self.lm_weight * language + (conf.penalty + beams.total.reshape(-1, 1))
        prefix = np.zeros_like(totals)
        if self.ctc:
            prefix = self.ctc.score(ids)
            totals += conf.ctc_weight * (prefix - self.ctc.log_prefix[:, None])
            totals[prefix <= LOG_ZERO] = -np.inf
        totals[:, -1][(ids[:, :-1] == self.eos).any(axis=1)] = -np.inf  # the end, listed twice

        choices = ids.shape[1]
        flat = totals.reshape(count, width * choices)
        if flat.shape[1] < conf.beam:  # a vocabulary smaller than the beam, at the first step
            flat = np.pad(flat, ((0, 0), (0, conf.beam - flat.shape[1])), constant_values=-np.inf)
        best = np.argpartition(-flat, conf.beam - 1, axis=1)[:, : conf.beam]
        total = np.take_along_axis(flat, best, axis=1)
        best = np.where(total > -np.inf, best, 0)
        parents = (best // choices + width * np.arange(count)[:, None]).reshape(-1)
        picked = (parents, (best % choices).reshape(-1))
        tokens = ids[picked]
        shape = (count, conf.beam)
        history = beams.tokens.reshape(count * width, -1)[parents]
        self.beams = _Beams(
            total,
            (beams.att.reshape(-1)[parents] + att[picked]).reshape(shape),
            (beams.lm.reshape(-1)[parents] + language[picked]).reshape(shape),
            np.concatenate([history, tokens[:, None]], axis=1).reshape(*shape, -1),
            beams.utterances,
        )
        running = self._collect(step, prefix[picked].reshape(shape))
        if not running.any():
            return False
        kept = None if running.all() else np.flatnonzero(running)
        rows = slice(None) if kept is None else np.repeat(running, conf.beam)
        self._select(parents[rows], tokens[rows], prefix[picked][rows], kept)
        return True

    def _tables(self) -> tuple[NDArray[np.float32], Ints, NDArray[np.float32], Ints]:
        """Log probabilities of the next token by the decoder and the language model: tables, and each row's place there."""
        rows = self.beams.tokens.shape[0] * self.beams.tokens.shape[1]
        table_att, row_att = self.nothing, np.zeros(rows, np.int64)
        table_lm, row_lm = table_att, row_att
        if self.decoder:
            last = np.ascontiguousarray(self.beams.tokens[:, :, -1]).reshape(-1)
            table_att = self.decoder.step(torch.from_numpy(last).to(self.device)).float().cpu().numpy()
            row_att = np.arange(rows)
        if self.lm:
            table_lm, row_lm = self.lm.rows(self.lm_states)
        return table_att, row_att, table_lm, row_lm

    def _collect(self, step: int, ctc: Floats) -> NDArray[np.bool_]:
        """Take the hypotheses that end here out of the beams; say of each utterance whether to go on with it."""
        beams = self.beams
        cut = np.asarray(step == self.longest[beams.utterances] - 1)  # what is still running counts as ended
        last = np.asarray(step == self.stop[beams.utterances] - 1)
        if self.guard is not None:
            beams.total[looping(beams.tokens[:, :, 1:], self.guard.repeats[beams.utterances])] = -np.inf
        ends = ((beams.tokens[:, :, -1] == self.eos) | cut[:, None]) & (beams.total > -np.inf)
        for n, k in zip(*np.nonzero(ends), strict=True):
            utterance = beams.utterances[n]
            if step >= self.shortest[utterance]:
                tokens = beams.tokens[n, k, 1:].tolist()
                scores = {"ctc": ctc[n, k], "att": beams.att[n, k], "lm": beams.lm[n, k], "length": step + 1.0}
                hyp = self._hypothesis(tokens[:-1] if tokens[-1] == self.eos else tokens, scores)
                self.ended[utterance].add(step, hyp)
        beams.total[ends] = -np.inf
        running: NDArray[np.bool_] = ~last & (beams.total > -np.inf).any(axis=1)
        # Log probabilities only ever lower a total; a length bonus, a phrase, a model taken away may raise it with every token
        most = self.lm.most if isinstance(self.lm, MixedLm) else 0.0
        gain = (max(0.0, self.conf.penalty) + most) * (self.stop[beams.utterances] - 1 - step)
        for n, reachable in enumerate(beams.total.max(axis=1) + gain):
            ended = self.ended[beams.utterances[n]]
            if ended.settled(reachable) or (self.conf.maxlenratio == 0.0 and ended.hopeless(step)):
                running[n] = False
        return running

    def _select(self, parents: Ints, tokens: Ints, prefix: Floats, kept: Ints | None) -> None:
        """Go on with rows that extend `parents`, of the utterances `kept` (None: all)."""
        beams = self.beams
        if kept is not None:
            parts = (beams.total, beams.att, beams.lm, beams.tokens, beams.utterances)
            self.beams = _Beams(*(part[kept] for part in parts))  # type: ignore[arg-type]
        if self.ctc:
            self.ctc.select(parents, tokens, prefix, kept)
        if self.lm:
            self.lm_states = self.lm.advance(self.lm_states[parents], tokens)
        if self.decoder:
            utterances = None if kept is None else torch.from_numpy(kept).to(self.device)
            self.decoder.select(torch.from_numpy(parents).to(self.device), utterances)

    def _hypothesis(self, tokens: list[int], scores: dict[str, float]) -> SearchHypothesis:
        models = {"ctc": self.ctc, "att": self.decoder, "lm": self.lm, "length": True}
        kept = {name: float(value) for name, value in scores.items() if models[name] is not None}
        weights = self.conf.weights() | {"lm": self.lm_weight}
        return SearchHypothesis(tokens, kept, sum(weights[name] * value for name, value in kept.items()))


def _length_bounds(conf: SearchConf, frames: Ints) -> tuple[Ints, Ints]:
    """Tokens that an output has at least and at most, (N,) each."""
    longest = frames
    if conf.maxlenratio < 0:
        longest = np.full_like(frames, -int(conf.maxlenratio))
    elif conf.maxlenratio > 0:
        longest = np.maximum(1, (conf.maxlenratio * frames).astype(np.int64))
    shortest = (
        np.full_like(frames, -int(conf.minlenratio)) if conf.minlenratio < 0 else (conf.minlenratio * frames).astype(np.int64)
    )
    return shortest, longest
