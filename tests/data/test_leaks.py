"""Overlaps between splits are counted, whatever order they come in."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyasr.data import seen
from cyasr.data.leaks import Overlaps
from cyasr.data.seen import Seen


def test_shared_values_are_counted_once_for_each_pair_of_splits_in_any_order() -> None:
    entries = [
        ("train", "a"),
        ("train", "a"),
        ("test", "a"),
        ("dev", "a"),
        ("test", "a"),
        ("dev", "b"),
        ("train", "c"),
        ("test", "c"),
    ]
    for seed in range(5):
        random.Random(seed).shuffle(entries)
        overlaps = Overlaps()
        for split, value in entries:
            overlaps.add("speakers", split, value)
        report = overlaps.report()["speakers"]
        assert {pair: report[pair]["shared"] for pair in report} == {"train-dev": 1, "train-test": 2, "dev-test": 1}
        assert sorted(report["train-test"]["examples"]) == ["a", "c"]
        assert overlaps.count("speakers", "train") == 2


@pytest.mark.parametrize("kind", ["speakers", "audio", "sources"])
def test_our_own_split_may_share_no_speaker_and_no_audio(kind: str) -> None:
    overlaps = Overlaps()
    overlaps.add(kind, "train", "x", "george")
    overlaps.add(kind, "test", "x", "george")
    assert overlaps.leak("given") == f"train and test share 1 {kind} (george)"


def test_an_official_split_may_share_what_it_shares_but_not_what_we_put_together() -> None:
    overlaps = Overlaps()
    for kind in ("speakers", "audio", "prompts", "sentences"):
        for split in ("train", "test"):
            overlaps.add(kind, split, "x")
    assert overlaps.leak("official") is None
    for split in ("dev", "test"):
        overlaps.add("sources", split, "clip")
    assert overlaps.leak("official") == "dev and test share 1 sources (clip)"


def test_a_split_by_file_may_share_speakers_but_no_audio() -> None:
    overlaps = Overlaps()
    for split in ("train", "test"):
        overlaps.add("speakers", split, "george")
    assert overlaps.leak("files") is None and overlaps.leak("given") is not None
    for split in ("train", "test"):
        overlaps.add("audio", split, "digest", "clip")
    assert overlaps.leak("files") == "train and test share 1 audio (clip)"


def test_dev_may_be_made_of_training_speakers_where_that_is_meant_and_test_never() -> None:
    overlaps = Overlaps()
    overlaps.add("speakers", "train", "theo")
    overlaps.add("speakers", "dev", "theo")
    assert overlaps.leak("folds", dev_speakers_train=True) is None and overlaps.leak("given") is not None
    overlaps.add("speakers", "test", "theo")
    assert overlaps.leak("folds", dev_speakers_train=True) == "train and test share 1 speakers (theo)"


def test_what_is_shared_is_said_in_one_line() -> None:
    overlaps = Overlaps()
    assert overlaps.summary() == ""
    for kind, split, value in (
        ("speakers", "train", "theo"),
        ("speakers", "test", "theo"),
        ("prompts", "dev", "p"),
        ("prompts", "test", "p"),
    ):
        overlaps.add(kind, split, value)
    assert overlaps.summary() == "train and test share 1 speakers (theo); dev and test share 1 prompts (p)"


@given(st.lists(st.text(max_size=2)))
def test_seen_is_a_set(texts: list[str]) -> None:
    few = Seen()
    seen_before: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "RECENT", 3)  # merges often
        for text in texts:
            assert (text in few) == (text in seen_before)
            assert few.add(text) == (text not in seen_before)
            seen_before.add(text)
    assert len(few) == len(few.hashes()) == len(seen_before)
