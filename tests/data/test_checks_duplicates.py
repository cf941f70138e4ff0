"""A recording is known again after a change of volume, a codec and a cut at its ends; another one is not taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cyasr.data.checks import AudioMeter
from cyasr.data.checks.duplicates import NearDuplicates
from cyasr.data.checks.fingerprint import Fingerprint
from tests.data.speechlike import Audio, noisy, speech, through
from tests.local.test_data_fsdd import FSDD, with_fsdd


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[NearDuplicates]:
    with closing(NearDuplicates(tmp_path)) as heard:
        yield heard


def fingerprint(audio: Audio, rate: int = 16_000) -> Fingerprint | None:
    meter = AudioMeter(rate)
    meter.add(audio[:, None])
    return meter.result().fingerprint


def changed(audio: Audio, rate: int) -> Iterator[tuple[str, Audio, int]]:
    yield "gain", 0.2 * audio, rate
    yield "later by 7 ms", audio[int(0.007 * rate) :], rate
    yield "later by 100 ms", audio[int(0.1 * rate) :], rate
    yield "earlier by 130 ms", np.concatenate([np.zeros(int(0.13 * rate), np.float32), audio]), rate
    for container, codec in (("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS"), ("OGG", "VORBIS")):
        yield codec, *through(audio, rate, container, codec)
    yield "all of it", *through(0.4 * audio[int(0.05 * rate) :], rate, "MP3", "MPEG_LAYER_III")


def strings(speaker: str, count: int, seed: int) -> list[Audio]:
    """Digit strings of 2 to 5 seconds, each clip in one."""
    clips = sorted((FSDD / "recordings").glob(f"*_{speaker}_*.wav"))
    np.random.default_rng(seed).shuffle(clips)
    return [np.concatenate([soundfile.read(clip, dtype="float32")[0] for clip in clips[8 * i : 8 * i + 8]]) for i in range(count)]


def check(recordings: list[Audio], rate: int, heard: NearDuplicates) -> None:
    """All changed copies are known again, and no recording is taken for another."""
    for i, audio in enumerate(recordings):
        assert heard.hear(f"original {i}", f"digest {i}", fingerprint(audio, rate)).alike == (), "a false alarm"
    for i, audio in enumerate(recordings):
        for what, copy, copy_rate in changed(audio, rate):
            alike = heard.hear(f"{what} {i}", f"other {what} {i}", fingerprint(copy, copy_rate)).alike
            assert (i, f"original {i}") in alike, what
            assert {name.rpartition(" ")[2] for _, name in alike} == {str(i)}, what


def test_copies_of_generated_speech_are_known_again(heard: NearDuplicates) -> None:
    check([noisy(speech(4.0, seed=seed), 30, seed=seed) for seed in range(6)], 16_000, heard)


@with_fsdd
def test_copies_of_real_speech_are_known_again(heard: NearDuplicates) -> None:
    check([audio for speaker in ("lucas", "george") for audio in strings(speaker, 6, 0)], 8000, heard)


@with_fsdd
@pytest.mark.parametrize("speaker", ["jackson", "lucas", "nicolas"])
def test_different_words_of_one_speaker_raise_no_false_alarm(heard: NearDuplicates, speaker: str) -> None:
    for seed in range(3):
        for i, audio in enumerate(strings(speaker, 60, seed)):
            assert heard.hear(f"{seed} {i}", f"{seed} {i}", fingerprint(audio, 8000)).alike == ()
    assert heard.compared > 150


def test_the_same_samples_are_no_near_duplicate_and_asking_twice_gives_the_same_answer(heard: NearDuplicates) -> None:
    one = fingerprint(speech())
    heard.hear("a", "digest", one)
    assert heard.hear("b", "digest", one).alike == ()
    first = heard.hear("c", "other", one)
    assert first.alike == ((0, "a"), (1, "b")) and heard.hear("c", "other", one) == first
    assert heard.hear("d", "none", None).number == -1 and heard.too_short == 1


def test_names_of_any_letters_come_back_and_no_file_is_left(heard: NearDuplicates, tmp_path: Path) -> None:
    one = fingerprint(speech())
    for name in ("σ\u0306ύλλος", "a\nb", "\udcff"):
        heard.hear(name, name, one)
    assert next(name for _, name in heard.hear("last", "last", one).alike) == "σ\u0306ύλλος"
    assert not list(tmp_path.iterdir())
