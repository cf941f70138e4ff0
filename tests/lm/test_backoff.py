"""Mixtures and pruned models are distributions, and what they say is what they should."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.lm.backoff import interpolated, pruned, tuned_weights
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.lm.ngram import NgramLM
from tests.lm.test_ngram import TEXTS, WORDS, naive, table


def model(text: list[list[str]], order: int) -> NgramLM:
    return estimate(count_ngrams(text, order, WORDS))[0]


def sums(lm: NgramLM) -> list[float]:
    """Sum of probabilities after the start, nothing, and any two words."""
    ids = [lm.ids[word] for word in (*WORDS, "<unk>")]
    states = [np.array([0, lm.start()])]
    for pair in itertools.product(ids, repeat=2):
        states.append(lm.advance(lm.advance([lm.start()], [pair[0]]), [pair[1]]))
    return [float(one) for one in np.exp(lm.scores(np.concatenate(states)).astype(np.float64)).sum(axis=1)]


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 4), st.integers(1, 4), st.floats(0.05, 0.95))
def test_a_mixture_sums_to_one_and_lists_exact_probabilities(
    one: list[list[str]], other: list[list[str]], first: int, second: int, weight: float
) -> None:
    models = [model(one, first), model(other, second)]
    mixed = interpolated(models, [weight, 1 - weight])
    assert mixed.order == max(first, second)
    np.testing.assert_allclose(sums(mixed), 1.0, atol=1e-4)
    tables = [table(lm) for lm in models]
    assert table(mixed).keys() == tables[0].keys() | tables[1].keys()
    for ngram, (log_prob, _) in table(mixed).items():
        if ngram == ("<s>",):
            continue
        parts = [np.exp(naive(entries, ngram[-lm.order : -1], ngram[-1])) for entries, lm in zip(tables, models, strict=True)]
        assert np.exp(log_prob) == pytest.approx(weight * parts[0] + (1 - weight) * parts[1], rel=1e-4)


def test_a_mixture_with_itself_says_the_same() -> None:
    lm = model([["a", "b", "c"], ["b", "a"], ["c", "a", "b", "a"]] * 3, 3)
    asked = [["a", "b"], ["c", "c", "a"], []]
    np.testing.assert_allclose(interpolated([lm, lm], [0.3, 0.7]).score_sentences(asked), lm.score_sentences(asked), atol=1e-4)


def test_weights_are_those_of_the_likeliest_mixture() -> None:
    draw = np.random.default_rng(0)
    log_probs = np.log(draw.dirichlet([1, 1, 1], 4000)[:, :2])
    weights = tuned_weights(log_probs)
    grid = np.linspace(0.001, 0.999, 999)
    likelihoods = np.log(np.exp(log_probs[:, :1]) * grid + np.exp(log_probs[:, 1:]) * (1 - grid)).sum(axis=0)
    assert weights[0] == pytest.approx(grid[likelihoods.argmax()], abs=2e-3) and sum(weights) == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(1, 4), st.sampled_from([0.0, 1e-4, 1e-2, 1e9]))
def test_a_pruned_model_sums_to_one_and_keeps_beginnings(text: list[list[str]], order: int, threshold: float) -> None:
    lm = model(text, order)
    smaller = pruned(lm, threshold)
    np.testing.assert_allclose(sums(smaller), 1.0, atol=1e-4)
    entries = table(smaller)
    assert entries.keys() <= table(lm).keys() and all(ngram[:-1] in entries for ngram in entries if len(ngram) > 1)
    assert smaller.counts()[0] == lm.counts()[0]
    if threshold == 1e9:
        assert sum(smaller.counts()[1:]) == 0


def test_the_measure_is_the_change_in_perplexity_when_one_ngram_goes() -> None:
    """Stolcke's closed form for a bigram against the relative entropy summed over all tokens."""
    draw = random.Random(0)
    lm = model([draw.choices(WORDS, [8, 5, 3, 2, 1, 1], k=6) for _ in range(60)], 2)
    entries = table(lm)
    bigrams = [ngram for ngram in entries if len(ngram) == 2 and ngram[0] != "<s>"]
    rows = {word: np.exp(lm.scores([1 + lm.ids[word]])[0].astype(np.float64)) for word in WORDS}
    unigram = np.exp(lm.scores([0])[0].astype(np.float64))
    changes = {}
    for context, word in bigrams:
        listed = [lm.ids[other] for first, other in bigrams if first == context and other != word]
        without = unigram.copy()
        without[listed] = rows[context][listed]
        free = np.setdiff1d(np.arange(len(unigram)), [*listed, 1])
        without[free] *= (1 - rows[context][listed].sum()) / unigram[free].sum()
        asked = np.setdiff1d(np.arange(len(unigram)), [1])
        divergence = (rows[context][asked] * np.log(rows[context][asked] / without[asked])).sum()
        changes[context, word] = np.expm1(unigram[lm.ids[context]] * divergence)
    middle = len(changes) // 2
    threshold = sum(sorted(changes.values())[middle : middle + 2]) / 2
    kept = {ngram for ngram in table(pruned(lm, threshold)) if len(ngram) == 2 and ngram[0] != "<s>"}
    assert kept == {ngram for ngram, change in changes.items() if change >= threshold}
