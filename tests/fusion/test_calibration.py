import itertools

import numpy as np
import pytest

from cyasr.fusion import calibration
from cyasr.score import confidence


def drawn(slope, offset, words=20_000, seed=0):
    """Raw probabilities, and words right as often as a sigmoid of their log odds says."""
    draw = np.random.default_rng(seed)
    raw = draw.uniform(0.02, 0.98, words)
    true = 1 / (1 + np.exp(-(slope * calibration.log_odds(raw) + offset)))
    return raw, draw.random(words) < true


def test_platt_finds_the_sigmoid_that_made_the_words_and_their_confidences_become_right():
    raw, right = drawn(0.5, 1.0)
    features = calibration.log_odds(raw)[:, None]
    found = calibration.fit("platt", features, right)
    assert found.slopes[0] == pytest.approx(0.5, abs=0.05) and found.offset == pytest.approx(1.0, abs=0.05)
    before, after = (confidence.figures(one, right) for one in (raw, found(features)))
    assert before["ece"] > 0.1 > 0.02 > after["ece"] and before["nce"] < after["nce"]
    assert before["auc"] == pytest.approx(after["auc"])  # the order stays


def test_temperature_changes_how_sharp_and_nothing_else():
    raw, right = drawn(0.4, 0.0)
    found = calibration.fit("temperature", calibration.log_odds(raw)[:, None], right)
    assert found.slopes[0] == pytest.approx(0.4, abs=0.03) and found.offset == 0


def test_words_are_judged_by_a_sigmoid_that_has_not_seen_their_utterance():
    raw, right = drawn(1.0, 0.0, words=500)
    owner = np.arange(500) // 5
    features = calibration.log_odds(raw)[:, None]
    found = calibration.cross_fitted("platt", features, right, owner)
    held = owner % calibration.FOLDS == 2
    changed = right.copy()
    changed[held] = ~changed[held]
    assert (calibration.cross_fitted("platt", features, changed, owner)[held] == found[held]).all()


@pytest.mark.parametrize("right", [[True] * 4, [False] * 4, []])
def test_words_all_of_a_kind_teach_nothing(right):
    features = np.zeros((len(right), 1))
    assert calibration.fit("platt", features, np.array(right, bool)) == calibration.untouched(1)
    assert confidence.figures(np.full(len(right), 0.5), np.array(right, bool))["nce"] is None


def test_words_that_can_be_told_apart_without_fault_give_finite_numbers():
    features = np.array([[-9.0], [-8.0], [8.0], [9.0]])
    found = calibration.fit("platt", features, features[:, 0] > 0)
    assert np.isfinite([*found.slopes, found.offset]).all() and (found(features) > 0.5).tolist() == [False, False, True, True]


def test_figures_are_what_their_definitions_say():
    sure = np.array([0.9, 0.8, 0.8, 0.3, 0.1])
    right = np.array([True, True, False, True, False])
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(sure[right], sure[~right])]
    assert confidence.auc(sure, right) == pytest.approx(np.mean(pairs))
    entropy = -3 * np.log2(3 / 5) - 2 * np.log2(2 / 5)
    said = np.log2(0.9) + np.log2(0.8) + np.log2(0.2) + np.log2(0.3) + np.log2(0.9)
    assert confidence.nce(sure, right) == pytest.approx((entropy + said) / entropy)
    # one word in each of the bins of 0.9, 0.3 and 0.1, two in that of 0.8
    assert confidence.ece(sure, right) == pytest.approx((0.1 + 0.6 + 0.7 + 0.1) / 5)
    assert confidence.nce(np.full(5, 3 / 5), right) == pytest.approx(0)
