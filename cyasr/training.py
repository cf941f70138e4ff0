"""The one trainer: every system, one loop over global batches, on Lightning Fabric.

A system's forward pass returns losses summed over utterances; gradients are divided by the utterances of the global
batch. How many processes share a batch, and in what pieces, therefore changes the speed and not the step taken.
"""

from __future__ import annotations

import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from cyasr import checkpoints
from cyasr.adaptation.adapt import check_used, load_saved_state, saved_state
from cyasr.cli import RunError
from cyasr.data.audio import Augment
from cyasr.data.sampler import GlobalBatches, Shares, screen
from cyasr.experiment import Experiment, TrainConf
from cyasr.losses.conf import FRAMES
from cyasr.optimizer import learning_rate, make_optimizer
from cyasr.process import cores, peak_memory_mb
from cyasr.training_log import TrainingLog


@dataclass
class Progress:
    """Where a run stands: everything but the weights and generators."""

    epoch: int = 0
    batches: int = 0  # global batches of this epoch that were learnt from
    seconds: float = 0.0  # of speech in them
    steps: int = 0
    elapsed: float = 0.0  # seconds of training, over all resumptions
    evaluations: list[dict[str, float]] = field(default_factory=list)

    def epochs(self, epoch_seconds: float) -> float:
        return self.epoch + self.seconds / epoch_seconds

    def best(self, key: str, count: int) -> list[int]:
        """Steps of the `count` best evaluations; the earlier of equals."""
        ranked = sorted(self.evaluations, key=lambda one: (one[key], one["step"]))
        return [int(one["step"]) for one in ranked[:count]]

    def since_best(self, key: str) -> int:
        """Evaluations since the best one."""
        best = self.best(key, 1)
        return sum(one["step"] > best[0] for one in self.evaluations) if best else 0

    def silent(self) -> int:
        """Evaluations since CTC last wrote anything but blanks."""
        return sum(1 for _ in takewhile(lambda one: "only_blanks" in one, reversed(self.evaluations)))


