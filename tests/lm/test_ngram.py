"""Estimated models are distributions, and look-up is the back-off formula."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.cli import UsageError
from cyasr.lm.counts import BOS, UNK, count_ngrams, unpack
from cyasr.lm.kneser_ney import FALLBACK, discounts, estimate
from cyasr.lm.ngram import NgramLM

WORDS = "abcdef"
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=7), min_size=1, max_size=30)
TABLE = dict[tuple[str, ...], tuple[float, float]]


def table(lm: NgramLM) -> TABLE:
    """n-gram -> (log probability, back-off), as an ARPA file lists them."""
    entries: TABLE = {}
    ngrams: list[tuple[str, ...]] = [()]
    for i, (previous, token) in enumerate(zip(*(column.tolist() for column in unpack(lm.keys)), strict=True)):
        ngrams.append((*ngrams[previous], lm.vocab[token]))
        entries[ngrams[-1]] = (float(lm.log_prob[i]), float(lm.backoff[i + 1]) if i + 1 < len(lm.backoff) else 0.0)
    return entries


def naive(entries: TABLE, history: tuple[str, ...], token: str) -> float:
    """The ARPA format's own rule."""
    if (*history, token) in entries:
        return entries[*history, token][0]
    return entries.get(history, (0.0, 0.0))[1] + naive(entries, history[1:], token)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 5), st.booleans())
def test_probabilities_after_any_history_sum_to_one(text: list[list[str]], order: int, pruned: bool) -> None:
    lm, _ = estimate(count_ngrams(text, order, [*WORDS, "never"], chunk=16), [0, 1] if pruned and order > 1 else [])
    ids = [lm.ids[word] for word in (*WORDS, "<unk>", "never")]
    histories = np.array(list(itertools.product(ids, repeat=2)))
    states = np.full(len(histories), lm.start())
    for column in histories.T:
        np.testing.assert_allclose(np.exp(lm.scores(states).astype(np.float64)).sum(1), 1.0, atol=1e-6)
        states = lm.advance(states, column)
    np.testing.assert_allclose(np.exp(lm.scores(states).astype(np.float64)).sum(1), 1.0, atol=1e-6)
    np.testing.assert_allclose(np.exp(lm.scores([0]).astype(np.float64)).sum(1), 1.0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 5), TEXTS, st.booleans())
def test_lookup_equals_naive_back_off(text: list[list[str]], order: int, asked: list[list[str]], pruned: bool) -> None:
    lm, _ = estimate(count_ngrams(text, order, chunk=16), [0, 1] if pruned and order > 1 else [])
    entries = table(lm)
    totals = []
    for sentence in asked:
        known = [word if word in lm.ids else "<unk>" for word in sentence]
        history, total, state = ("<s>",), 0.0, lm.start()
        for token in [*known, "</s>"]:
            expected = naive(entries, history[max(0, len(history) - order + 1) :] if order > 1 else (), token)
            assert lm.scores([state])[0, lm.ids[token]] == pytest.approx(expected, abs=1e-4)
            assert lm.log_probs([state], [lm.ids[token]])[0] == pytest.approx(expected, abs=1e-4)
            total += expected
            history = (*history, token)
            state = int(lm.advance([state], [lm.ids[token]])[0])
        totals.append(total)
    np.testing.assert_allclose(lm.score_sentences(asked, chunk=8), totals, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(TEXTS, st.integers(1, 5), st.integers(1, 40))
def test_counts_are_the_same_however_the_text_is_cut_in_chunks(text: list[list[str]], order: int, chunk: int) -> None:
    counted = count_ngrams(text, order, chunk=chunk)
    expected: dict[tuple[str, ...], int] = {}
    for sentence in text:
        padded = ["<s>", *sentence, "</s>"]
        for n in range(1, order + 1):
            for start in range(len(padded) - n + 1):
                ngram = tuple(padded[start : start + n])
                expected[ngram] = expected.get(ngram, 0) + 1
    ngrams: list[tuple[str, ...]] = [()]
    found = {}
    for keys, counts in zip(counted.keys, counted.counts, strict=True):
        assert (keys[1:] > keys[:-1]).all()
        for previous, token, count in zip(*(column.tolist() for column in unpack(keys)), counts.tolist(), strict=True):
            ngrams.append((*ngrams[previous], counted.vocab[token]))
            found[ngrams[-1]] = count
    assert {ngram: count for ngram, count in found.items() if count} == expected


def test_discounts_follow_equation_26() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [10, 6, 4, 2, 5])
    y = 10 / (10 + 2 * 6)
    estimated = discounts(counts)
    assert not estimated.fallback
    assert estimated.amounts == pytest.approx((1 - 2 * y * 6 / 10, 2 - 3 * y * 4 / 6, 3 - 4 * y * 2 / 4))


