"""Where somebody speaks: Silero's voice activity detector (https://github.com/snakers4/silero-vad, MIT), from its wheel.

The network is written out here, so that all frames of a block are computed at once and only its LSTM goes step by step;
its weights are those in the package, read without importing it (which would import torchaudio).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cyasr.cli import UsageError
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.segment.stream import Samples, regrouped

FRAME = 512  # samples
FRAME_SECONDS = FRAME / SAMPLE_RATE
BLOCK_FRAMES = 625  # computed at once: 20 s
HYSTERESIS = 0.15  # speech ends where its probability falls this much below the threshold it began at
MIN_SPEECH = 0.25  # seconds; less is taken for a click or a cough

_CONTEXT = 64  # samples of the frame before that each frame sees


@dataclass(frozen=True)
class Stretch:
    """Seconds from `start` to `end`."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def speech_probs(blocks: Iterable[Samples]) -> NDArray[np.float32]:
    """The probability of speech in each 32 ms, (frames,). blocks: a signal at 16 kHz in parts of any length."""
    parts = list(_probs(blocks))
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def speech(probs: NDArray[np.float32], threshold: float, min_silence: float) -> list[Stretch]:
    """Stretches of speech, those less than `min_silence` seconds apart joined, none shorter than MIN_SPEECH.

    As Silero's get_speech_timestamps finds them: from the first frame at `threshold` to the last before min_silence
    without a frame at it, begun by a frame below threshold - HYSTERESIS.
    """
    stretches: list[Stretch] = []
    first = last = None
    low = max(threshold - HYSTERESIS, 0.01)
    for frame, prob in enumerate(probs.tolist()):
        if prob >= threshold:
            first = frame if first is None else first
            last = None
        elif first is not None and prob < low:
            last = frame if last is None else last
            if (frame - last) * FRAME_SECONDS >= min_silence:
                stretches.append(Stretch(first * FRAME_SECONDS, last * FRAME_SECONDS))
                first = last = None
    if first is not None:
        stretches.append(Stretch(first * FRAME_SECONDS, (len(probs) if last is None else last) * FRAME_SECONDS))
    return [stretch for stretch in stretches if stretch.seconds >= MIN_SPEECH]


@torch.inference_mode()
def _probs(blocks: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
    network = _network()
    before = np.zeros(_CONTEXT, np.float32)
    state = None
    for block in regrouped(blocks, BLOCK_FRAMES * FRAME):
        frames = -(-len(block) // FRAME)
        padded = np.concatenate([before, block, np.zeros(frames * FRAME - len(block), np.float32)])
        before = padded[-_CONTEXT:]
        windows = torch.from_numpy(padded).unfold(0, _CONTEXT + FRAME, FRAME)
        probs, state = network(windows, state)
        yield probs.numpy()


class _Network(torch.nn.Module):
    """Spectrum, four convolutions over the few columns of a frame's spectrum, an LSTM over frames."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = torch.nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1 = torch.nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = torch.nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = torch.nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = torch.nn.Conv1d(64, 128, 3, padding=1)
        self.lstm = torch.nn.LSTM(128, 128)
        self.final_conv = torch.nn.Conv1d(128, 1, 1)

    def forward(self, windows: torch.Tensor, state: _State | None) -> tuple[torch.Tensor, _State]:
        """windows: (frames, 576). Returns (frames,) probabilities and the LSTM's state after the last."""
        spectrum = self.stft_conv(torch.nn.functional.pad(windows, (0, 64), "reflect")[:, None])
        hidden = torch.hypot(spectrum[:, :129], spectrum[:, 129:])
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            hidden = convolution(hidden).relu()
        outputs, state = self.lstm(hidden.squeeze(-1), state)
        return self.final_conv(outputs.relu()[..., None]).sigmoid().flatten(), state


_State = tuple[torch.Tensor, torch.Tensor]


@cache
def _network() -> _Network:
    spec = find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise UsageError("the package silero-vad is not installed; run tools/install.sh")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript; the package's safetensors hold an older model
        loaded = torch.jit.load(str(Path(spec.origin).parent / "data" / "silero_vad.jit"), "cpu")  # type: ignore[no-untyped-call]
        scripted = loaded.state_dict()
    network = _Network()
    weights = {ours: scripted[f"_model.{theirs}"] for ours, theirs in _names().items()}
    network.load_state_dict(weights)
    return network.eval()


def _names() -> dict[str, str]:
    """Our names of the weights -> the package's."""
    names = {"stft_conv.weight": "stft.forward_basis_buffer"}
    for kind in ("weight", "bias"):
        names |= {f"conv{n}.{kind}": f"encoder.{n - 1}.reparam_conv.{kind}" for n in (1, 2, 3, 4)}
        names |= {f"lstm.{kind}_{part}_l0": f"decoder.rnn.{kind}_{part}" for part in ("ih", "hh")}
        names[f"final_conv.{kind}"] = f"decoder.decoder.2.{kind}"
    return names
