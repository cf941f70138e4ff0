"""Speech in a room that is made up on the spot."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.data.audiofile import SAMPLE_RATE

SMALLEST, LARGEST = (2.5, 2.5, 2.2), (9.0, 7.0, 3.5)  # rooms: length, width, height in metres
FROM_WALL = 0.3  # metres that mouth and microphone keep from it
NEAR = 0.3  # metres between them, at least
SOUND = 343.0  # metres a second
EARLY = 0.05  # seconds after the direct sound in which echoes are placed one by one
BLOCK = 16384  # of the transform


def reverberate(audio: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """`audio` through a room's `response`, at its own length and power."""
    wet = convolve(audio, response)
    power = float(np.mean(wet**2))
    return wet * np.float32(np.sqrt(np.mean(audio**2) / power)) if power else audio


def draw_room(random: np.random.Generator, decay: float) -> NDArray[np.float32]:
    """The impulse response of a shoebox room in which sound takes `decay` seconds to fall by 60 dB.

    It begins with the direct sound, so that nothing moves in time. Echoes up to EARLY come from image sources (Allen &
    Berkley, JASA 1979) with walls that absorb as much as Eyring's formula asks for; later ones are too dense to tell from
    noise and are noise, of the power that image sources have on average: c / (4 pi V) a second, falling with `decay`.
    """
    size = random.uniform(SMALLEST, LARGEST)
    mouth, microphone = _places(random, size)
    volume = float(size.prod())
    surface = 2 * float(size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    reflected = np.exp(-0.161 * volume / (surface * decay) / 2)  # of a wall, in amplitude
    direct = float(np.linalg.norm(mouth - microphone))
    distances, amplitudes = _images(size, mouth, microphone, float(reflected), direct + SOUND * EARLY)
    samples = round(SAMPLE_RATE * (EARLY + decay))
    places = np.rint((distances - direct) / SOUND * SAMPLE_RATE).astype(np.int64)
    response: NDArray[np.float64] = np.bincount(places, amplitudes, minlength=samples)[:samples].astype(np.float64)
    late = np.arange(round(SAMPLE_RATE * EARLY), samples)
    seconds = late / SAMPLE_RATE + direct / SOUND
    power = SOUND / (4 * np.pi * volume) / SAMPLE_RATE * 10 ** (-6 * seconds / decay)
    response[late] += np.sqrt(power) * random.standard_normal(len(late))
    return response.astype(np.float32)


def _places(random: np.random.Generator, size: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mouth and microphone, anywhere in the room but on top of each other."""
    while True:
        mouth, microphone = random.uniform(FROM_WALL, size - FROM_WALL, (2, 3))
        if np.linalg.norm(mouth - microphone) >= NEAR:
            return mouth, microphone


def _images(
    size: NDArray[np.float64], mouth: NDArray[np.float64], microphone: NDArray[np.float64], reflected: float, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances (metres) and amplitudes of all images of the mouth no further than `reach`."""
    axes = []  # for each axis: (squared distances, walls met)
    for axis in range(3):
        numbers = np.arange(-int(reach / (2 * size[axis])) - 1, int(reach / (2 * size[axis])) + 2)
        straight = mouth[axis] + 2 * numbers * size[axis] - microphone[axis]
        mirrored = -mouth[axis] + 2 * numbers * size[axis] - microphone[axis]
        walls = np.concatenate([2 * np.abs(numbers), np.abs(numbers) + np.abs(numbers - 1)])
        axes.append((np.concatenate([straight, mirrored]) ** 2, walls))
    (x, walls_x), (y, walls_y), (z, walls_z) = axes
    squared = x[:, None, None] + y[:, None] + z
    near = squared <= reach**2
    distances = np.sqrt(squared[near])
    walls = (walls_x[:, None, None] + walls_y[:, None] + walls_z)[near]
    return distances, reflected**walls / (4 * np.pi * distances)


def convolve(audio: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first len(audio) samples of their convolution: blocks of the audio through one transform (overlap-save)."""
    before = len(response) - 1
    size = max(BLOCK, 1 << (2 * len(response)).bit_length())
    step = size - before
    blocks = -(-len(audio) // step)
    padded = torch.zeros(before + blocks * step)
    padded[before : before + len(audio)] = torch.from_numpy(audio)
    spectra = torch.fft.rfft(padded.unfold(0, size, step)) * torch.fft.rfft(torch.from_numpy(response), n=size)
    out: NDArray[np.float32] = torch.fft.irfft(spectra, n=size)[:, before:].reshape(-1)[: len(audio)].numpy()
    return out
