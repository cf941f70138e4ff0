"""What a training run tells: lines on the terminal and in train.log, curves in TensorBoard."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


class TrainingLog:
    """train.log and TensorBoard events, written by process 0 alone."""

    def __init__(self, directory: Path, active: bool) -> None:
        self.directory = directory
        self.active = active
        self._events: Any = None

    def start(self, step: int) -> None:
        if self.active:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(self.directory), purge_step=step + 1)

    def line(self, text: str) -> None:
        if self.active:
            print(text, flush=True)
            with open(self.directory / "train.log", "a", encoding="utf-8") as out:
                out.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def training(self, step: int, done: float, epochs: float, values: dict[str, float], left: float) -> None:
        shown = " ".join(f"{name} {value:.4g}" for name, value in values.items() if name != "infeasible" or value)
        self.line(f"epoch {done:.2f}/{epochs:g} step {step} {shown} ({left / 60:.1f} min left)")
        self._scalars("train", values, step)

    def evaluation(self, result: dict[str, float]) -> None:
        shown = " ".join(f"{name} {value:.4g}" for name, value in result.items() if name not in {"epoch", "step"})
        self.line(f"epoch {result['epoch']:.2f} step {result['step']:.0f} dev {shown}")
        self._scalars("dev", result, int(result["step"]))

    def _scalars(self, group: str, values: dict[str, float], step: int) -> None:
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(f"{group}/{name}", value, step)
            self._events.flush()
