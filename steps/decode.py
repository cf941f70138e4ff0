"""Stage 6: n-best lists of a trained system on a data set, in parallel jobs whose parts are then gathered."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyasr import conf as confs
from cyasr.cli import RunError, UsageError, run
from cyasr.files import read_json, read_jsonl_gz
from cyasr.lm.kinds import lm_files
from cyasr.nbest import Nbest, read_nbest, write_nbest
from cyasr.search.conf import DecodeConf
from cyasr.stage import Stage

if TYPE_CHECKING:
    from lhotse.cut import Cut

HEARD_BEFORE = 100  # utterances of dev whose mean stands for speech in general (`ilm: mean`)
WINDOW = 1000  # cuts sorted by duration together, so that a batch holds similar ones


class Decoding:
    """One split of one data set through one system with one decode conf: where things are and what they depend on."""

    def __init__(self, exp: Path, conf_path: Path, data: Path | None, split: str) -> None:
        own = Path(str(read_json(exp / "run.json")["data"]))
        self.exp = exp
        self.data = data or own
        self.split = split
        self.conf = confs.load(conf_path, DecodeConf)
        self.directory = exp / conf_path.stem
        self.name = split if self.data == own else f"{self.data.relative_to('data').as_posix().replace('/', '.')}.{split}"
        self.cuts = self.data / f"{split}.jsonl.gz"
        self.own_dev = own / "dev.jsonl.gz"
        inputs = [self.cuts, exp / "model.pt", exp / "conf.yaml"]
        inputs += [path for lm in self.conf.models() for path in lm_files(exp.parent / lm)]
        inputs += self.conf.bias.files() + ([self.own_dev] if self.conf.ilm_weight and self.conf.ilm == "mean" else [])
        self.result = Stage(self.directory / f".{self.name}.stamp.json", inputs, {"conf": asdict(self.conf)})

    def nbest(self, part: str = "") -> Path:
        return self.directory / f"{self.name}.nbest{part}.jsonl.gz"

    def posteriors(self, part: str) -> Path:
        return self.directory / f"{self.name}.log_probs{part}.npz"

    def part(self, job: int, jobs: int) -> Stage:
        return Stage(self.directory / f".{self.name}.{job}-of-{jobs}.stamp.json", self.result.inputs, self.result.params)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="exp/<set>/train_<system>")
    parser.add_argument("--conf", type=Path, required=True, help="conf/decode_<search>.yaml")
    parser.add_argument("--data", type=Path, help="data/<set> (default: the one it was trained on)")
    parser.add_argument("--splits", default="dev test", help="which splits (default: dev test)")
    parser.add_argument("--job", type=int, default=1, help="this job's number, from 1")
    parser.add_argument("--njobs", type=int, default=1, help="how many jobs share the work")
    parser.add_argument("--gather", action="store_true", help="join the jobs' parts instead of decoding")
    arguments = parser.parse_args()
    if not 1 <= arguments.job <= arguments.njobs:
        raise UsageError(f"--job {arguments.job}: must be from 1 to {arguments.njobs}")

    decodings = [Decoding(arguments.exp, arguments.conf, arguments.data, split) for split in arguments.splits.split()]
    due = [one for one in decodings if not one.result.fresh(quiet=not arguments.gather)]
    if arguments.gather:
        for one in due:
            _gather(one, arguments.njobs)
        return
    due = [one for one in due if not one.part(arguments.job, arguments.njobs).fresh(quiet=True)]
    if not due:
        return

    from cyasr.process import keep_freed_memory
    from cyasr.systems import restore

    keep_freed_memory()
    system = restore(arguments.exp)
    if any(one.conf.translate_to for one in due) and not getattr(system, "translates", False):
        raise UsageError(f"{arguments.conf}: translate_to: {system.conf.system} does not translate at decoding; nemo does")
    for one in due:
        _decode(one, system, arguments.job, arguments.njobs)


def _decode(one: Decoding, system: Any, job: int, jobs: int) -> None:
    """This job's share of the cuts, in their order, to a part of the n-best lists (and of the posteriors)."""
    from lhotse import CutSet

    from cyasr.score.references import normaliser_of
    from cyasr.search.posteriors import write_shard
    from cyasr.search.terms import open_terms

    def heard_before() -> Iterator[Cut]:
        return islice(iter(CutSet.from_file(one.own_dev)), HEARD_BEFORE)

    def normalise(text: str) -> str:
        return normaliser_of(one.own_dev.parent).apply(text)

    lm = open_terms(one.conf, one.exp.parent, system, normalise, heard_before)
    part = f".{job}-of-{jobs}"
    shard: list[tuple[str, Any]] = []

    def lists() -> Iterator[Nbest]:
        total = sum(1 for _ in read_jsonl_gz(one.cuts)) // jobs
        done, shown = 0, time.monotonic()
        for window in _windows(one.cuts, job, jobs):
            found: dict[str, Nbest] = {}
            longest_first = sorted(window, key=lambda cut: -cut.duration)
            for start in range(0, len(window), one.conf.batch):
                batch = longest_first[start : start + one.conf.batch]
                for nbest, log_probs in system.transcribe(batch, one.conf, lm):
                    found[nbest.id] = nbest
                    if one.conf.posteriors:
                        shard.append((nbest.id, log_probs))
                done += len(batch)
                if time.monotonic() - shown > 2:
                    shown = time.monotonic()
                    print(f"{one.directory.name} {one.name}: {done}/{total} utterances", flush=True)
            yield from (found[cut.id] for cut in window)

    count = write_nbest(one.nbest(part), lists())
    outputs = [one.nbest(part)]
    if one.conf.posteriors:
        write_shard(one.posteriors(part), shard)
        outputs.append(one.posteriors(part))
    confs.freeze(one.conf, one.directory / "conf.yaml")
    one.part(job, jobs).done(outputs)
    print(f"{one.directory.name} {one.name}: {count} utterances", flush=True)


def _windows(cuts: Path, job: int, jobs: int) -> Iterator[list[Cut]]:
    """Every `jobs`-th cut from the `job`-th on, WINDOW at a time."""
    from lhotse import CutSet

    mine = islice(iter(CutSet.from_file(cuts)), job - 1, None, jobs)
    while window := list(islice(mine, WINDOW)):
        yield window


def _gather(one: Decoding, jobs: int) -> None:
    """Join the parts in the order of the cuts, all of them or none, and take the parts away."""
    stages = [one.part(job, jobs) for job in range(1, jobs + 1)]
    if not all(stage.fresh(quiet=True) for stage in stages):
        raise RunError(f"{one.nbest()}: a job has not finished its part; run stage 6 again")
    parts = [read_nbest(one.nbest(f".{job}-of-{jobs}")) for job in range(1, jobs + 1)]

    def joined() -> Iterator[Nbest]:
        for number, row in enumerate(read_jsonl_gz(one.cuts)):
            nbest = next(parts[number % jobs], None)
            if nbest is None or nbest.id != row["id"]:
                raise RunError(f"{one.nbest()}: {row['id']} was not decoded; delete {one.directory} and run stage 6 again")
            yield nbest

    count = write_nbest(one.nbest(), joined())
    outputs = [one.nbest(), *(one.posteriors(f".{job}-of-{jobs}") for job in range(1, jobs + 1) if one.conf.posteriors)]
    one.result.done(outputs)
    for job, stage in enumerate(stages, 1):
        one.nbest(f".{job}-of-{jobs}").unlink()
        stage.stamp.unlink()
    print(f"{one.nbest()}: {count} utterances")


if __name__ == "__main__":
    run(main)
