"""What each augmentation does to speech, what it leaves alone, and that a cut's depends on nothing but its draw."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from lhotse import Recording
from numpy.typing import NDArray

from cyasr import conf as confs
from cyasr.cli import RunError, UsageError
from cyasr.data.audio import Augment, distort, load, load_augmented
from cyasr.data.augment import noise as noise_module
from cyasr.data.augment.conf import NoiseConf
from cyasr.data.augment.noise import Noise, add_at, digests, excerpt
from cyasr.data.augment.room import convolve, draw_room, reverberate
from cyasr.data.augment.stretch import shift_pitch, stretch
from cyasr.data.augment.telephone import CODECS, telephone
from cyasr.experiment import TrainConf
from cyasr.systems import hf_ctc
from cyasr.systems.espnet import Conf

Audio = NDArray[np.float32]
RATE = 16_000


def tone(hertz: float, seconds: float = 2.0) -> Audio:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def white(seconds: float = 2.0, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * RATE)).astype(np.float32)


def syllables(seconds: float) -> Audio:
    """A buzz of 120 Hz with harmonics that comes and goes four times a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * n * time) / n for n in range(1, 25))
    return (0.1 * buzz * (1 + np.sin(2 * np.pi * 4 * time)) / 2).astype(np.float32)


def loudest(audio: Audio) -> float:
    """The frequency, in Hz, with most energy."""
    return float(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))).argmax() * RATE / len(audio))


def band(audio: Audio, low: float, high: float) -> float:
    """Energy between two frequencies."""
    spectrum = np.abs(np.fft.rfft(audio)) ** 2
    frequencies = np.fft.rfftfreq(len(audio), 1 / RATE)
    return float(spectrum[(frequencies >= low) & (frequencies < high)].sum())


def decibels(ratio: float) -> float:
    return 10 * float(np.log10(ratio))


