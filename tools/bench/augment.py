"""What an augmentation costs, ms of one core for each second of audio: ours, lhotse's and audiomentations' at equal effect.

    python -m tools.bench.augment [--seconds 15 --rounds 9]

audiomentations is no part of the environment: `pip install --target DIR --no-deps audiomentations numpy-minmax numpy-rms
python-stretch` and PYTHONPATH=DIR bring it in; without it its column is empty. Everything runs in one thread on the same made-up
voice, in memory but for what reads noise from a file; the contestants take turns, the figure is the median of the rounds in CPU
time, the first call (compilation, tables) apart. Effects are equal in kind and amount: the same factor, semitones, dB, decay
time, band; each side's own filters and windows. lhotse's tempo needs torchaudio's sox effects, which versions from 2.9 on
lack; its telephone band takes all up to 4 kHz; audiomentations has no G.711, and its simulated room needs pyroomacoustics.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.cli import run
from cyasr.data.audio import add_noise
from cyasr.data.augment.conf import NoiseConf
from cyasr.data.augment.noise import Noise, add_at
from cyasr.data.augment.room import draw_room, reverberate
from cyasr.data.augment.stretch import shift_pitch, stretch
from cyasr.data.augment.telephone import telephone
from cyasr.data.features import filterbank, mask

RATE = 16_000
COLUMNS = ("ours", "lhotse", "audiomentations")
Audio = NDArray[np.float32]
Rows = dict[str, dict[str, Callable[[], Any]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    audio = voice(arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="bench_augment_") as scratch:
        folder = Path(scratch)
        write_noise(folder)
        rows = merged(ours(audio, folder), lhotse_transforms(audio, folder), audiomentations_transforms(audio, folder))
        print(
            f"{'ms a second of audio, one core':34s} {''.join(f'{name:>17s}' for name in COLUMNS)}   ours against the best peer"
        )
        for effect, sides in rows.items():
            show(effect, measured(sides, arguments.rounds, arguments.seconds))


def measured(sides: dict[str, Callable[[], Any]], rounds: int, seconds: float) -> dict[str, float]:
    """ms of CPU a second of audio, the median of `rounds`."""
    for call in sides.values():
        call()
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            started = time.process_time()
            call()
            spent[name].append(1000 * (time.process_time() - started) / seconds)
    return {name: median(times) for name, times in spent.items()}


def show(effect: str, costs: dict[str, float]) -> None:
    cells = "".join(f"{costs[name]:17.3f}" if name in costs else f"{'-':>17s}" for name in COLUMNS)
    peers = [cost for name, cost in costs.items() if name != "ours"]
    ratio = f"{min(peers) / costs['ours']:8.1f}x" if peers and "ours" in costs else ""
    print(f"{effect:34s} {cells} {ratio}", flush=True)


def merged(*sides: Rows) -> Rows:
    effects = list(dict.fromkeys(effect for side in sides for effect in side))
    return {effect: {name: call for side in sides for name, call in side.get(effect, {}).items()} for effect in effects}


def voice(seconds: float) -> Audio:
    """A buzz whose pitch wanders, in syllables, over a little noise."""
    time_ = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(130 + 30 * np.sin(2 * np.pi * 0.4 * time_)) / RATE
    buzz = sum(np.sin(n * phase) / n for n in range(1, 30)) * (1 + np.sin(2 * np.pi * 4 * time_)) / 2
    return (0.1 * buzz + 0.002 * np.random.default_rng(0).standard_normal(len(time_))).astype(np.float32)


def write_noise(folder: Path) -> None:
    import soundfile

    for number in range(8):
        noise = np.random.default_rng(number).uniform(-0.3, 0.3, 60 * RATE)
        (folder / "noise").mkdir(exist_ok=True)
        soundfile.write(folder / "noise" / f"{number}.wav", noise, RATE)
    response = draw_room(np.random.default_rng(1), 0.4)
    (folder / "rooms").mkdir()
    soundfile.write(folder / "rooms" / "room.wav", response / np.abs(response).max(), RATE)


def ours(audio: Audio, folder: Path) -> Rows:
    random = np.random.default_rng(1)
    noise = Noise(NoiseConf(str(folder / "noise"), [10.0, 10.0]))
    features, response = filterbank(audio), draw_room(random, 0.4)
    calls: dict[str, Callable[[], Any]] = {
        "tempo 0.9": lambda: stretch(audio, 0.9),
        "tempo 1.1": lambda: stretch(audio, 1.1),
        "pitch +2 semitones": lambda: shift_pitch(audio, 2.0),
        "pitch -2 semitones": lambda: shift_pitch(audio, -2.0),
        "volume +3 dB, clipped": lambda: np.clip(audio * np.float32(1.41), -1, 1),
        "coloured noise, 10 dB": lambda: add_noise(audio, 10.0, random),
        "noise from a file, 10 dB": lambda: add_at(audio, noise.draw(random, len(audio)), 10.0),
        "room of 0.4 s, ready made": lambda: reverberate(audio, response),
        "room of 0.1 to 0.7 s, simulated": lambda: reverberate(audio, draw_room(random, random.uniform(0.1, 0.7))),
        "telephone, G.711 mu-law": lambda: telephone(audio, "ULAW"),
        "telephone, GSM": lambda: telephone(audio, "GSM610"),
        "SpecAugment": lambda: mask(features.clone(), random, 5, 0.05, 2, 27),
    }
    return {effect: {"ours": call} for effect, call in calls.items()}


def lhotse_transforms(audio: Audio, folder: Path) -> Rows:
    import soundfile
    from lhotse import Recording
    from lhotse.augmentation import Compress, FastRandomRIRGenerator, Narrowband, ReverbWithImpulseResponse, Speed, Volume
    from lhotse.dataset.signal_transforms import SpecAugment

    samples = audio[None]
    rooms = ReverbWithImpulseResponse(rir_generator=FastRandomRIRGenerator(sr=RATE, max_T60=0.7))
    features = filterbank(audio)[None]
    masks = SpecAugment(time_warp_factor=None, num_feature_masks=2, features_mask_size=27, num_frame_masks=5, p=1.0)
    soundfile.write(folder / "voice.wav", audio, RATE, subtype="FLOAT")
    cut = Recording.from_file(folder / "voice.wav").to_cut()
    noises = [Recording.from_file(path).to_cut() for path in sorted((folder / "noise").glob("*.wav"))]
    random = np.random.default_rng(1)

    def mixed() -> Any:
        noise = noises[int(random.integers(len(noises)))]
        start = float(random.uniform(0, noise.duration - cut.duration))
        return cut.mix(noise.truncate(offset=start, duration=cut.duration), snr=10).load_audio()

    calls: dict[str, Callable[[], Any]] = {
        "speed 0.9 (ours is lhotse's)": lambda: Speed(0.9)(samples, RATE),
        "speed 1.1 (ours is lhotse's)": lambda: Speed(1.1)(samples, RATE),
        "volume +3 dB, clipped": lambda: np.clip(Volume(1.41)(samples, RATE), -1, 1),
        "noise from a file, 10 dB": mixed,
        "room of 0.1 to 0.7 s, simulated": lambda: rooms(samples, RATE),
        "telephone, G.711 mu-law": lambda: Narrowband("mulaw", RATE, True)(samples, RATE),
        "telephone, GSM": lambda: Compress("gsm", 0.5)(samples, RATE),
        "SpecAugment": lambda: masks(features),
    }
    return {effect: {"lhotse": call} for effect, call in calls.items()}


def audiomentations_transforms(audio: Audio, folder: Path) -> Rows:
    try:
        import audiomentations as am
    except ImportError:
        print("audiomentations is not installed: its column stays empty (see --help)")
        return {}
    fast = round(RATE / 0.9), round(RATE / 1.1)  # resampled and played at RATE as before: speed
    stretches = [am.TimeStretch(rate, rate, leave_length_unchanged=False, p=1.0) for rate in (0.9, 1.1)]
    shifts = [am.PitchShift(semitones, semitones, p=1.0) for semitones in (2.0, -2.0)]
    speeds = [am.Resample(rate, rate, p=1.0) for rate in fast]
    gain = am.Compose([am.Gain(3.0, 3.0, p=1.0), am.Clip(p=1.0)])
    colour = am.AddColorNoise(10.0, 10.0, min_f_decay=-3.0, max_f_decay=-3.0, p=1.0)
    background = am.AddBackgroundNoise(folder / "noise", min_snr_db=10.0, max_snr_db=10.0, p=1.0)
    response = am.ApplyImpulseResponse(folder / "rooms", p=1.0)
    calls: dict[str, Callable[[], Any]] = {
        "speed 0.9 (ours is lhotse's)": lambda: speeds[0](audio, RATE),
        "speed 1.1 (ours is lhotse's)": lambda: speeds[1](audio, RATE),
        "tempo 0.9": lambda: stretches[0](audio, RATE),
        "tempo 1.1": lambda: stretches[1](audio, RATE),
        "pitch +2 semitones": lambda: shifts[0](audio, RATE),
        "pitch -2 semitones": lambda: shifts[1](audio, RATE),
        "volume +3 dB, clipped": lambda: gain(audio, RATE),
        "coloured noise, 10 dB": lambda: colour(audio, RATE),
        "noise from a file, 10 dB": lambda: background(audio, RATE),
        "room of 0.4 s, ready made": lambda: response(audio, RATE),
    }
    return {effect: {"audiomentations": call} for effect, call in calls.items()}


if __name__ == "__main__":
    run(main)
