"""How long clips are: by their headers against by decoding them, format by format, from one run.

    python tools/bench/durations.py --hours 1 --seconds 10

Clips are made here: noise with the spectrum and the pauses of speech, at 16 kHz (mp3 at 32 kHz, as in Common Voice), of
half to twice --seconds. Both sides run in one process and one thread over the same files in the page cache, in turn,
the median of --repeats is printed. Decoding is soundfile's, into float32. Then every length is compared with the decoded
one, in frames of the codec, and every clip is cut off at a random place, where its reader has to notice it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import soundfile
from scipy.signal import lfilter

from cyasr.data.audiofile import AudioError, read_header
from cyasr.data.headers.mpeg_frames import kind_of
from cyasr.data.mend import Mended


@dataclass(frozen=True)
class Kind:
    """A format to be measured. frame: samples that a codec's frame holds, of which lengths may be off by one."""

    name: str
    rate: int
    frame: int
    suffix: str
    options: dict[str, Any]
    tag: bool = True  # mp3: with LAME's first frame, which says the length

    def write(self, path: Path, samples: np.ndarray) -> None:
        soundfile.write(path, samples, self.rate, **self.options)
        if not self.tag:
            data = path.read_bytes()
            header = int.from_bytes(data[:4])
            kind = kind_of(header)
            assert kind
            path.write_bytes(data[kind.sizes[header >> 9 & 127] :])


MP3 = {"format": "MP3", "compression_level": 0.6}
KINDS = (
    Kind("mp3, constant bit rate, no tag", 32000, 1152, ".mp3", MP3 | {"bitrate_mode": "CONSTANT"}, tag=False),
    Kind("mp3, variable bit rate, tag", 32000, 1152, ".mp3", MP3 | {"bitrate_mode": "VARIABLE"}),
    Kind("mp3, variable bit rate, no tag", 32000, 1152, ".mp3", MP3 | {"bitrate_mode": "VARIABLE"}, tag=False),
    Kind("opus", 16000, 320, ".ogg", {"format": "OGG", "subtype": "OPUS"}),
    Kind("vorbis", 16000, 2048, ".ogg", {"format": "OGG", "subtype": "VORBIS"}),
    Kind("flac", 16000, 1, ".flac", {"format": "FLAC", "subtype": "PCM_16"}),
    Kind("wav", 16000, 1, ".wav", {"format": "WAV", "subtype": "PCM_16"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0, help="of each format")
    parser.add_argument("--seconds", type=float, default=10.0, help="mean length of a clip")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'':32s}{'clips':>6s} {'headers':>9s} {'decoding':>9s} {'ratio':>7s} {'off by':>10s} {'cut, seen':>11s}")
    sums = np.zeros(2)
    with tempfile.TemporaryDirectory() as work:
        for kind in KINDS:
            folder = Path(work) / kind.name
            clips = make(kind, folder, arguments.hours, arguments.seconds)
            sums += measure(kind, clips, Mended(folder / "mended"), arguments.repeats)
    print(f"{'all formats':38s} {sums[0]:8.3f}s {sums[1]:8.2f}s {sums[1] / sums[0]:6.0f}x")


def measure(kind: Kind, clips: list[Path], mended: Mended, repeats: int) -> np.ndarray:
    """Print a row; seconds of headers and of decoding."""
    readable = [Path(mended.open(str(clip))[1]) for clip in clips]
    times = [[timed(read_header, clips), timed(decode, readable)] for _ in range(repeats)]
    ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    off = max(abs(read_header(clip).frames - decode(file)) / kind.frame for clip, file in zip(clips, readable, strict=True))
    random = np.random.default_rng(0)
    seen = sum(notices_cut(clip, random) for clip in clips)
    print(
        f"{kind.name:32s}{len(clips):6d} {ours:8.3f}s {theirs:8.2f}s {theirs / ours:6.0f}x {off:7.2f} fr. {seen:5d}/{len(clips)}",
        flush=True,
    )
    return np.array([ours, theirs])


def timed(act: Callable[[Path], Any], clips: Iterable[Path]) -> float:
    start = time.perf_counter()
    for clip in clips:
        act(clip)
    return time.perf_counter() - start


def decode(clip: Path) -> int:
    return len(soundfile.read(str(clip), dtype="float32")[0])


def notices_cut(clip: Path, random: np.random.Generator) -> bool:
    """Whether the reader of a copy that ends somewhere says so."""
    data = clip.read_bytes()
    copy = clip.with_name(f"cut{clip.suffix}")
    copy.write_bytes(data[: random.integers(len(data) // 10, len(data))])
    try:
        read_header(copy)
    except AudioError:
        return True
    return False


def make(kind: Kind, folder: Path, hours: float, seconds: float) -> list[Path]:
    folder.mkdir()
    random = np.random.default_rng(0)
    clips: list[Path] = []
    left = hours * 3600
    while left > 0.5:
        length = min(left, seconds * random.uniform(0.5, 1.5))
        clips.append(folder / f"{len(clips)}{kind.suffix}")
        kind.write(clips[-1], speech(length, kind.rate, random))
        left -= length
    return clips


def speech(seconds: float, rate: int, random: np.random.Generator) -> np.ndarray:
    """Noise falling by 12 dB an octave from 500 Hz, in syllables of 0.2 s, every fifth of which is a pause."""
    noise = random.standard_normal(int(seconds * rate)).astype(np.float32)
    pole = np.exp(-2 * np.pi * 500 / rate)
    shaped = lfilter([1.0], [1.0, -2 * pole, pole**2], noise)
    syllables = random.uniform(0.2, 1.0, int(seconds / 0.2) + 1) * (random.random(int(seconds / 0.2) + 1) > 0.2)
    level = np.repeat(syllables + 1e-3, int(0.2 * rate) + 1)[: len(noise)]
    quiet = shaped * level
    return np.asarray(0.3 * quiet / np.abs(quiet).max(), np.float32)


if __name__ == "__main__":
    main()