def test_discounts_fall_back_where_counts_of_counts_allow_none() -> None:
    assert discounts(np.array([1, 1, 2])).amounts == FALLBACK
    assert discounts(np.array([1, 1, 2])).fallback


def test_lower_orders_count_different_words_before() -> None:
    # "francisco" is frequent after one word only, "glasses" follows three
    text = [["san", "francisco"]] * 6 + [[word, "glasses"] for word in ("reading", "my", "her")]
    lm, _ = estimate(count_ngrams(text, 2))
    unigram = lm.scores([0])[0]
    assert unigram[lm.ids["glasses"]] > unigram[lm.ids["francisco"]]


def test_unknown_and_unseen_tokens_have_the_uniform_share_alone() -> None:
    lm, _ = estimate(count_ngrams([["a", "b"], ["a"]], 2, ["a", "b", "c"]))
    row = lm.scores([0])[0]
    assert row[UNK] == row[lm.ids["c"]] < row[lm.ids["b"]]
    assert lm.log_prob[BOS] < -200


def test_a_closed_vocabulary_counts_other_tokens_as_unknown() -> None:
    counted = count_ngrams([["a", "x"], ["<s>", "</s>", "<unk>", "a"]], 2, ["a"])
    assert (counted.tokens, counted.unknown) == (6, 4)
    assert counted.vocab == ["<unk>", "<s>", "</s>", "a"]
    lm, _ = estimate(counted)
    assert lm.score_sentences([["x"], ["<s>"]])[0] == lm.score_sentences([["x"], ["<s>"]])[1]


def test_pruning_leaves_out_rare_ngrams_and_keeps_their_beginnings() -> None:
    text = [["a", "b", "c"]] * 3 + [["a", "c", "b"], ["b", "c", "a"]]
    whole = table(estimate(count_ngrams(text, 3))[0])
    pruned = table(estimate(count_ngrams(text, 3), [0, 0, 1])[0])
    gone = whole.keys() - pruned.keys()
    assert gone and all(len(ngram) == 3 for ngram in gone)
    assert ("a", "b", "c") in pruned and ("a", "c", "b") not in pruned


def test_saved_models_come_back_and_have_the_same_bytes(tmp_path: Path) -> None:
    text = [["α", "β"], ["β", "γ", "α"]]
    for name in ("one.npz", "two.npz"):
        estimate(count_ngrams(text, 3))[0].save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    lm = NgramLM.load(tmp_path / "one.npz")
    assert lm.vocab[3:] == ["α", "β", "γ"] and lm.order == 3
    assert table(lm) == table(estimate(count_ngrams(text, 3))[0])


def test_no_sentences_have_no_scores() -> None:
    lm, _ = estimate(count_ngrams([["a"]], 2))
    assert lm.score_sentences([]).shape == (0,)
    assert lm.score_sentences([[]])[0] < 0


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04 cut"])
def test_a_missing_or_damaged_model_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lm.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"lm\.npz.*stage 4"):
        NgramLM.load(path)


def test_a_truncated_model_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "lm.npz"
    estimate(count_ngrams([["a", "b"]], 3))[0].save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match=r"lm\.npz.*stage 4"):
        NgramLM.load(path)