class Trainer:
    """Trains `system` in `experiment`, from its last checkpoint where there is one."""

    def __init__(self, fabric: Fabric, experiment: Experiment, conf: TrainConf, system: Any) -> None:
        self.fabric = fabric
        self.experiment = experiment
        self.conf = conf
        self.train_cuts, self.dev_cuts = (experiment.cuts / f"{split}.jsonl.gz" for split in ("train", "dev"))
        self.unusable = screen(self.train_cuts, system.unusable) | screen(self.dev_cuts, system.unusable)
        self.progress = Progress()
        self.system = system
        self.model, self.optimizer = fabric.setup(system, make_optimizer(system, conf))
        heard = Augment.of(conf).heard if conf.bucket_by == "heard" else None
        self.batches = GlobalBatches(
            self.train_cuts, conf.batch_seconds, conf.buckets, conf.seed, heard=heard, **self._cuts_taken
        )
        # at least five evaluations a run, at least one an `evaluate_epochs`
        self.evaluate_every = min(conf.evaluate_epochs, conf.epochs / 5)
        self._sums: defaultdict[str, float] = defaultdict(float)  # since the last line of the log
        self._reported = 0.0  # seconds of training at that line
        self._log = TrainingLog(experiment.directory, fabric.global_rank == 0)
        for reason, ids in grouped(self.unusable).items():
            self._log.line(f"left out, {reason}: {len(ids)} cuts, as {ids[0]}")
        torch.manual_seed(conf.seed + fabric.global_rank)
        self._resume()

    @property
    def _cuts_taken(self) -> dict[str, Any]:
        """What the system asks of batches."""
        return {"without": self.unusable, "padded_to": self.system.padded_to}

    @property
    def epoch_seconds(self) -> float:
        """Seconds of speech in the present epoch; with a mixture's repeats, epochs differ a little."""
        return self.batches.total_seconds(self.progress.epoch)

    def fit(self) -> None:
        """Run to the end of the last epoch or of patience; leaves the averaged weights in model.pt."""
        self.model.train()
        started = saved = time.monotonic() - self.progress.elapsed
        self._log.start(self.progress.steps)
        while not self._finished():
            for item in self._loader():
                if not self._learn(item):
                    continue
                self.progress.elapsed = time.monotonic() - started
                self._report()
                due = self._evaluation_due(item["seconds"])
                if due:
                    self._evaluate()
                if due or self._agree(time.monotonic() - started - saved > 60 * self.conf.save_minutes):
                    self._save()
                    saved = time.monotonic() - started
                if self._finished():
                    break
            else:
                self.progress.epoch += 1
                self.progress.batches, self.progress.seconds = 0, 0.0
        self._publish()

    def _loader(self) -> Iterator[dict[str, Any]]:
        fabric, conf, progress = self.fabric, self.conf, self.progress
        shares = Shares(
            self.batches, progress.epoch, progress.batches, fabric.global_rank, fabric.world_size, conf.micro_batch_seconds
        )
        dataset = Loading(self.system.collator(train=True))
        # a generator of its own: making a loader must not draw from the one that dropout uses, or resuming would differ
        own = torch.Generator()
        loader = DataLoader(dataset, sampler=shares, batch_size=None, num_workers=conf.workers, generator=own)
        empty = True
        for item in loader:
            empty = False
            yield item
        if empty and progress.batches == 0:
            raise RunError(f"{self.train_cuts} gives no batch")

    def _learn(self, item: dict[str, Any]) -> bool:
        """One micro-batch forward and backward; with a global batch's last one also the step. True after a step."""
        batch = item["batch"].to(self.fabric.device)
        with self.fabric.no_backward_sync(self.model, enabled=not item["last"]):
            losses = self.model(batch)
            self.fabric.backward(losses.total * item["weight"])
        if item["weight"]:
            self._sums["loss"] += losses.total.detach()
            self._sums["count"] += losses.count
            for name, value in losses.parts.items():
                self._sums[name] += value
        if not item["last"]:
            return False
        if self.progress.steps == 0:
            check_used(self.system)
        scale = self.fabric.world_size / item["count"]
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(scale)
        norm = self.fabric.clip_gradients(self.model, self.optimizer, max_norm=self.conf.clip, error_if_nonfinite=False)
        if norm is not None and not norm.isfinite() and self.conf.precision != "fp16":
            self._stop_at_nan(item, batch)
        share = self.progress.epochs(self.epoch_seconds) / self.conf.epochs
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.conf, share)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.progress.steps += 1
        self.progress.batches = item["index"] + 1
        self.progress.seconds += item["seconds"]
        self._sums["seconds"] += item["seconds"]
        return True

    def _stop_at_nan(self, item: dict[str, Any], batch: Any) -> None:
        path = self.experiment.directory / f"nan_batch_{self.fabric.global_rank}.pt"
        tensors = {name: value.cpu() for name, value in vars(batch).items() if isinstance(value, torch.Tensor)}
        checkpoints.save({"ids": batch.ids, **tensors}, path)
        ids = ", ".join(batch.ids[:3])
        raise RunError(
            f"loss or gradient is not finite at step {self.progress.steps + 1} (utterances {ids}, …); the batch is in {path}. "
            "A lower `lr`, a smaller `clip` or longer `warmup` usually helps"
        )

    def _evaluation_due(self, seconds: float) -> bool:
        """Did the step just taken reach the next point of evaluation, or the end?"""
        now = self.progress.epochs(self.epoch_seconds) + 1e-6
        before = now - seconds / self.epoch_seconds
        return int(now / self.evaluate_every) > int(before / self.evaluate_every)

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Dev losses and error rate, each process on its share; keeps the weights where they are among the best."""
        self.model.eval()
        collate = self.system.collator(train=False)
        sums: defaultdict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), dtype=torch.float64))
        dev = GlobalBatches(self.dev_cuts, self.conf.batch_seconds, self.conf.buckets, 0, shuffle=False, **self._cuts_taken)
        for number, cuts in enumerate(dev.epoch(0)):
            if number % self.fabric.world_size == self.fabric.global_rank:
                losses = self.system(collate(cuts).to(self.fabric.device))
                for name, value in {"loss": losses.total, **losses.parts}.items():
                    sums[name] = sums[name] + value.double().cpu()
                sums["count"] = sums["count"] + losses.count
        terms = self.conf.loss.terms
        names = ["loss", "count", "correct", "tokens", "errors", "reference", "written", "infeasible", *terms]
        values = dict(zip(names, self._total(torch.stack([sums[name] for name in names])).tolist(), strict=True))
        result = {
            "step": self.progress.steps,
            "epoch": round(self.progress.epochs(self.epoch_seconds), 3),
            "loss": values["loss"] / values["count"],
        }
        for name, part, whole in (("error_rate", "errors", "reference"), ("accuracy", "correct", "tokens")):
            if values[whole] or name == self.conf.select:
                result[name] = values[part] / max(values[whole], 1)
        result |= {term: values[term] / values["count"] for term in terms if len(terms) > 1}
        if FRAMES in self.conf.loss.needs and not values["written"]:
            result["only_blanks"] = 1.0
        self.progress.evaluations.append(result)
        self._log.evaluation(result)
        if (silent := self.progress.silent()) and silent % 3 == 0:
            self._log.line(
                f"CTC has written nothing but blanks at {silent} evaluations in a row. It often starts so; if it goes on "
                "for hundreds of steps, try a third of `lr` or three times as much, more steps (a smaller "
                "`batch_seconds`, more `epochs`) or fewer masks, and see that the transcripts belong to the audio"
            )
        if self.fabric.global_rank == 0:
            best = self.progress.best(self.conf.select, self.conf.average)
            self.experiment.checkpoints.mkdir(parents=True, exist_ok=True)
            checkpoints.save_best(
                self.experiment.checkpoints, self.progress.steps, saved_state(self.system, self.conf.adapt), best
            )
        self.model.train()

    def _finished(self) -> bool:
        if self.conf.patience and self.progress.since_best(self.conf.select) >= self.conf.patience:
            return True
        return self.progress.epochs(self.epoch_seconds) >= self.conf.epochs - 1e-6

    def _agree(self, wish: bool) -> bool:
        """Process 0's wish, known to all; asked only at every tenth step."""
        if self.progress.steps % 10:
            return False
        return bool(self.fabric.broadcast(wish, src=0)) if self.fabric.world_size > 1 else wish

    def _save(self) -> None:
        states: list[Any] = [None] * self.fabric.world_size
        mine = checkpoints.random_state()
        if self.fabric.world_size > 1:
            torch.distributed.all_gather_object(states, mine)
        else:
            states = [mine]
        if self.fabric.global_rank == 0:
            self.experiment.lock.check()
            state = {
                "progress": asdict(self.progress),
                "model": saved_state(self.system, self.conf.adapt),
                "optimizer": self.optimizer.state_dict(),
                "random": states,
            }
            checkpoints.save_state(self.experiment.checkpoints, self.progress.steps, state)

    def _resume(self) -> None:
        found = checkpoints.load_state(self.experiment.checkpoints)
        if found is None:
            return
        path, state = found
        self.progress = Progress(**state["progress"])
        self._reported = self.progress.elapsed
        load_saved_state(self.system, state["model"], self.conf.adapt)
        self.optimizer.load_state_dict(state["optimizer"])
        states = state["random"]
        if len(states) == self.fabric.world_size:
            checkpoints.set_random_state(states[self.fabric.global_rank])
        self._log.line(f"resumed from {path.name} at epoch {self.progress.epochs(self.epoch_seconds):.2f}")

    def _publish(self) -> None:
        if self.fabric.global_rank == 0:
            self.experiment.lock.check()
            best = self.progress.best(self.conf.select, self.conf.average)
            checkpoints.save(checkpoints.average(self.experiment.checkpoints, best), self.experiment.model)
            self._log.line(f"finished: average of steps {', '.join(map(str, sorted(best)))}")

    def peak_memory_mb(self) -> float:
        """The largest resident sets of all processes together, MiB."""
        return float(self._total(torch.tensor(peak_memory_mb())))

    def _total(self, mine: torch.Tensor) -> torch.Tensor:
        """The sum over processes."""
        total = self.fabric.all_reduce(mine, reduce_op="sum")
        assert isinstance(total, torch.Tensor)
        return total

    def _report(self) -> None:
        """A line every `log_seconds`, from this process's share of the batches."""
        elapsed = self.progress.elapsed - self._reported
        if elapsed < self.conf.log_seconds or not self._sums["count"]:
            return
        done = self.progress.epochs(self.epoch_seconds)
        values = {
            "loss": float(self._sums["loss"]) / self._sums["count"],
            **{term: float(self._sums[term]) / self._sums["count"] for term in self.conf.loss.terms[1:] and self.conf.loss.terms},
            "lr": self.optimizer.param_groups[0]["lr"],
            f"{self.conf.UNIT}_per_second": self._sums["seconds"] / elapsed,
            "infeasible": float(self._sums["infeasible"]),
        }
        left = (self.conf.epochs - done) * self.epoch_seconds / max(self._sums["seconds"] / elapsed, 1e-6)
        self._log.training(self.progress.steps, done, self.conf.epochs, values, left)
        self._reported = self.progress.elapsed
        self._sums.clear()


