"""What cyasr/modules/cpu.py and espnet_cpu.py gain: forward and backward of each piece, theirs and ours in turn, in ms.

    python -m tools.bench.kernels [--size 128 --kernel 15 --sentences 32 --frames 250 --threads 1]

Times are CPU time of this process (the least of the runs), so that other work on the machine disturbs them little.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cyasr.modules.espnet_cpu import accelerate
from cyasr.process import keep_freed_memory

with contextlib.redirect_stdout(io.StringIO()):  # ESPnet prints that it goes on without Flash Attention
    from espnet.nets.pytorch_backend.conformer.swish import Swish
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--kernel", type=int, default=15)
    parser.add_argument("--sentences", type=int, default=32)
    parser.add_argument("--frames", type=int, default=250)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {arguments}")
    print(f"{'':34s} {'ESPnet':>8s} {'ours':>8s}   with memory kept: {'ESPnet':>8s} {'ours':>8s}  ms")
    steps = {name: pair(module, of) for name, (module, of) in pieces(arguments).items()}
    before = {name: milliseconds(arguments.runs, *both) for name, both in steps.items()}
    keep_freed_memory()
    for name, both in steps.items():
        (slow, fast), (slow_kept, fast_kept) = before[name], milliseconds(arguments.runs, *both)
        print(f"{name:34s} {slow:8.2f} {fast:8.2f}   {'':17s} {slow_kept:8.2f} {fast_kept:8.2f}   {slow / fast_kept:5.1f}x")


def pieces(arguments: argparse.Namespace) -> dict[str, tuple[nn.Module, Callable[[nn.Module], Tensor]]]:
    """Modules and a forward pass for each."""
    size, kernel, sentences = arguments.size, arguments.kernel, arguments.sentences
    time_ = arguments.frames // 4 - 1  # frames after the front end
    features, lengths = torch.randn(sentences, arguments.frames, 80), torch.full((sentences,), arguments.frames)
    narrow, wide = (torch.randn(sentences, time_, width, requires_grad=True) for width in (size, 4 * size))
    channels = torch.randn(sentences, time_, 2 * size, requires_grad=True).transpose(1, 2)
    common: dict[str, Any] = {"linear_units": 4 * size, "num_blocks": 4, "rel_pos_type": "latest", "macaron_style": True}
    conformer = ConformerEncoder(80, size, cnn_module_kernel=kernel, **common)
    branchformer = EBranchformerEncoder(
        80,
        size,
        cgmlp_linear_units=3 * size,
        cgmlp_conv_kernel=kernel,
        num_blocks=4,
        use_ffn=True,
        macaron_ffn=True,
        linear_units=4 * size,
        merge_conv_kernel=kernel,
        rel_pos_type="latest",
    )
    depthwise = nn.Conv1d(2 * size, 2 * size, kernel, padding=kernel // 2, groups=2 * size)
    return {
        "4x front end": (copy.deepcopy(branchformer.embed), lambda one: one(features, None)[0][0]),
        f"linear {size} -> {4 * size}": (nn.Linear(size, 4 * size), lambda one: one(narrow)),
        f"linear {4 * size} -> {size}": (nn.Linear(4 * size, size), lambda one: one(wide)),
        f"depthwise {2 * size} channels, {kernel}": (depthwise, lambda one: one(channels)),
        f"dropout of {4 * size}": (nn.Dropout(0.1), lambda one: one(wide)),
        f"swish of {4 * size}": (Swish(), lambda one: one(wide)),
        "Conformer, 4 blocks": (conformer, lambda one: one(features, lengths)[0]),
        "E-Branchformer, 4 blocks": (branchformer, lambda one: one(features, lengths)[0]),
    }


def pair(module: nn.Module, of: Callable[[nn.Module], Tensor]) -> tuple[Callable[[], None], Callable[[], None]]:
    """Forward and backward of the module as it is, and of its accelerated copy."""
    fast = nn.Sequential(copy.deepcopy(module))
    accelerate(fast)

    def step(one: nn.Module) -> None:
        one.zero_grad()
        y = of(one)
        y.backward(torch.ones_like(y))  # type: ignore[no-untyped-call]

    return lambda: step(module), lambda: step(fast[0])


def milliseconds(runs: int, *steps: Callable[[], None]) -> list[float]:
    """The least CPU time of each step, taken in turn."""
    times: list[list[float]] = [[] for _ in steps]
    for number in range(runs + 2):
        for step, spent in zip(steps, times, strict=True):
            started = time.process_time()
            step()
            if number >= 2:
                spent.append(time.process_time() - started)
    return [1000 * min(spent) for spent in times]


if __name__ == "__main__":
    main()
