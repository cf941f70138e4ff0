"""Stage 5: train one system on one data set, or go on with it where it was interrupted."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr import conf as confs
from cyasr import lineage
from cyasr.cli import run
from cyasr.experiment import Experiment, input_hashes, surroundings
from cyasr.losses.conf import LossConf
from cyasr.process import die_with_parent, keep_freed_memory
from cyasr.stage import Stage
from cyasr.text.tokenizer import tokenizer_files

if TYPE_CHECKING:
    from cyasr.experiment import TrainConf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="data/<set>")
    parser.add_argument("--conf", type=Path, required=True, help="conf/train_<system>.yaml")
    parser.add_argument("--ngpu", type=int, help="GPUs to use (default: all there are; 0: none)")
    parser.add_argument("--redo", action="store_true", help="move an existing run to <name>.old-N and train anew")
    arguments = parser.parse_args()

    first = "LOCAL_RANK" not in os.environ  # further processes are started by the first
    if not first:
        die_with_parent()
    keys = confs.read(arguments.conf)
    experiment = Experiment(arguments.data, arguments.conf)
    if arguments.redo and first:
        experiment.set_aside()
    stage = Stage(experiment.directory / ".stamp.json", _inputs(arguments.data, keys, arguments.conf), {"conf": keys})
    if first and stage.fresh(quiet=True):
        print(f"steps.train: {experiment.directory} is up to date")
        return

    from cyasr.data.augment.noise import digests
    from cyasr.systems import load_conf

    conf = load_conf(arguments.conf)
    if not first:
        _train(experiment, conf, arguments.ngpu)
        return
    with experiment.lock:
        inputs = input_hashes(stage.inputs) | digests(conf.noise_from)
        experiment.freeze(conf, inputs)
        experiment.record(
            system=conf.system,
            conf=experiment.directory.name,
            data=str(experiment.data),
            inputs=inputs,
            seed=conf.seed,
            status="running",
            message="",
            **surroundings(),
        )
        _train_on_record(experiment, conf, arguments.ngpu)
        stage.done([experiment.model, experiment.frozen])


def _inputs(data: Path, keys: dict[str, Any], conf: Path) -> list[Path]:
    """The files that a trained model depends on."""
    loss = confs.build(keys["loss"], LossConf, Path(f"{conf}: loss")) if isinstance(keys.get("loss"), dict) else LossConf()
    own = [data / "train.jsonl.gz", data / "dev.jsonl.gz", *tokenizer_files(data, str(keys.get("tokenizer")))]
    return [*own, *loss.inputs(), *lineage.inputs(keys)]


def _train_on_record(experiment: Experiment, conf: TrainConf, gpus: int | None) -> None:
    """Train with run.json telling how it ended, whatever happens."""
    from cyasr.losses.extra import prepare

    try:
        prepare(conf.loss, experiment.data, experiment.directory)
        results = _train(experiment, conf, gpus)
    except BaseException as error:
        experiment.lock.check()  # a directory moved away is no longer written to, and that is the reason to name
        experiment.record(status="failed", message=f"{type(error).__name__}: {error}".splitlines()[0])
        raise
    experiment.record(status="finished", **results)


def _train(experiment: Experiment, conf: TrainConf, gpus: int | None) -> dict[str, object]:
    """Build, resume and fit. Returns what run.json keeps of the training."""
    import torch

    from cyasr.adaptation.adapt import count
    from cyasr.losses.extra import Extras
    from cyasr.systems import family
    from cyasr.training import Trainer, make_fabric

    started = time.monotonic()
    fabric = make_fabric(conf, gpus)
    fabric.launch()
    keep_freed_memory()
    torch.manual_seed(conf.seed)
    system = family(conf.system).build(conf, experiment.data)
    if conf.loss.extras:
        system.extras = Extras(conf.loss, conf.seed, experiment.data, experiment.directory, system.vocabulary)
    if fabric.global_rank == 0:
        (experiment.directory / "tokenizer").mkdir(exist_ok=True)
        for path in tokenizer_files(experiment.data, conf.tokenizer):
            shutil.copy(path, experiment.directory / "tokenizer")
        system.save_assets(experiment.directory)
    trained, parameters = count(system)
    trainer = Trainer(fabric, experiment, conf, system)
    if fabric.global_rank == 0:
        ready = time.monotonic() - started
        print(
            f"{parameters:,} parameters, {trained:,} of them trained, {fabric.world_size} processes, ready in {ready:.1f} s",
            flush=True,
        )
    trainer.fit()
    return {
        "parameters": parameters,
        "trained_parameters": trained,
        "seconds": round(trainer.progress.elapsed, 1),
        "ranks": fabric.world_size,
        "steps": trainer.progress.steps,
        "peak_memory_mb": round(trainer.peak_memory_mb()),
        "evaluations": trainer.progress.evaluations,
    }


if __name__ == "__main__":
    run(main)