def grouped(reasons: dict[str, str]) -> dict[str, list[str]]:
    """Kind of reason (its part before ":") -> ids."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for name, reason in reasons.items():
        kinds[reason.partition(":")[0]].append(name)
    return kinds


class Loading(torch.utils.data.Dataset[dict[str, Any]]):
    """Turns a share's cuts into the system's batch, in whichever process the DataLoader asks."""

    def __init__(self, collate: Any) -> None:
        self.collate = collate

    def __getitem__(self, item: dict[str, Any]) -> dict[str, Any]:
        batch = self.collate(item["cuts"], item["epoch"])
        return {key: value for key, value in item.items() if key != "cuts"} | {"batch": batch}


def make_fabric(conf: TrainConf, gpus: int | None) -> Fabric:
    """Fabric on GPUs where there are any, else on the CPU with `ranks` processes.

    gpus: how many to use; None: all there are. Raises RunError where there are fewer.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    available = torch.cuda.device_count()
    if gpus and gpus > available:
        raise RunError(f"{gpus} GPUs wanted, {available} found")
    wanted = available if gpus is None else gpus
    precision = {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}.get(conf.precision, "")
    if wanted:
        precision = precision or ("bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed")
        return Fabric(accelerator="cuda", devices=wanted, strategy="ddp" if wanted > 1 else "auto", precision=precision)  # type: ignore[arg-type]
    ranks = conf.ranks or min(cores(), 4)
    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(max(1, threads // ranks))
    return Fabric(accelerator="cpu", devices=ranks, strategy="ddp" if ranks > 1 else "auto", precision=precision or "32-true")  # type: ignore[arg-type]
