"""An experiment's directory: exp/<data set>/<conf name>/ with its frozen conf, its record and its lock."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal

from cyasr import conf as confs
from cyasr.adaptation.conf import AdaptConf
from cyasr.cli import UsageError
from cyasr.conf import run_key
from cyasr.data.augment import conf as augment
from cyasr.data.augment.conf import NoiseConf
from cyasr.files import read_json, sha256, write_json
from cyasr.lock import Lock
from cyasr.losses.conf import FRAMES, LATTICE, TOKENS, LossConf
from cyasr.process import cores
from cyasr.text.tokenizer import NO_TOKENIZER


@dataclass
class TrainConf:
    """The trainer's keys, common to all systems; a system's own Conf adds its architecture.

    Durations are seconds of speech. `run_key` fields may change between a run and its resumption.
    """

    GIVES: ClassVar[frozenset[str]] = frozenset()  # what a system's losses may be made of (cyasr.losses.conf)
    UNIT: ClassVar[str] = "speech_seconds"  # what a cut's duration counts

    system: str
    tokenizer: str  # char, bpe_<size>; pretrained: the model's own; none: it writes no text
    init_from: str | None = None  # exp/<set>/train_<system>, finished: its weights are what training starts from
    seed: int = 1
    # batches: what one optimizer step sees, however many processes share it
    batch_seconds: float = 120.0
    buckets: int = 10
    bucket_by: Literal["recorded", "heard"] = "recorded"  # lengths before or after speed and tempo
    micro_batch_seconds: float = run_key(0.0)  # at most this much in one forward pass; 0: all of a process's share
    # optimiser and schedule; progress is the share of all epochs' speech already seen
    epochs: float = run_key(40.0)
    lr: float = 2e-3
    warmup: float = 0.1  # share of the run
    schedule: Literal["cosine", "linear", "sqrt", "constant"] = "cosine"
    final_lr: float = 0.02  # of `lr`
    weight_decay: float = 1e-2
    betas: list[float] = field(default_factory=lambda: [0.9, 0.98])
    clip: float = 5.0
    # selection on dev
    evaluate_epochs: float = 1.0  # a run has at least five evaluations, whatever this says
    select: Literal["error_rate", "loss"] = "error_rate"
    average: int = 5  # best checkpoints averaged into model.pt
    patience: int = 0  # evaluations without improvement before stopping; 0: never stop early
    # augmentation
    speed: list[float] = field(default_factory=lambda: [1.0])
    tempo: list[float] = field(default_factory=list)  # [lowest, highest] factor at the same pitch; empty: none
    pitch: list[float] = field(default_factory=list)  # [lowest, highest] semitones at the same tempo; empty: none
    reverb: float = 0.0  # probability of a simulated room
    reverb_decay: list[float] = field(default_factory=lambda: [0.1, 0.6])  # [lowest, highest] seconds to fall by 60 dB
    noise_snr: list[float] = field(default_factory=list)  # [lowest, highest] dB; empty: no noise added
    noise_from: list[NoiseConf] = field(default_factory=list)  # recorded noise, music, babble
    volume: list[float] = field(default_factory=list)  # [lowest, highest] dB; empty: none
    telephone: float = 0.0  # probability of telephone band and codec
    adapt: AdaptConf = field(default_factory=AdaptConf)  # what of the model is trained
    loss: LossConf = field(default_factory=LossConf)  # what is minimised; each system has a default
    # running
    ranks: int = run_key(0)  # data-parallel processes; 0: one per GPU, or on a CPU one per core up to four
    workers: int = run_key(0)  # data-loading processes per rank
    precision: Literal["auto", "32", "bf16", "fp16"] = run_key("auto")
    save_minutes: float = run_key(10.0)
    log_seconds: float = run_key(10.0)
    native: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        positive = ("batch_seconds", "buckets", "epochs", "lr", "clip", "evaluate_epochs", "average", "log_seconds")
        for key in positive:
            if getattr(self, key) <= 0:
                raise ValueError(f"{key}: must be above 0, not {getattr(self, key)}")
        self.check_shares("warmup", "final_lr")
        if self.init_from is not None and not Path(self.init_from).is_relative_to("exp"):
            raise ValueError(f"init_from: an experiment's directory, exp/<set>/train_<system>, not {self.init_from!r}")
        augment.check(self)
        self.loss.check(self.system, self.GIVES)
        writes = bool({FRAMES, TOKENS, LATTICE} & self.loss.needs)
        if writes and self.tokenizer == NO_TOKENIZER:
            raise ValueError(f"tokenizer: none writes nothing, and {' and '.join(self.loss.terms)} learns to write")
        if self.select == "error_rate" and not writes:
            raise ValueError(f"select: {' and '.join(self.loss.terms)} alone have no error rate; write `select: loss`")

    def check_shares(self, *keys: str) -> None:
        """Raises ValueError where one is not from 0 to below 1."""
        for key in keys:
            if not 0 <= getattr(self, key) < 1:
                raise ValueError(f"{key}: must be from 0 to below 1, not {getattr(self, key)}")


@dataclass
class FilterbankConf(TrainConf):
    """Further keys of systems that learn from filterbanks: how much of them is blanked (SpecAugment: Park et al. 2019)."""

    time_masks: int = 2
    time_mask_share: float = 0.05  # longest mask as a share of the utterance
    frequency_masks: int = 2
    frequency_mask_bins: int = 27

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_shares("time_mask_share")


class Experiment:
    """Opened by training only; everything after it reads the frozen conf and the model."""

    def __init__(self, data: Path, conf_path: Path) -> None:
        """Raises UsageError for a data set that does not lie in data/."""
        if not data.is_relative_to("data"):
            raise UsageError(f"--data {data}: a set of this recipe is meant, as data/mini")
        self.data = data
        self.cuts = data  # where train.jsonl.gz and dev.jsonl.gz are; a language model's are of text
        self.directory = Path("exp") / data.relative_to("data") / conf_path.stem
        self.frozen = self.directory / "conf.yaml"
        self.record_path = self.directory / "run.json"
        self.checkpoints = self.directory / "checkpoints"
        self.model = self.directory / "model.pt"
        self.lock = Lock(self.directory)

    def freeze(self, conf: Any, inputs: dict[str, str]) -> None:
        """Start the experiment, or make sure that resuming it means the same thing.

        inputs: sha256 by file. Raises UsageError listing every difference in result keys or input data.
        """
        if self.frozen.exists() and self.record_path.exists():
            changed = confs.differences(confs.read(self.frozen), conf)
            old = read_json(self.record_path)["inputs"]
            changed += [
                f"{name}: its content changed" for name in sorted(old.keys() | inputs.keys()) if old.get(name) != inputs.get(name)
            ]
            if changed:
                listed = "; ".join(changed)
                raise UsageError(
                    f"{self.directory} was trained otherwise ({listed}). Add --redo to train anew, or rename the conf"
                )
        confs.freeze(conf, self.frozen)

    def set_aside(self) -> Path | None:
        """Move an existing run to <name>.old-N; return where it went."""
        if not self.directory.exists():
            return None
        with self.lock:
            number = 1
            while (old := self.directory.with_name(f"{self.directory.name}.old-{number}")).exists():
                number += 1
            os.rename(self.directory, old)
        return old

    def record(self, **values: Any) -> None:
        """Merge `values` into run.json."""
        known = read_json(self.record_path) if self.record_path.exists() else {}
        write_json(self.record_path, known | values)


def input_hashes(paths: list[Path]) -> dict[str, str]:
    return {str(path): sha256(path) for path in paths}


def surroundings() -> dict[str, Any]:
    """What a result depends on besides conf and data: commit, versions, host."""
    versions = {}
    for package in ("torch", "espnet", "nemo-toolkit", "lhotse", "lightning-fabric", "sentencepiece", "numpy", "numba"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "commit": commit(),
        "versions": versions | {"python": platform.python_version()},
        "host": socket.gethostname(),
        "cores": cores(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def commit() -> str:
    """The repository's commit, with `+changes` where the tree differs from it; `unknown` outside git."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+changes" if changed else "")
