"""Splits are planned from speakers alone: complete, disjoint, seeded."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyasr.cli import UsageError
from cyasr.data.corpus import DataConf
from cyasr.data.split import deal_folds, draw_speakers, plan

speaker_seconds = st.dictionaries(st.text(min_size=1, max_size=5), st.floats(0.5, 1e5), min_size=3, max_size=30)


def conf(**keys: Any) -> DataConf:
    return DataConf(corpus="toy", licence="CC0-1.0", language="el", **keys)


def summary(speakers: dict[str, float]) -> dict[str, Any]:
    return {"speakers": {speaker: {"-": [1, seconds]} for speaker, seconds in speakers.items()}}


@given(speaker_seconds, st.integers(0, 5))
def test_every_split_drawn_gets_a_speaker_and_every_speaker_a_split(seconds: dict[str, float], seed: int) -> None:
    split = draw_speakers(seconds, 0.1, 0.1, seed)
    assert split.keys() == seconds.keys()
    assert set(split.values()) == {"train", "dev", "test"}
    assert split == draw_speakers(dict(reversed(seconds.items())), 0.1, 0.1, seed)


def test_shares_are_kept_and_the_seed_matters() -> None:
    seconds = {f"s{number}": 100.0 + number for number in range(100)}
    splits = [draw_speakers(seconds, 0.1, 0.2, seed) for seed in range(4)]
    for split in splits:
        assert sum(seconds[s] for s in split if split[s] == "test") == pytest.approx(0.2 * sum(seconds.values()), rel=0.15)
        assert sum(seconds[s] for s in split if split[s] == "dev") == pytest.approx(0.1 * sum(seconds.values()), rel=0.15)
    assert len({tuple(split.items()) for split in splits}) == 4


def test_a_speaker_with_most_of_the_hours_stays_in_train() -> None:
    for seed in range(20):
        assert draw_speakers({"big": 900.0, "a": 40.0, "b": 30.0, "c": 30.0}, 0.1, 0.1, seed)["big"] == "train"


@given(speaker_seconds, st.integers(2, 3))
def test_folds_hold_each_speaker_once(seconds: dict[str, float], folds: int) -> None:
    groups = deal_folds(seconds, folds)
    assert len(groups) == folds and sorted(chain.from_iterable(groups.values())) == sorted(seconds)


def test_folds_are_named_after_speakers_where_a_directory_can_be() -> None:
    assert list(deal_folds({"theo": 1.0, "george": 1.0, "lucas": 1.0}, None)) == ["george", "lucas", "theo"]
    assert list(deal_folds({"theo/x": 1.0, "raw": 1.0, "γ": 1.0}, None)) == ["fold1", "fold2", "fold3"]


def test_each_fold_tests_on_a_speaker_that_its_train_and_dev_do_not_have() -> None:
    plans = plan(conf(split="folds"), "toy", summary({"a": 3.0, "b": 2.0, "c": 1.0, "d": 1.0}))
    assert [each.name for each in plans] == ["toy/a", "toy/b", "toy/c", "toy/d"]
    assert [each.by_speaker for each in plans[:1]] == [{"a": "test", "b": "dev", "c": "train", "d": "train"}]
    assert plans[3].split_of("a", "train", "f") == "dev"


def test_pools_give_train_and_dev_of_the_heard_speakers_and_test_of_the_held_out_one() -> None:
    [first, *_] = plan(conf(split="folds", dev_from="pools"), "toy", summary({"a": 1.0, "b": 1.0, "c": 1.0}))
    heard = [first.split_of("b", own, "f") for own in ("train", "dev", "test")]
    held_out = [first.split_of("a", own, "f") for own in ("train", "dev", "test")]
    assert heard == ["train", "dev", None] and held_out == [None, None, "test"]


@pytest.mark.parametrize("split", ["speakers", "folds"])
def test_too_few_speakers_are_refused(split: str) -> None:
    with pytest.raises(UsageError, match="needs three speakers at least, this corpus names 1"):
        plan(conf(split=split), "toy", summary({"only": 10.0, "-": 5.0}))


def test_more_folds_than_speakers_and_too_many_folds_are_refused() -> None:
    with pytest.raises(UsageError, match="folds: 4 are more than the 3 speakers"):
        plan(conf(split="folds", folds=4), "toy", summary({"a": 1.0, "b": 1.0, "c": 1.0}))
    with pytest.raises(UsageError, match="60 folds are too many"):
        plan(conf(split="folds"), "toy", summary({f"s{i}": 1.0 for i in range(60)}))


def test_an_official_split_is_the_corpus_own() -> None:
    [only] = plan(conf(), "toy", summary({"a": 1.0}))
    assert [only.split_of("a", own, "f") for own in ("dev", None)] == ["dev", None]


def test_a_set_to_train_on_alone_takes_every_utterance_whatever_the_corpus_says() -> None:
    [only] = plan(conf(split="train"), "toy", summary({"-": 1.0}))
    assert [only.split_of(None, own, "f") for own in ("test", None)] == ["train", "train"] and only.needed == ("train",)


def test_speech_for_pretraining_leaves_a_share_of_its_files_for_selection_and_none_to_be_scored():
    (only,) = plan(conf(split="train_dev", label="none", dev_share=0.2), "x", {})
    files = [f"f{number}" for number in range(1000)]
    dev = {file for file in files if only.split_of("a", "test", file) == "dev"}
    assert 150 < len(dev) < 250 and only.needed == ("train", "dev")
    assert all(only.split_of("b", None, file) == ("dev" if file in dev else "train") for file in files)
