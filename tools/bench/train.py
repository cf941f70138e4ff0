"""Training throughput, seconds of speech a second: steps.train against espnet2.bin.asr_train.

Equal: model (its parameters are counted on both sides), audio, tokens, SpecAugment, dropout, loss, speech in a batch; no
speed perturbation, nothing read from a cache of features. ESPnet at its best: one process with a thread a core and a
process a core with one thread each (gloo), passive waiting; we likewise. Start-up, validation, checkpoints and the first
epoch, in which kernels are compiled for new shapes, are excluded. The contestants take turns, round after round; the
figure of each is the median of its rounds. Speed comes from both programs' own logs: `train_time` a batch there,
`speech_seconds_per_second` here.

Beside each speed stands the share of the cores' time that the run got, with the speed over that share in brackets: on a
machine that others use too, the ratio of these says more than that of the speeds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import psutil
import yaml

from cyasr.cli import RunError, run

ROOT = Path.cwd()
CORES = len(os.sched_getaffinity(0))


@dataclass
class Bench:
    """What all runs share. directory: a scratch directory with data/, conf/ and room for exp/."""

    directory: Path
    conf: Any  # a train conf: keys, or the family's own Conf
    data: Path
    tokens: Path
    seconds: float  # of speech in an epoch
    window: float  # seconds measured

    def start(self, command: list[str], log: Path, threads: int) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }
        with open(log, "wb") as out:
            return subprocess.Popen(
                command, cwd=self.directory, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )


@dataclass
class Run:
    """speed: seconds of speech a second; share: of the cores' time, 0..1; parameters: millions, as text."""

    speed: float
    share: float
    parameters: str

    def line(self, name: str) -> str:
        return f"{name:32s} {self.speed:7.1f}  {self.share:4.0%} ({self.speed / self.share:6.1f})  {self.parameters} M parameters"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/mini"), help="data/<set> with its tokenizer")
    parser.add_argument("--conf", type=Path, default=Path("conf/train_ebranchformer_mini.yaml"))
    parser.add_argument("--batch-seconds", type=float, help="speech in a batch, for both sides (default: the conf's)")
    parser.add_argument("--minutes", type=float, default=30, help="speech used, minutes; also one epoch")
    parser.add_argument("--window", type=float, default=30, help="seconds measured a run, after the first epoch")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the programs started end too
    with tempfile.TemporaryDirectory(prefix="bench_train_") as scratch:
        bench = prepare(Path(scratch), arguments.data, arguments.conf, arguments.minutes * 60, arguments.window)
        bench.conf = replace(bench.conf, batch_seconds=arguments.batch_seconds or bench.conf.batch_seconds)
        contestants: dict[str, Callable[[], Run]] = {
            f"espnet 1 process x {CORES} threads": lambda: espnet(bench, 1),
            f"espnet {CORES} processes x 1 thread": lambda: espnet(bench, CORES),
            f"ours 1 process x {CORES} threads": lambda: ours(bench, 1),
            f"ours {CORES} processes x 1 thread": lambda: ours(bench, CORES),
        }
        print(f"{bench.seconds / 60:.0f} minutes of {arguments.data}, {bench.conf.batch_seconds:g} s a batch, {CORES} cores")
        print(f"OMP_WAIT_POLICY=PASSIVE; {arguments.window:g} s measured after the first epoch; s of speech a second")
        runs: dict[str, list[Run]] = {name: [] for name in contestants}
        for number in range(1, arguments.rounds + 1):
            for name, measure in contestants.items():
                runs[name].append(measure())
                print(f"round {number}  {runs[name][-1].line(name)}", flush=True)
        sizes = {run.parameters for of_one in runs.values() for run in of_one}
        if len(sizes) > 1:
            raise RunError(f"not the same model: {sizes} million parameters")
    report(runs, "espnet")


def report(runs: dict[str, list[Run]], peer: str) -> None:
    """Medians and ratios."""
    print()
    for title, of in (("", lambda run: run.speed), (", over the share of the cores", lambda run: run.speed / run.share)):
        speeds = {name: median(map(of, of_one)) for name, of_one in runs.items()}
        for name, speed in speeds.items():
            print(f"{name:32s} {speed:7.1f} s/s, median{title}")
        theirs, best_theirs = one_process_and_best(speeds, peer)
        mine, best_mine = one_process_and_best(speeds, "ours")
        print(f"{'ratio, one process each':32s} {mine / theirs:7.2f}{title}")
        print(f"{'ratio, best against best':32s} {best_mine / best_theirs:7.2f}{title}")


def one_process_and_best(speeds: dict[str, float], who: str) -> tuple[float, float]:
    own = {name: speed for name, speed in speeds.items() if name.startswith(who)}
    return own[f"{who} 1 process x {CORES} threads"], max(own.values())


# The data, as both want it


