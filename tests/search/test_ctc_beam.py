"""The CTC beam search against sums over all paths written out, and what it is asked that cannot be."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyasr.cli import RunError, UsageError
from cyasr.files import write_json
from cyasr.lm.counts import count_ngrams
from cyasr.lm.kneser_ney import estimate
from cyasr.search.bias import PhraseMatcher
from cyasr.search.ctc_beam import BeamHypothesis, CtcBeam
from cyasr.search.lexicon import lexicon, step
from cyasr.search.posteriors import Posteriors, find_shards, write_shard
from tests.search.test_bias import bonus

CHARACTERS = ["<blank>", "<unk>", "a", "b", "▁", "<sos/eos>"]
PIECES = ["<blank>", "<unk>", "▁a", "b", "▁", "ba", "<sos/eos>"]
TEXT = [["ab", "a"], ["ab", "ba", "ab"], ["a", "ab"], ["ba"], ["a", "ba", "a", "ab"]]
WORDS, _ = estimate(count_ngrams(TEXT, 3))
LETTERS, _ = estimate(count_ngrams([list("▁".join(text)) for text in TEXT], 3))
SPELLINGS, _ = estimate(count_ngrams([list(word) for word in WORDS.vocab[3:]], 5))
PHRASES = [[2, 3], [3, 4, 2]]  # "ab", "b a"
WEIGHTS = {"lm": 0.7, "token_lm": 0.3, "words": 0.4, "unknown": -1.5, "spelling": 0.6, "bias": 0.8}


def posteriors(seed: int, frames: int, vocabulary: int) -> np.ndarray:
    return np.log(np.random.default_rng(seed).dirichlet(np.full(vocabulary, 0.7), frames)).astype(np.float32)


def written_out(log_probs: np.ndarray, tokens: list[str]) -> dict[tuple[int, ...], float]:
    """Log probability of every output with no two spaces in a row, summed over its paths."""
    labels = [0, *range(2, len(tokens) - 1)]
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(labels, repeat=len(log_probs)):
        out = tuple(label for label, _ in itertools.groupby(path) if label)
        score = float(np.sum([log_probs[t, label] for t, label in enumerate(path)], dtype=np.float64))
        sums[out] = np.logaddexp(sums.get(out, -np.inf), score)
    space = tokens.index("▁")
    return {out: score for out, score in sums.items() if (space, space) not in itertools.pairwise(out)}


def scores_of(out: tuple[int, ...], ctc: float, tokens: list[str]) -> dict[str, float]:
    words = "".join(tokens[token] for token in out).replace("▁", " ").split()
    unknown = [word for word in words if word not in WORDS.ids]
    return {
        "ctc": ctc,
        "lm": float(WORDS.score_sentences([words])[0]),
        "token_lm": float(LETTERS.score_sentences([[tokens[token] for token in out]])[0]),
        "bias": float(bonus(out, PHRASES, tokens)),
        "words": len(words),
        "unknown": len(unknown),
        "spelling": float(SPELLINGS.score_sentences([list(word) for word in unknown]).sum()),
    }


def wide(tokens: list[str]) -> CtcBeam:
    """A search that drops nothing."""
    bias = PhraseMatcher(PHRASES, tokens).tables()
    return CtcBeam(tokens, WORDS, LETTERS, bias, beam=600, distance=250.0, floor=-200.0)


SEARCHES = {tuple(tokens): wide(tokens) for tokens in (CHARACTERS, PIECES)}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([CHARACTERS, PIECES]))
def test_every_output_has_the_sum_of_its_paths_and_every_models_score(seed: int, frames: int, tokens: list[str]) -> None:
    log_probs = posteriors(seed, frames, len(tokens))
    search = SEARCHES[tuple(tokens)]
    search.set_weights(WEIGHTS)
    found = {tuple(hyp.tokens): hyp for hyp in search.decode([search.pack(log_probs)], 600)[0]}
    expected = written_out(log_probs, tokens)
    assert found.keys() == expected.keys()
    for out, ctc in expected.items():
        scores = scores_of(out, ctc, tokens)
        assert found[out].scores == pytest.approx(scores, abs=1e-4)
        assert found[out].total == pytest.approx(sum((WEIGHTS | {"ctc": 1.0})[name] * scores[name] for name in scores), abs=1e-4)


def decode(search: CtcBeam, log_probs: np.ndarray, **weights: float) -> list[BeamHypothesis]:
    search.set_weights(weights)
    return search.decode([search.pack(log_probs)], 10)[0]


def test_a_narrow_beam_finds_the_best_and_lists_are_in_order() -> None:
    narrow = CtcBeam(CHARACTERS, WORDS, beam=20, distance=12.0, floor=-9.0)
    for seed in range(20):
        log_probs = posteriors(seed, 5, len(CHARACTERS))
        weights = {"lm": 0.7, "words": 0.4, "unknown": -1.5}
        hyps, all_hyps = decode(narrow, log_probs, **weights), decode(SEARCHES[tuple(CHARACTERS)], log_probs, **weights)
        assert hyps[0].tokens == all_hyps[0].tokens
        assert [hyp.total for hyp in hyps] == sorted((hyp.total for hyp in hyps), reverse=True)


def test_long_utterances_do_not_underflow() -> None:
    log_probs = np.tile(posteriors(1, 7, len(CHARACTERS)), (700, 1)) - 1.0
    best = decode(CtcBeam(CHARACTERS, WORDS), log_probs, lm=0.5)[0]
    assert np.isfinite(best.total) and best.total < -4900


def test_silence_is_an_empty_output() -> None:
    silent = np.full((9, len(CHARACTERS)), -30.0, np.float32)
    silent[:, 0] = 0.0
    assert decode(CtcBeam(CHARACTERS, WORDS), silent, lm=0.5)[0].tokens == []


def heard(text: str, doubt: float = 0.01) -> np.ndarray:
    """Every letter of `text` for a frame, a blank between."""
    labels = [label for letter in text for label in (CHARACTERS.index(letter), 0)]
    probs = np.full((len(labels), len(CHARACTERS)), doubt / (len(CHARACTERS) - 1))
    probs[np.arange(len(labels)), labels] = 1 - doubt
    return np.log(probs).astype(np.float32)


def test_a_word_outside_the_model_is_written_where_it_is_heard_and_not_where_its_price_is_too_high() -> None:
    search = CtcBeam(CHARACTERS, WORDS)
    texts = [
        "".join(CHARACTERS[token] for token in decode(search, heard("bbab▁ab", 0.2), lm=0.5, unknown=price)[0].tokens)
        for price in (0.0, -30.0)
    ]
    assert texts[0] == "bbab▁ab"
    assert all(word in WORDS.ids for word in texts[1].split("▁"))


def test_of_unknown_words_one_that_is_spelled_as_words_are_is_preferred() -> None:
    lm, _ = estimate(count_ngrams([["abab", "bababa", "ababa", "bab"]], 2))
    search = CtcBeam(CHARACTERS, lm)
    log_probs = heard("babab")
    log_probs[8, 2:4] = np.log([0.6, 0.4])  # the last letter: rather another a than b
    texts = [
        "".join(CHARACTERS[token] for token in decode(search, log_probs, spelling=weight)[0].tokens) for weight in (0.0, 1.0)
    ]
    assert texts == ["babaa", "babab"]


def test_words_that_no_tokens_can_spell_are_counted() -> None:
    lm, _ = estimate(count_ngrams([["ab", "xy", "az"]], 2))
    assert CtcBeam(CHARACTERS, lm).unspelled == 2


def test_a_lexicon_goes_where_letters_lead_however_they_are_cut() -> None:
    words = ["ab", "abba", "b"]
    tokens = ["", "", "a", "b", "ba", "abb"]
    tree, _, _ = lexicon(words, np.array([-1.0, -2.0, -3.0]), tokens)

    def walk(*path: int) -> int:
        node = 0
        for token in path:
            node = step(tree, node * len(tokens) + token)
            if node < 0:
                return -1
        return node

    assert walk(2, 3, 4) == walk(5, 2) == walk(2, 3, 3, 2)
    assert tree.word[walk(2, 3, 4)] == words.index("abba") and tree.word[walk(2)] == -1
    assert walk(4) == walk(2, 2) == -1
    assert tree.best[walk(2)] == -1.0 and tree.best[walk(5)] == -2.0


def test_posteriors_that_cannot_be_searched_are_refused_with_what_to_do(tmp_path: Path) -> None:
    decode = tmp_path / "decode_greedy"
    with pytest.raises(UsageError, match=r"no decode of dev; run stage 6 with conf/decode_greedy.yaml"):
        find_shards(decode, "dev")
    write_json(decode / ".dev.stamp.json", {"outputs": {"dev.nbest.jsonl.gz": 1}})
    with pytest.raises(UsageError, match=r"keeps no posteriors; .*posteriors: true"):
        find_shards(decode, "dev")
    write_json(decode / ".dev.stamp.json", {"outputs": {"dev.log_probs.1-of-1.npz": 1}})
    with pytest.raises(UsageError, match=r"log_probs.1-of-1.npz does not exist"):
        find_shards(decode, "dev")
    bad = posteriors(0, 4, 6)
    write_shard(decode / "dev.log_probs.1-of-1.npz", [("u1", bad)])
    with pytest.raises(RunError, match=r"u1 has 6 posteriors a frame, the tokenizer 7 tokens"):
        list(Posteriors(find_shards(decode, "dev"), 7).items())
    bad[2, 1] = np.nan
    write_shard(decode / "dev.log_probs.1-of-1.npz", [("u1", bad)])
    with pytest.raises(RunError, match=r"utterance u1 .*NaN.* frame 2"):
        list(Posteriors(find_shards(decode, "dev"), 6).items())
