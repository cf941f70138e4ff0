"""Back-off models put together from n-grams with probabilities of their own: mixtures, and models cut down to size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cyasr.lm.counts import BOS, EOS, Keys, find_sorted, pack, unpack
from cyasr.lm.ngram import NO_LOG_PROB, NgramLM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NOTHING_LEFT = 1e-6  # of a context's probability: what float32 sums leave where every token is listed


def renormalised(vocab: list[str], keys: list[Keys], log_probs: list[Floats]) -> NgramLM:
    """A model of n-grams by order (keys as in cyasr.lm.counts) whose back-off weights make each context sum to one."""
    weights = [np.zeros(1 + len(keys[0]))]
    for n in range(2, len(keys) + 1):
        lm = _model(vocab, keys[:n], log_probs[:n], weights)
        first = 1 + sum(len(level) for level in keys[: n - 2])
        weights[-1][-len(keys[n - 2]) :] = _weights(lm, n, first, len(keys[n - 2]))
        weights.append(np.zeros(len(keys[n - 1])))
    return _model(vocab, keys, log_probs, weights[:-1])


def _model(vocab: list[str], keys: list[Keys], log_probs: list[Floats], weights: list[Floats]) -> NgramLM:
    states = np.concatenate(weights).astype(np.float32) if len(keys) > 1 else np.zeros(1, np.float32)
    return NgramLM(vocab, len(keys), np.concatenate(keys), np.concatenate(log_probs).astype(np.float32), states)


def _weights(lm: NgramLM, n: int, first: int, count: int) -> Floats:
    """(count,) natural log of the back-off weights of the (n - 1)-grams, numbered from `first`."""
    contexts, _, own, lower = _listed(lm, n)
    left, below = (1 - np.bincount(contexts - first, np.exp(part), count) for part in (own, lower))
    usual = (left > NOTHING_LEFT) & (below > NOTHING_LEFT)
    return np.log(np.where(usual, left, 1.0) / np.where(usual, below, 1.0))


def _listed(lm: NgramLM, n: int) -> tuple[Ints, Ints, Floats, Floats]:
    """Of the n-grams of order n: context, last token, log probability, and what the context one token shorter would give."""
    start = sum(lm.counts()[: n - 1])
    contexts, tokens = unpack(lm.keys[start : start + lm.counts()[n - 1]])
    own = lm.log_prob[start : start + len(tokens)].astype(np.float64)
    return contexts, tokens, own, lm.log_probs(lm.suffixes()[contexts], tokens)


def interpolated(models: Sequence[NgramLM], weights: Sequence[float]) -> NgramLM:
    """One model for sum of weights[i] * models[i], all over one vocabulary.

    Static, as SRILM's `ngram -mix-lm` without -bayes: the n-grams of all models with their exact mixed probabilities, and
    back-off weights made anew. An n-gram that no model lists is approximated by the mixture's own back-off.
    """
    vocab, order = models[0].vocab, max(lm.order for lm in models)
    numbers = [np.arange(1 + len(vocab)) for _ in models]  # of the mixture's n-grams by each model's own
    states = [np.arange(1 + len(vocab)) * (lm.order > 1) for lm in models]  # of each model after each of the mixture's n-grams
    keys = [np.arange(len(vocab), dtype=np.uint64)]
    log_probs = [_mixed([lm.log_prob[: len(vocab)] for lm in models], weights)]
    log_probs[0][BOS] = NO_LOG_PROB
    count = 1 + len(vocab)
    for n in range(2, order + 1):
        own = []
        for lm, to in zip(models, numbers, strict=True):
            start = sum(lm.counts()[: n - 1])
            contexts, tokens = unpack(lm.keys[start : start + (lm.counts()[n - 1] if n <= lm.order else 0)])
            own.append(pack(to[contexts], tokens))
        level = np.unique(np.concatenate(own))
        contexts, tokens = unpack(level)
        scores = [lm.log_probs(state[contexts], tokens) for lm, state in zip(models, states, strict=True)]
        log_probs.append(_mixed(scores, weights))
        numbers = [np.append(to, count + find_sorted(level, one)) for to, one in zip(numbers, own, strict=True)]
        states = [np.append(state, lm.follow(state[contexts], tokens)) for lm, state in zip(models, states, strict=True)]
        keys.append(level)
        count += len(level)
    return renormalised(vocab, keys, log_probs)


def _mixed(log_probs: Sequence[NDArray[np.floating]], weights: Sequence[float]) -> Floats:
    mixed: Floats = np.logaddexp.reduce([part.astype(np.float64) + np.log(w) for part, w in zip(log_probs, weights, strict=True)])
    return mixed


def tuned_weights(log_probs: Floats, rounds: int = 200, close: float = 1e-6) -> list[float]:
    """Weights under which a text is likeliest, by expectation maximisation (Jelinek & Mercer 1980; SRILM's compute-best-mix).

    log_probs: (N, K) natural log of each token under each of K models. Starts evenly; ends where no weight moves by `close`.
    """
    weights = np.full(log_probs.shape[1], 1 / log_probs.shape[1])
    shares = np.exp(log_probs - log_probs.max(axis=1, keepdims=True))
    for _ in range(rounds):
        parts = shares * weights
        before, weights = weights, (parts / parts.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(weights - before).max() < close:
            break
    weights = np.maximum(weights, 1e-9)  # a model that helps nothing keeps a trace: its words may be its own
    return [float(weight) for weight in weights / weights.sum()]


def pruned(lm: NgramLM, threshold: float) -> NgramLM:
    """`lm` without n-grams whose removal raises perplexity by a share below `threshold` (Stolcke 1998, "Entropy-based
    pruning of backoff language models", section 3), highest order first; n-grams that longer ones begin with stay.

    The probability of a context is the model's own; a context's <s> counts as often as </s>. Kneser-Ney's lower orders
    are no marginals, so the measure is rough for them (Chelba et al. 2010): compare perplexity with count cut-offs.
    """
    counts = lm.counts()
    history = _histories(lm)
    kept = [np.ones(count, bool) for count in counts]
    for n in range(lm.order, 1, -1):
        first = 1 + sum(counts[: n - 2])  # number of the first context
        contexts, _, own, lower = _listed(lm, n)
        at, size = contexts - first, counts[n - 2]
        left, below = (1 - np.bincount(at, np.exp(part), size) for part in (own, lower))
        left, below = np.maximum(left, NOTHING_LEFT), np.maximum(below, NOTHING_LEFT)
        old = np.log(left / below)[at]
        new = np.log((left[at] + np.exp(own)) / (below[at] + np.exp(lower)))
        change = -np.exp(history[contexts]) * (np.exp(own) * (lower + new - own) + (new - old) * left[at])
        kept[n - 1] = np.expm1(change) >= threshold
        if n < lm.order:
            longer = unpack(lm.keys[sum(counts[:n]) : sum(counts[: n + 1])])[0][kept[n]]
            kept[n - 1][longer - 1 - sum(counts[: n - 1])] = True
    numbers = np.concatenate([[0], np.cumsum(np.concatenate(kept))])
    ends = np.cumsum(counts)
    keys, log_probs = [lm.keys[: counts[0]]], [lm.log_prob[: counts[0]].astype(np.float64)]
    for n in range(2, lm.order + 1):
        level = slice(int(ends[n - 2]), int(ends[n - 1]))
        previous, token = unpack(lm.keys[level][kept[n - 1]])
        keys.append(pack(numbers[previous], token))
        log_probs.append(lm.log_prob[level][kept[n - 1]].astype(np.float64))
    return renormalised(lm.vocab, keys, log_probs)


def _histories(lm: NgramLM) -> Floats:
    """(G + 1,) natural log probability of each n-gram as a sequence, by number."""
    previous, _ = unpack(lm.keys)
    found = np.zeros(1 + len(lm.keys))
    found[1 : 1 + len(lm.vocab)] = lm.log_prob[: len(lm.vocab)]
    found[1 + BOS] = lm.log_prob[EOS]
    end = len(lm.vocab)
    for count in lm.counts()[1:]:
        level = slice(end, end + count)
        found[1 + end : 1 + end + count] = found[previous[level]] + lm.log_prob[level]
        end += count
    return found
