import numpy as np
import pytest

from cyasr.score.statistics import bootstrap


def sample(rng, utterances=400, rate=0.2, speakers=8):
    words = rng.integers(1, 30, utterances)
    return rng.binomial(words, rate), words, [f"s{i % speakers}" for i in range(utterances)]


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly():
    errors, words, speakers = sample(np.random.default_rng(0))
    one = bootstrap.interval(errors, words, speakers)
    assert one == bootstrap.interval(errors, words, speakers)
    other = bootstrap.interval(errors, words, speakers, seed=1)
    assert other != one
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.2)


def test_the_interval_equals_that_of_numpys_resampling():
    rng = np.random.default_rng(1)
    errors, words, _ = sample(rng)
    ours = bootstrap.interval(errors, words, ["one"] * len(words))
    drawn = rng.integers(0, len(words), (10_000, len(words)))
    rates = 100 * errors[drawn].sum(1) / words[drawn].sum(1)
    assert (ours.low, ours.high) == pytest.approx(tuple(np.quantile(rates, [0.025, 0.975])), abs=0.1)


def test_about_95_of_100_intervals_hold_the_true_rate():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        errors, words, _ = sample(rng, utterances=200)
        one = bootstrap.interval(errors, words, ["one"] * len(words), resamples=1000)
        held += one.low <= 20 <= one.high
    assert 180 <= held <= 199


def test_six_speakers_are_drawn_as_wholes_and_fewer_are_not():
    rng = np.random.default_rng(3)
    words = np.full(600, 10)
    rates = np.repeat([0.05, 0.1, 0.2, 0.3, 0.4, 0.6], 100)
    errors = rng.binomial(words, rates)
    by_speaker = bootstrap.interval(errors, words, [f"s{i // 100}" for i in range(600)])
    by_utterance = bootstrap.interval(errors, words, [f"s{i // 200}" for i in range(600)])
    assert (by_speaker.unit, by_speaker.note) == ("speaker", None)
    assert (by_utterance.unit, by_utterance.note) == ("utterance", "within these speakers")
    assert by_speaker.high - by_speaker.low > 3 * (by_utterance.high - by_utterance.low)


def test_unknown_speakers_are_no_clusters():
    one = bootstrap.interval([1, 0], [4, 4], [None, "s1"])
    assert (one.unit, one.note) == ("utterance", "speakers unknown")


def test_without_reference_words_there_is_no_interval():
    one = bootstrap.interval([2, 0], [0, 0], ["a", "b"])
    assert (one.low, one.high) == (None, None)


def test_no_errors_at_all_give_an_interval_of_zero_width():
    one = bootstrap.interval([0, 0, 0], [3, 4, 5], ["a"] * 3)
    assert (one.low, one.high) == (0, 0)


def test_equal_systems_show_no_difference_and_a_clearly_better_one_does():
    rng = np.random.default_rng(4)
    errors, words, speakers = sample(rng)
    same = bootstrap.compare(errors, errors, words, speakers)
    assert (same.difference, same.shown, same.p) == (0, False, 1)
    better = bootstrap.compare(errors, errors // 2, words, speakers)
    assert better.difference < 0 and better.shown and better.p < 0.01
    noise = bootstrap.compare(errors, rng.permutation(errors), words, speakers)
    assert not noise.shown and noise.p > 0.05


def test_pairing_sees_what_two_intervals_cannot():
    rng = np.random.default_rng(5)
    errors, words, _ = sample(rng)
    speakers = ["one"] * len(words)
    slightly = errors - ((errors > 0) & (rng.random(len(errors)) < 0.1))
    one, other = bootstrap.interval(errors, words, speakers), bootstrap.interval(slightly, words, speakers)
    assert other.high > one.low
    assert bootstrap.compare(errors, slightly, words, speakers).shown


def test_comparing_on_no_words_is_refused():
    with pytest.raises(ValueError, match="no reference words"):
        bootstrap.compare([1], [0], [0], ["a"])


def test_intervals_of_ten_speakers_hold_the_true_rate_as_often_as_they_say():
    rng = np.random.default_rng(6)
    true = 100 * (1 / (1 + np.exp(-rng.normal(-1.2, 0.45, 1_000_000)))).mean()
    held = 0
    for _ in range(300):
        rates = np.repeat(1 / (1 + np.exp(-rng.normal(-1.2, 0.45, 10))), 40)
        words = rng.poisson(12, 400) + 1
        speakers = [f"s{i // 40}" for i in range(400)]
        one = bootstrap.interval(rng.binomial(words, rates), words, speakers, resamples=2000)
        held += one.low <= true <= one.high
    assert held >= 273  # 91 %; the plain percentiles hold it in 89 to 90 %


def test_equal_systems_are_told_apart_in_about_one_of_twenty_tests():
    rng = np.random.default_rng(10)
    shown = small = 0
    for _ in range(600):
        gains = np.repeat(rng.normal(0, 0.05, 8), 30)  # by speaker: for some a is better, for others b
        words = rng.poisson(12, 240) + 1
        one, other = (rng.binomial(words, np.clip(0.25 + sign * gains, 0, 1)) for sign in (1, -1))
        found = bootstrap.compare(one, other, words, [f"s{i // 30}" for i in range(240)], resamples=2000)
        shown += found.shown
        small += found.p < 0.05
    assert shown <= 45 and small <= 45  # 7.5 %; plain percentiles: 13 %
    assert abs(shown - small) <= 4  # interval and p say the same


def test_a_difference_gone_in_no_resample_has_a_p_that_still_tells_how_large_it_is():
    rng = np.random.default_rng(8)
    errors, words, speakers = sample(rng, utterances=4000, speakers=40)
    p = [bootstrap.compare(errors, np.maximum(errors - gain, 0), words, speakers).p for gain in (1, 2)]
    assert 0 < p[1] < p[0] < 1e-4
