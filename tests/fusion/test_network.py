import numpy as np
import pytest

from cyasr.fusion.network import NOTHING, build, pair_distances
from cyasr.fusion.words import numbered
from cyasr.score import wer


def slots(texts, expected=False, weights=None):
    """What stands in each slot, by hypothesis."""
    words, starts, ids = numbered([text.split() for text in texts])
    weights = np.ones(len(texts)) if weights is None else np.array(weights, float)
    said, _ = build(words, starts, np.arange(len(texts)), weights, len(ids), expected)
    return [" ".join(ids[word] or "@" for word in column) for column in said.T]


def random_texts(seed, count=12):
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(list("abcd"), draw.integers(0, 9))) for _ in range(count)]


@pytest.mark.parametrize("expected", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_each_hypothesis_can_be_read_off_its_slots_and_no_weight_is_lost(seed, expected):
    texts = ["a b", *random_texts(seed)]
    words, starts, ids = numbered([text.split() for text in texts])
    weights = np.random.default_rng(seed).random(len(texts)) + 0.01
    said, mass = build(words, starts, np.arange(len(texts)), weights, len(ids), expected)
    assert [[ids[word] for word in row if word] for row in said] == [text.split() for text in texts]
    assert mass.sum(axis=1) == pytest.approx(weights.sum())
    for slot, column in enumerate(said.T):
        assert mass[slot] == pytest.approx(np.bincount(column, weights, len(ids)))


def test_hypotheses_meet_where_they_agree():
    assert slots(["a b c", "a c", "a d c"]) == ["a a a", "b @ d", "c c c"]
    assert slots(["a c", "a b e c", "a d c"]) == ["a a a", "@ b @", "@ e d", "c c c"]
    assert slots(["a c", "a b c", "a b c"], True) == ["a a a", "@ b b", "c c c"]


def test_a_word_goes_where_it_is_likelier():
    # b could join either slot; the second has more of it
    assert slots(["a x", "a b", "b"], True, [1, 3, 1])[1] == "x b b"


def test_only_those_in_the_order_join():
    words, starts, ids = numbered([["a"], ["b"], ["a", "c"]])
    said, mass = build(words, starts, np.array([2, 0]), np.ones(3), len(ids), True)
    assert said[1].tolist() == [NOTHING, NOTHING] and mass.sum(axis=1).tolist() == [2, 2]


@pytest.mark.parametrize("seed", range(4))
def test_distances_between_all_pairs_are_word_errors(seed):
    texts = random_texts(seed)
    words, starts, _ = numbered([text.split() for text in texts])
    lists = [text.split() for text in texts]
    every = [wer.distances([one], lists, np.zeros(len(lists), np.int64)).tolist() for one in lists]
    assert pair_distances(words, starts).tolist() == every