@pytest.mark.parametrize("factor", [0.8, 0.9, 0.97, 1.1, 1.25])
def test_tempo_changes_the_length_and_neither_pitch_nor_loudness(factor: float) -> None:
    audio = syllables(3.0)
    other = stretch(audio, factor)
    assert other.dtype == np.float32 and len(other) == round(len(audio) / factor)
    assert loudest(other) == pytest.approx(120, abs=1.5)
    assert other.std() == pytest.approx(audio.std(), rel=0.05)
    beats = np.abs(np.fft.rfft(np.abs(other) - np.abs(other).mean()))[: len(other) * 20 // RATE]
    assert beats.argmax() * RATE / len(other) == pytest.approx(4 * factor, abs=0.4)


@pytest.mark.parametrize("semitones", [-2.0, -0.5, 1.0, 2.0])
@pytest.mark.parametrize("tempo", [0.9, 1.0, 1.1])
def test_pitch_changes_the_pitch_and_the_length_only_as_tempo_says(semitones: float, tempo: float) -> None:
    audio = syllables(3.0)
    other = shift_pitch(audio, semitones, tempo)
    assert other.dtype == np.float32 and len(other) == round(len(audio) / tempo)
    assert loudest(other) == pytest.approx(120 * 2 ** (semitones / 12), rel=0.01)


@pytest.mark.parametrize("samples", [1, 100, 1279, 1281, 5000])
def test_short_audio_survives_every_effect(samples: int) -> None:
    audio = white(1.0)[:samples]
    everything = Augment(0, (1.0,), (0.9, 1.1), (-2.0, 2.0), 1.0, (0.1, 0.6), (10.0, 20.0), (), (-6.0, 6.0), 1.0)
    for seed in range(6):
        random = np.random.default_rng(seed)
        other = distort(audio, everything.pace(random)[1], everything, random)
        assert other.dtype == np.float32 and np.isfinite(other).all()
        assert abs(len(other) - samples) <= 0.12 * samples + 1


def test_a_room_decays_as_long_as_asked_and_starts_with_the_direct_sound() -> None:
    for decay in (0.15, 0.3, 0.6):
        measured = []
        for seed in range(8):
            response = draw_room(np.random.default_rng(seed), decay)
            assert response[0] > 0 and np.abs(response).argmax() < 0.05 * RATE
            left = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
            curve = 10 * np.log10(left / left[0])
            measured.append(3 * float(np.argmax(curve < -30) - np.argmax(curve < -10)) / RATE)
        assert float(np.mean(measured)) == pytest.approx(decay, rel=0.2)


def test_reverberation_keeps_length_power_and_place() -> None:
    audio = np.zeros(3 * RATE, dtype=np.float32)
    audio[RATE : 2 * RATE] = white(1.0)
    wet = reverberate(audio, draw_room(np.random.default_rng(3), 0.4))
    assert len(wet) == len(audio) and np.mean(wet**2) == pytest.approx(np.mean(audio**2), rel=1e-3)
    assert np.abs(wet[: RATE - 10]).max() < 1e-3 and np.abs(wet[RATE : RATE + 400]).max() > 0.01


@pytest.mark.parametrize("taps", [1, 100, 3000, 20000])
def test_block_convolution_equals_the_direct_one(taps: int) -> None:
    audio, response = white(2.0), white(2.0, 1)[:taps]
    assert np.abs(convolve(audio, response) - np.convolve(audio, response)[: len(audio)]).max() < 1e-3


@pytest.mark.parametrize("codec", CODECS)
def test_a_telephone_passes_its_band_and_adds_its_codecs_noise(codec: str) -> None:
    audio = white(3.0)
    line = telephone(audio, codec)
    assert line.dtype == np.float32 and len(line) == len(audio)
    inside = decibels(band(line, 500, 3000) / band(audio, 500, 3000))
    assert abs(inside) < 3
    assert decibels(band(line, 4100, 8000) / band(audio, 4100, 8000)) < -35
    assert decibels(band(line, 0, 120) / band(audio, 0, 120)) < -10
    voice = tone(1000.0)
    heard = telephone(voice, codec)
    assert loudest(heard) == pytest.approx(1000, abs=1)
    noise = band(heard, 1100, 3300) / band(heard, 950, 1050)
    assert 1e-8 < noise < 1e-1


@pytest.mark.parametrize("snr", [0.0, 10.0, 20.0])
def test_recorded_noise_comes_at_the_ratio_asked_for(snr: float) -> None:
    speech = syllables(2.0)
    mixed = add_at(speech, white(2.0, 3), snr)
    assert decibels(np.mean(speech**2) / np.mean((mixed - speech) ** 2)) == pytest.approx(snr, abs=0.1)
    assert np.array_equal(add_at(speech, np.zeros_like(speech), snr), speech)
    assert not add_at(np.zeros_like(speech), speech, snr).any()


@pytest.fixture
def noises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """noise/ with three tones at other rates and depths, one of them in two channels and short."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise" / "deep").mkdir(parents=True)
    soundfile.write("noise/a.wav", tone(440, 5.0), RATE)
    eight = tone(600, 4.0)[::2]
    soundfile.write("noise/deep/b.flac", eight, RATE // 2)
    short = tone(900, 0.25)
    soundfile.write("noise/deep/c.ogg", np.stack([short, 0 * short], 1), RATE)
    (tmp_path / "noise" / "LICENSE.txt").write_text("CC0")
    return tmp_path / "noise"


def source(**keys: Any) -> Noise:
    return Noise(NoiseConf(**({"path": "noise", "snr": [5.0, 15.0]} | keys)))


def test_noise_is_drawn_from_all_files_at_any_rate_and_length(noises: Path) -> None:
    noise = source()
    found = set()
    for seed in range(30):
        audio = noise.draw(np.random.default_rng(seed), 2 * RATE)
        assert audio.shape == (2 * RATE,) and audio.dtype == np.float32
        found.add(round(loudest(audio), -1))
    assert found == {440, 600, 900}
    babble = source(voices=[3, 7])
    draws = [babble.draw(np.random.default_rng(seed), RATE) for seed in range(8)]
    assert any(band(one, 430, 450) > 1 and band(one, 590, 610) > 1 for one in draws)
    assert np.array_equal(noise.draw(np.random.default_rng(5), 999), source().draw(np.random.default_rng(5), 999))


def test_noise_is_taken_from_manifests_of_recordings_and_of_cuts(noises: Path) -> None:
    recording = {"id": "a", "sources": [{"type": "file", "channels": [0], "source": "noise/a.wav"}], "duration": 5.0}
    for name, rows in (
        ("recordings", [recording]),
        ("cuts", [{"id": "cut", "start": 1.0, "duration": 0.5, "recording": recording}]),
    ):
        with gzip.open(f"{name}.jsonl.gz", "wt") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        (only,) = source(path=f"{name}.jsonl.gz").stretches
        assert only.path == "noise/a.wav" and only.start == (1.0 if name == "cuts" else 0.0)
        assert loudest(excerpt(only, np.random.default_rng(1), RATE)) == pytest.approx(440, abs=2)


def test_a_large_source_is_thinned_to_the_same_files_however_it_is_listed(noises: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_module, "MOST", 4)
    names = [f"n{number}" for number in range(60)]
    wanted = sorted(names, key=noise_module.hash64)[:4]
    for order in (names, names[::-1]):
        with gzip.open("many.jsonl.gz", "wt") as out:
            for name in order:
                out.write(json.dumps({"id": name, "sources": [{"type": "file", "channels": [0], "source": name}]}) + "\n")
        assert [one.path for one in source(path="many.jsonl.gz").stretches] == wanted


def test_noise_that_cannot_be_had_is_one_line(noises: Path) -> None:
    (noises / "empty").mkdir()
    Path("list.txt").touch()
    for path, message in (
        ("noise/empty", "holds no audio"),
        ("absent", "neither a folder nor a Lhotse manifest"),
        ("list.txt", "neither a folder"),
        ("absent.jsonl.gz", "does not exist"),
    ):
        with pytest.raises(UsageError, match=message):
            digests([NoiseConf(path, [5.0, 10.0])])
    (noises / "a.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(RunError, match=r"noise/a\.wav cannot be read"):
        for seed in range(30):
            source().draw(np.random.default_rng(seed), RATE)


def test_other_noise_has_another_digest(noises: Path) -> None:
    before = digests([NoiseConf("noise", [5.0, 10.0])])
    assert before == digests([NoiseConf("noise", [0.0, 10.0])])
    soundfile.write("noise/d.wav", tone(100), RATE)
    assert digests([NoiseConf("noise", [5.0, 10.0])]) != before


def conf(**keys: Any) -> TrainConf:
    return confs.build({"system": "espnet", "tokenizer": "char"} | keys, Conf, Path("train.yaml"))


EVERYTHING: dict[str, Any] = {
    "speed": [0.9, 1.0, 1.1], "tempo": [0.9, 1.1], "pitch": [-2, 2], "reverb": 0.5, "noise_snr": [5, 20], "volume": [-6, 6],
    "telephone": 0.5, "noise_from": [{"path": "noise", "snr": [5, 15], "probability": 0.5}],
}  # fmt: skip


def test_a_cut_is_augmented_alike_in_any_order_and_otherwise_in_another_epoch(noises: Path) -> None:
    augment = Augment.of(conf(**EVERYTHING))
    cuts = [Recording.from_file(path).to_cut() for path in ("noise/a.wav", "noise/deep/b.flac", "noise/deep/c.ogg")]

    def heard(order: list[int], epoch: int) -> dict[int, bytes]:
        return {n: load_augmented(cuts[n], augment, augment.random(epoch, cuts[n])).tobytes() for n in order}

    assert heard([0, 1, 2], 3) == heard([2, 0, 1], 3)
    assert heard([0], 3) != heard([0], 4)
    twice = cuts[0].with_id("a#2")
    assert load_augmented(twice, augment, augment.random(3, twice)).tobytes() != heard([0], 3)[0]


def test_how_long_a_cut_will_be_heard_is_known_before_it_is_loaded(noises: Path) -> None:
    augment = Augment.of(conf(**EVERYTHING))
    cut = Recording.from_file("noise/a.wav").to_cut()
    for epoch in range(8):
        samples = len(load_augmented(cut, augment, augment.random(epoch, cut)))
        assert augment.heard(epoch, cut) == pytest.approx(samples / RATE, abs=2e-4)
    assert len({augment.heard(epoch, cut) for epoch in range(8)}) == 8


def test_without_keys_audio_stays_as_it_is(noises: Path) -> None:
    augment = Augment.of(conf())
    cut = Recording.from_file("noise/a.wav").to_cut()
    assert np.array_equal(load_augmented(cut, augment, augment.random(0, cut)), load(cut))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"pitch": [-4, 4]}, r"pitch: \[lowest, highest\] between -2 and 2, not \[-4.0, 4.0\]"),
        ({"tempo": [0.5, 1.1]}, "tempo: .* between 0.8 and 1.25"),
        ({"tempo": [1.1, 0.9]}, "tempo: "),
        ({"warp": [0.5, 1.0]}, r"warp: .* between 0.7 and 1.4"),
        ({"speed": [0.2]}, "speed: factors from 0.5 to 2"),
        ({"volume": [3]}, "volume: "),
        ({"reverb": 1.5}, "reverb: a probability, not 1.5"),
        ({"telephone": -0.1}, "telephone: a probability"),
        ({"reverb": 0.1, "reverb_decay": []}, "reverb: needs reverb_decay"),
        ({"reverb": 0.1, "reverb_decay": [1, 30]}, "reverb_decay: .* between 0.05 and 3"),
        ({"noise_snr": [20, 5]}, "noise_snr: "),
        ({"noise_from": [{"path": "noise", "snr": []}]}, r"snr and voices: \[lowest, highest\]"),
        ({"noise_from": [{"path": "noise", "snr": [5, 10], "voices": [0, 3]}]}, "voices: .* between 1 and 20"),
        ({"noise_from": [{"path": "noise", "snr": [5, 10], "probability": 0}]}, "probability: above 0"),
        ({"noise_from": [{"path": "noise", "nsr": [5, 10]}]}, "unknown key 'nsr'; did you mean 'snr'"),
        ({"noise_from": [{"snr": [5, 10]}]}, "key 'path' is missing"),
    ],
)
def test_what_no_speaker_could_have_said_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        conf(**keys)


@pytest.mark.parametrize("keys", [{"warp": [0.9, 1.1]}, {"time_masks": 2}, {"frequency_masks": 0}])
def test_a_family_that_hears_the_waveform_knows_nothing_of_filterbanks(keys: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"unknown key '{next(iter(keys))}'"):
        confs.build({"system": "hf_ctc", "tokenizer": "char", **keys}, hf_ctc.Conf, Path("train.yaml"))


def test_a_conf_frozen_before_these_keys_were_there_is_the_same_with_their_defaults() -> None:
    young = {"tempo", "pitch", "reverb", "reverb_decay", "noise_from", "volume", "telephone"}
    old = {key: value for key, value in asdict(conf(speed=[0.9])).items() if key not in young}
    assert confs.differences(old, conf(speed=[0.9])) == []
    assert confs.differences(old, conf(speed=[0.9], telephone=0.1)) == ["telephone: 0.0 -> 0.1"]
