"""Measures of audio are those of signals whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import resample_poly

from cyasr.data.checks import AudioMeasures, AudioMeter
from cyasr.data.checks.findings import audio_findings
from tests.data.speechlike import Audio, in_16_bits, low_pass, noisy, speech, through


def measured(audio: Audio, rate: int = 16_000, block: int = 1 << 18) -> AudioMeasures:
    meter = AudioMeter(rate)
    for start in range(0, len(audio), block):
        part = audio[start : start + block]
        meter.add(part if part.ndim == 2 else part[:, None])
    return meter.result()


@pytest.mark.parametrize("tilt", [0.0, 0.9])
@pytest.mark.parametrize("snr", [0, 5, 10, 20, 30])
def test_snr_is_right_within_2_db(snr: int, tilt: float) -> None:
    for seed in range(4):
        assert measured(noisy(speech(seed=seed), snr, tilt)).snr == pytest.approx(snr, abs=2.0)


def test_snr_does_not_depend_on_volume_nor_on_digital_silence_around() -> None:
    audio = noisy(speech(), 15)
    padded = np.concatenate([np.zeros(32_000, np.float32), audio])
    assert measured(audio * 0.05).snr == pytest.approx(measured(audio).snr, abs=0.3)
    assert measured(padded).snr == pytest.approx(measured(audio).snr, abs=0.5)


def test_noise_without_speech_has_the_lowest_snr_and_speech_without_noise_a_high_one() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(80_000).astype(np.float32)
    assert measured(noise).snr < 0
    assert measured(in_16_bits(speech())).snr > 35


@pytest.mark.parametrize("cutoff", [2000, 3400, 4000, 5500, 7000])
def test_bandwidth_is_right_within_300_hz(cutoff: int) -> None:
    for seed in range(3):
        audio = noisy(speech(seed=seed), 30)
        assert measured(in_16_bits(low_pass(audio, cutoff))).bandwidth == pytest.approx(cutoff, abs=300)


def test_full_band_audio_has_the_bandwidth_of_its_rate() -> None:
    for rate in (8000, 16_000, 22_050, 44_100, 48_000):
        assert measured(noisy(speech(3.0, rate), 30), rate).bandwidth == pytest.approx(rate / 2)


@pytest.mark.parametrize(
    ("container", "codec"), [("WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS"), ("OGG", "VORBIS")]
)
def test_telephone_audio_in_a_file_of_16_khz_is_a_lie_through_any_codec(container: str, codec: str) -> None:
    audio = noisy(speech(5.0, 8000), 30)
    decoded, rate = through(resample_poly(audio, 2, 1).astype(np.float32), 16_000, container, codec)
    found = measured(decoded, rate)
    assert found.bandwidth == pytest.approx(4000, abs=600)  # the resampler's own slope lies above 4 kHz
    assert "sampling rate above its content" in {kind for kind, _, _ in audio_findings(found, rate)}
    honest = measured(audio, 8000)
    assert "sampling rate above its content" not in {kind for kind, _, _ in audio_findings(honest, 8000)}


@pytest.mark.parametrize("share", [0.002, 0.01, 0.05])
def test_the_share_of_clipped_samples_is_found_at_any_volume(share: float) -> None:
    for seed in range(3):
        audio = noisy(speech(seed=seed), 40)
        limit = float(np.quantile(np.abs(audio), 1 - share))
        clipped = in_16_bits(np.clip(audio / limit, -1, 1))
        assert measured(clipped).clipped == pytest.approx(share, abs=0.0006)
        assert measured(0.5 * clipped).clipped == pytest.approx(share, abs=0.0006)


def test_clipping_is_seen_in_one_channel_of_two_and_through_mp3() -> None:
    audio = noisy(speech(), 40)
    clipped = in_16_bits(np.clip(audio / np.quantile(np.abs(audio), 0.95), -1, 1))
    assert measured(np.stack([audio, clipped], axis=1)).clipped == pytest.approx(0.025, abs=0.001)
    decoded, rate = through(0.8 * clipped, 16_000, "MP3", "MPEG_LAYER_III")
    assert measured(decoded, rate).clipped == pytest.approx(0.05, abs=0.02)


def test_loud_audio_that_is_not_clipped_counts_as_such() -> None:
    for seed in range(8):
        audio = noisy(speech(seed=seed), 40)
        assert measured(in_16_bits(0.99 * audio / np.abs(audio).max())).clipped < 0.0005


def test_the_share_of_silence_and_the_level_are_found() -> None:
    audio = 0.1 * np.random.default_rng(0).standard_normal(160_000).astype(np.float32)
    audio[40_000:120_000] *= 1e-4
    found = measured(audio)
    assert found.silent == pytest.approx(0.5, abs=0.01)
    assert found.level == pytest.approx(-20 - 10 * np.log10(2), abs=0.1)


def test_the_same_audio_in_blocks_of_any_length_measures_the_same() -> None:
    audio = noisy(speech(), 20)
    whole = measured(audio)
    for block in (100, 511, 16_000):
        parts = measured(audio, block=block)
        for key in ("clipped", "silent", "snr", "bandwidth", "level"):
            assert getattr(parts, key) == pytest.approx(getattr(whole, key), abs=0.011)


def test_what_is_too_short_to_measure_is_measured_all_the_same() -> None:
    for samples in (1, 2, 100, 511, 513):
        found = measured(0.1 * np.ones(samples, np.float32))
        assert found.fingerprint is None and np.isfinite([found.snr, found.level, found.bandwidth]).all()


def test_memory_does_not_grow_with_a_long_recording() -> None:
    import tracemalloc

    meter, block = AudioMeter(16_000), noisy(speech(16.0), 20)[:, None]
    for _ in range(10):
        meter.add(block)
    tracemalloc.start()
    for _ in range(30):
        meter.add(block)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 200_000


@pytest.mark.parametrize("rate", [1, 100, 1000, 4000, 192_000, 655_350, 4_000_000_000])
def test_any_rate_that_a_header_may_claim_is_survived(rate: int) -> None:
    found = measured(noisy(speech(2.0), 20), rate)
    assert np.isfinite([found.snr, found.level, found.bandwidth, found.silent]).all()


def test_numbers_far_beyond_full_scale_are_survived() -> None:
    audio = noisy(speech(2.0), 20)
    audio[1000], audio[2000] = 3e38, -1e30
    found = measured(audio)
    assert np.isfinite([found.snr, found.level, found.bandwidth, found.silent]).all()


def test_audio_of_one_value_is_silence() -> None:
    found = measured(np.full(20_000, 0.3, np.float32))
    assert found.silent == 1 and found.level < -60 and found.fingerprint is None
