"""Where a second pass reads from and how it is recorded: lists of one decode or of several, weights from dev."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cyasr.cli import RunError, UsageError
from cyasr.conf import freeze, nearest
from cyasr.files import write_json
from cyasr.fusion.checked import read_checked
from cyasr.lock import Lock
from cyasr.nbest import Nbest
from cyasr.score.lists import SUFFIX, DecodedList, describe, set_of
from cyasr.score.references import Normaliser, data_conf, normaliser_of, read_references
from cyasr.stage import Stage

DEV = "dev"
NOTHING: Mapping[str, str] = MappingProxyType({})
FIRST_PASSES = ("decode_", "fuse_")


@dataclass(frozen=True)
class Source:
    """The lists of one decode or second pass of a trained system; dev: the one that weights are tuned on."""

    directory: Path
    lists: list[DecodedList]
    dev: DecodedList


def open_source(experiment: Path, name: str) -> Source:
    """`decode_joint`, of the system `experiment` (exp/<set>/<train stem>), or `train_a/decode_joint`, of one beside it.

    Raises UsageError where there is no such decode or no dev list in it.
    """
    train, _, stem = name.rpartition("/")
    system = experiment.parent / train if train else experiment
    directory = system / stem
    if not system.is_dir():
        others = [path.name for path in system.parent.glob("train_*")]
        raise UsageError(f"{system} is no directory{nearest(train, others)}; run stage 5")
    data_set = set_of(system)
    lists = [describe(path, data_set, system.name, stem) for path in sorted(directory.glob(f"[!.]*{SUFFIX}"))]
    if not lists:
        stage = 7 if stem.startswith("fuse_") else 6
        raise UsageError(f"{directory} holds no n-best list; run stage {stage} with conf/{stem}.yaml")
    dev = next((one for one in lists if one.label == DEV), None)
    if dev is None:
        raise UsageError(f"{directory}/{DEV}{SUFFIX} does not exist: weights are tuned on dev; decode it too (stage 6)")
    return Source(directory, lists, dev)


def normaliser_for(lists: Iterable[DecodedList], dev: DecodedList) -> Normaliser:
    """Dev's normaliser: what weights were tuned under. Raises UsageError for a list of a set that has another."""
    own = normaliser_of(dev.data)
    for one in lists:
        known = one.data != dev.data and one.data.is_dir()  # what is gone is scored by nobody
        other = normaliser_of(one.data) if known else own
        if other.signature != own.signature:
            raise UsageError(
                f"{one.path} is compared under profile {other.profile}, but {dev.path}, on which weights are tuned, under "
                f"{own.profile}: weights hold for one profile; take the list away or make both sets with one profile"
            )
    return own


def stage_of(directory: Path, sources: Sequence[Source], files: Iterable[Path], conf: Any, normaliser: Normaliser) -> Stage:
    """What a second pass depends on. files: besides the lists and dev's references."""
    inputs = [one.path for source in sources for one in source.lists]
    inputs += [sources[0].dev.references, data_conf(sources[0].dev.data), *files]
    return Stage(directory / ".stamp.json", inputs, asdict(conf) | {"text": normaliser.signature})


def carry_out(
    stage: Stage,
    directory: Path,
    conf: Any,
    sources: Sequence[Source],
    work: Callable[[], tuple[list[Path], dict[str, float]]],
    without: Mapping[str, str] = NOTHING,
) -> None:
    """Do `work` in `directory`, locked, with run.json telling how it stands and all lists replaced.

    sources: what the lists are made from; run.json counts what second passes among them took as well. work: gives the
    files that it made and the seconds each list took, by label. without: the models that it had to do without, and why,
    by the end of it; run.json says so, and the next run tries again.
    """
    record = directory / "run.json"
    with Lock(directory):
        stage.stamp.unlink(missing_ok=True)
        freeze(conf, directory / "conf.yaml")
        write_json(record, {"status": "running"})
        try:
            made, seconds = work()
        except BaseException as error:
            write_json(record, {"status": "failed", "message": f"{type(error).__name__}: {error}".splitlines()[0]})
            raise
        for one in (one for source in sources for one in source.lists if one.label in seconds):
            seconds[one.label] = round(seconds[one.label] + one.rescoring_seconds, 3)
        for old in set(directory.glob(f"[!.]*{SUFFIX}")) - set(made):
            old.unlink()  # its list is gone from where it was read
        write_json(record, {"status": "finished", "rescoring_seconds": seconds} | ({"without": without} if without else {}))
        if not without:
            stage.done([*made, directory / "conf.yaml"])


def dev_lists(source: Source) -> list[Nbest]:
    """All of dev, checked. Raises RunError where there is none."""
    lists = list(read_checked(source.dev.path))
    if not lists:
        raise RunError(f"{source.dev.path} is empty; decode again (stage 6)")
    return lists


def dev_references(dev: DecodedList, ids: Sequence[str], normaliser: Normaliser) -> list[list[str]]:
    """Reference words of each utterance. Raises RunError where `ids` are not dev's or nothing was said."""
    texts = {name: normaliser.apply(one.text) for name, one in read_references(dev.references).items()}
    if sorted(ids) != sorted(texts):
        odd = min(set(ids) ^ texts.keys(), default="one stands twice")
        raise RunError(
            f"{dev.path} and {dev.references} are not of the same utterances"
            f" ({len(ids)} and {len(texts)}; {odd}); decode again (stage 6)"
        )
    words = [texts[name].split() for name in ids]
    if not any(words):
        raise RunError(f"{dev.references} has no reference words to tune on")
    return words


def together(paths: Sequence[Path]) -> Iterator[list[Nbest]]:
    """The lists of each utterance, one from each of `paths`. Raises RunError where these are not of the same utterances."""
    readers = [read_checked(path) for path in paths]
    while True:
        row = [next(reader, None) for reader in readers]
        found = [one for one in row if one is not None]
        if not found:
            return
        for path, one in zip(paths, row, strict=True):
            if one is None:
                raise RunError(f"{path} ends before {paths[row.index(found[0])]}'s utterance {found[0].id}; decode both again")
            if one.id != found[0].id:
                raise RunError(
                    f"{paths[0]} and {path} are not of the same utterances: {found[0].id} in one where the other has {one.id}"
                )
        yield found


def percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 4)
