import itertools

import numpy as np
import pytest

from cyasr.fusion.features import Features
from cyasr.fusion.tuning import tune


def features(totals, parts, errors, names):
    lists, longest = np.shape(errors)
    return Features(np.array(totals, float), np.array(parts, float), names, np.array(errors), 100, np.full(lists, longest))


TWO_LISTS = features(
    totals=[[0.0, -1.0], [0.0, -3.0]],
    parts=[[[-5.0, 2], [-1.0, 2]], [[-2.0, 3], [-1.5, 3]]],
    errors=[[2, 0], [0, 1]],
    names=["lm", "words"],
)


def test_the_weight_with_fewest_errors_is_found():
    # the first list turns round above 0.25, the second (wrongly) only above 6
    changes, errors = tune(TWO_LISTS, {"lm": [0, 0.1, 0.5, 8]}, ["lm"], sweeps=2)
    assert (changes, errors) == ({"lm": 0.5, "words": 0.0}, 0)


def test_among_equal_errors_the_smallest_change_wins_whatever_the_order_of_candidates():
    for values in itertools.permutations([0.0, 0.3, 1.0, 2.0]):
        changes, _ = tune(TWO_LISTS, {"lm": list(values)}, ["lm"], sweeps=1)
        assert changes["lm"] == 0.3


def test_nothing_changes_where_nothing_helps():
    best_already = features([[0.0, -1.0]], [[[-1.0], [0.0]]], [[0, 1]], ["lm"])
    assert tune(best_already, {"lm": [0.5, 1.0, 5.0]}, ["lm"], sweeps=3) == ({"lm": 0.0}, 0)


def test_components_without_candidates_stay_as_they_are():
    changes, _ = tune(TWO_LISTS, {"words": [1.0, 2.0]}, ["lm", "words"], sweeps=1)
    assert changes["lm"] == 0


def test_padding_is_never_chosen():
    one = features([[-5.0, -np.inf]], [[[-100.0], [0.0]]], [[1, 0]], ["lm"])
    assert tune(one, {"lm": [1.0, 1000.0]}, ["lm"], sweeps=1) == ({"lm": 0.0}, 1)


@pytest.mark.parametrize("seed", range(5))
def test_tuning_never_makes_more_errors_than_the_first_pass_and_a_grid_is_searched_whole(seed):
    rng = np.random.default_rng(seed)
    totals = -np.sort(rng.gamma(2, 2, (30, 8)))
    made = Features(totals, rng.normal(size=(30, 8, 3)) * 5, ["a", "b", "c"], rng.integers(0, 6, (30, 8)), 300, np.full(30, 8))
    values = [-1.0, 0.0, 0.5, 2.0]
    changes, errors = tune(made, {"a": values, "b": values}, ["a", "b"], sweeps=0)
    everything = np.array([[a, b, 0.0] for a in values for b in values])
    assert errors == made.errors_with(everything).min() <= made.errors[:, 0].sum()
    assert made.errors_with(np.array([list(changes.values())]))[0] == errors
    assert tune(made, {"a": values, "b": values, "c": values}, ["a", "b"], sweeps=3)[1] <= errors