def prepare(scratch: Path, data: Path, conf_path: Path, seconds: float, window: float) -> Bench:
    """A data set of the first `seconds` of `data`, for us as cuts and for ESPnet as wav.scp, text and shapes."""
    from lhotse import CutSet

    from cyasr.systems import load_conf
    from cyasr.text.tokenizer import Tokenizer, tokenizer_dir

    conf = load_conf(conf_path)
    source = tokenizer_dir(data, conf.tokenizer)
    for directory in Path("data").iterdir():  # manifests name audio as data/<corpus>/…
        link(ROOT / directory, scratch / directory)
    bench = Bench(scratch, conf, Path("data/bench_subset"), source / "tokens.txt", 0.0, window)
    target = scratch / bench.data
    target.mkdir()
    link(ROOT / source, target / source.name)
    tokenizer = Tokenizer.load(source)
    for split, limit in (("train", seconds), ("dev", 30.0)):
        cuts = list(first(CutSet.from_file(data / f"{split}.jsonl.gz"), limit))
        CutSet.from_cuts(cuts).to_file(target / f"{split}.jsonl.gz")
        write_kaldi_style(cuts, scratch / split, tokenizer)
        if split == "train":
            bench.seconds = sum(cut.duration for cut in cuts)
    return bench


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)


def first(cuts: Iterable[Any], seconds: float) -> Iterable[Any]:
    for cut in cuts:
        if seconds <= 0:
            return
        seconds -= cut.duration
        yield cut


def write_kaldi_style(cuts: list[Any], directory: Path, tokenizer: Any) -> None:
    """wav.scp, text (tokens between spaces) and speech_shape; audio as 16-bit wav."""
    import soundfile

    from cyasr.data.audio import load
    from cyasr.data.audiofile import SAMPLE_RATE
    from cyasr.losses.extra import transcript

    (directory / "wav").mkdir(parents=True)
    with (
        open(directory / "wav.scp", "w", encoding="utf-8") as scp,
        open(directory / "text", "w", encoding="utf-8") as text,
        open(directory / "speech_shape", "w", encoding="utf-8") as shape,
    ):
        for number, cut in enumerate(cuts):
            key, audio = f"u{number:06d}", load(cut)
            path = directory / "wav" / f"{key}.wav"
            soundfile.write(path, audio, SAMPLE_RATE, subtype="PCM_16")
            tokens = [tokenizer.tokens[i] for i in tokenizer.encode(transcript(cut))]
            scp.write(f"{key} {path}\n")
            text.write(f"{key} {' '.join(tokens)}\n")
            shape.write(f"{key} {len(audio)}\n")


# We


def ours(bench: Bench, ranks: int) -> Run:
    """A run of steps.train with `ranks` processes."""
    keys = (bench.conf if isinstance(bench.conf, dict) else asdict(bench.conf)) | {
        "ranks": ranks,
        "speed": [1.0],
        "noise_snr": [],
        "epochs": 10_000.0,
        "evaluate_epochs": 10_000.0,
        "save_minutes": 1000.0,
        "log_seconds": 5.0,
    }
    conf = bench.directory / "conf" / f"ours_{ranks}.yaml"
    conf.parent.mkdir(exist_ok=True)
    conf.write_text(yaml.safe_dump(keys, allow_unicode=True), encoding="utf-8")
    log = bench.directory / f"ours_{ranks}.log"
    command = [sys.executable, "-m", "steps.train", "--data", str(bench.data), "--conf", str(conf), "--ngpu", "0", "--redo"]
    process = bench.start(command, log, CORES)

    def lines() -> list[float]:
        """Speeds after the first epoch."""
        found = re.findall(r"epoch ([\d.]+)/\S+ step .*? speech_seconds_per_second ([\d.e+]+)", log.read_text(errors="replace"))
        return [float(speed) for epoch, speed in found if float(epoch) >= 1][1:]

    speeds, share = measured([process], log, lines, lambda speeds: len(speeds) * 5 >= bench.window)
    size = re.search(r"([\d,]+) parameters", log.read_text(errors="replace"))
    if size is None:
        raise RunError(f"no number of parameters in {log}")
    return Run(fmean(speeds), share, f"{int(size[1].replace(',', '')) / 1e6:.2f}")


# ESPnet


def espnet(bench: Bench, ranks: int) -> Run:
    """A run of espnet2.bin.asr_train with `ranks` processes."""
    conf = bench.directory / "espnet.yaml"
    conf.write_text(yaml.safe_dump(espnet_conf(bench), allow_unicode=True), encoding="utf-8")
    out = bench.directory / f"espnet_{ranks}_{time.monotonic_ns()}"
    common = [sys.executable, "-m", "espnet2.bin.asr_train", "--config", str(conf), "--output_dir", str(out), "--ngpu", "0"]
    port = free_port()
    processes, logs = [], []
    for rank in range(ranks):
        distributed = [
            *("--dist_backend", "gloo", "--dist_world_size", str(ranks), "--dist_rank", str(rank)),
            *("--dist_master_addr", "127.0.0.1", "--dist_master_port", str(port)),
        ]
        logs.append(bench.directory / f"espnet_{ranks}_{rank}.log")
        processes.append(bench.start(common + (distributed if ranks > 1 else []), logs[-1], CORES // ranks))

    def lines() -> list[float]:
        """Seconds a batch after the first epoch."""
        found = re.findall(r"(\d+)epoch:train:\S+batch: .*?train_time=([\d.e+-]+)", logs[0].read_text(errors="replace"))
        return [float(spent) for epoch, spent in found if int(epoch) > 1]

    times, share = measured(processes, logs[0], lines, lambda times: sum(times) * LOG_INTERVAL >= bench.window)
    text = logs[0].read_text(errors="replace")
    batches, size = re.search(r"NumElementsBatchSampler\(N-batch=(\d+)", text), re.search(r"model parameters: ([\d.]+) M", text)
    if batches is None or size is None:
        raise RunError(f"no number of batches or parameters in {logs[0]}")
    return Run(bench.seconds / int(batches[1]) / fmean(times), share, size[1])


LOG_INTERVAL = 5  # batches


def espnet_conf(bench: Bench) -> dict[str, Any]:
    """asr_train's conf for the same model on the same batches."""
    conf = bench.conf
    scratch = bench.directory
    return {
        "train_data_path_and_name_and_type": data_of(scratch / "train"),
        "valid_data_path_and_name_and_type": data_of(scratch / "dev"),
        "train_shape_file": [str(scratch / "train" / "speech_shape")],
        "valid_shape_file": [str(scratch / "dev" / "speech_shape")],
        "token_type": "word",
        "token_list": str(ROOT / bench.tokens),
        "frontend_conf": {"fs": 16000, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80},
        "specaug": "specaug",
        "specaug_conf": {
            "apply_time_warp": False,
            "freq_mask_width_range": [0, conf.frequency_mask_bins],
            "num_freq_mask": conf.frequency_masks,
            "time_mask_width_ratio_range": [0.0, conf.time_mask_share],
            "num_time_mask": conf.time_masks,
        },
        "normalize": "utterance_mvn",
        "normalize_conf": {"norm_vars": True},
        "encoder": conf.encoder,
        "encoder_conf": conf.encoder_options(),
        "decoder": "transformer",
        "decoder_conf": conf.decoder_options(),
        "model_conf": {"ctc_weight": conf.loss.ctc, "lsm_weight": conf.loss.label_smoothing},
        "batch_type": "numel",
        "batch_bins": int(conf.batch_seconds * 16000),
        "optim": "adamw",
        "optim_conf": {"lr": conf.lr / 10, "weight_decay": conf.weight_decay},
        "grad_clip": conf.clip,
        "max_epoch": 10_000,
        "log_interval": LOG_INTERVAL,
        "num_workers": 1,
        "num_att_plot": 0,
        "use_matplotlib": False,
        "use_tensorboard": False,
        "keep_nbest_models": 1,
        "best_model_criterion": [["valid", "loss", "min"]],
    }


def data_of(directory: Path) -> list[list[str]]:
    return [[str(directory / "wav.scp"), "speech", "sound"], [str(directory / "text"), "text", "text"]]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def measured(
    processes: list[subprocess.Popen[bytes]], log: Path, lines: Callable[[], list[float]], enough: Callable[[list[float]], bool]
) -> tuple[list[float], float]:
    """What `lines` finds in the log once it is `enough`, and the share of the cores' time spent on it.

    The processes are ended then. Raises RunError if one ends itself.
    """
    try:
        begun: tuple[float, float] | None = None
        while True:
            time.sleep(1)
            found = lines()
            if found and begun is None:
                begun = time.monotonic(), cpu_seconds(processes)
            if begun and enough(found) and time.monotonic() - begun[0] > 2:
                return found, (cpu_seconds(processes) - begun[1]) / (time.monotonic() - begun[0]) / CORES
            if any(process.poll() is not None for process in processes):
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise RunError(f"{' '.join(map(str, processes[0].args))} ended:\n{tail}")  # type: ignore[arg-type]
    finally:
        for process in processes:
            for one in descendants(process):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait()


def cpu_seconds(processes: list[subprocess.Popen[bytes]]) -> float:
    """CPU time of the processes and of what they started, seconds."""
    seconds = 0.0
    for one in (one for process in processes for one in descendants(process)):
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(one.cpu_times()[:2])  # user, system
    return seconds


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The process itself and all that it started, in whatever session; none where it has ended."""
    try:
        own = psutil.Process(process.pid)
        return [own, *own.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


if __name__ == "__main__":
    run(main)
