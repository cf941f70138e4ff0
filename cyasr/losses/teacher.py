"""A teacher's distributions on disk, computed once for each data set and temperature, read by cut.

They stand beside the teacher, as its decodings do: exp/<set>/<teacher>/distil/<set>.<split>.<kind>.t<T>.top<K>/. Places
(frames, or the decoder's tokens) follow one another in `ids`, `log_probs` and `rest`; `index` says where a cut's begin, in
the order of the hashes of their ids. Files are mapped, not read: memory does not grow with them.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import torch
from lhotse.cut import Cut
from numpy.typing import NDArray
from torch import Tensor

from cyasr.cli import RunError, UsageError
from cyasr.data.sampler import learnable, share
from cyasr.files import read_json, replacing, write_json
from cyasr.losses.conf import FRAMES, TOKENS, LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.distillation import NOTHING
from cyasr.stage import Stage

Kind = Literal["frames", "tokens"]
SPLITS = ("train", "dev")
WINDOW = 1000  # cuts sorted together, so that a batch holds similar durations
INDEX = np.dtype([("key", "<u8"), ("start", "<u8"), ("places", "<u4")])
TYPES = {"ids": "<i4", "log_probs": "<f2", "rest": "<f2", "targets": "<i4"}


def kinds(conf: LossConf) -> list[Kind]:
    """What the student asks its teacher for."""
    asked: dict[Kind, float] = {"frames": conf.frame_distillation, "tokens": conf.token_distillation}
    return [kind for kind, weight in asked.items() if weight]


def cache(conf: LossConf, data: Path, split: str, kind: Kind) -> Path:
    """Where a data set's distributions stand."""
    name = data.relative_to("data").as_posix().replace("/", ".")
    return Path(str(conf.teacher)) / "distil" / f"{name}.{split}.{kind}.t{conf.temperature:g}.top{conf.top}"


def ask(conf: LossConf, data: Path) -> None:
    """Let the teacher listen to train and dev, without augmentation, where it has not yet.

    Raises UsageError where it does not give what is asked for.
    """
    due: list[tuple[str, Kind, Stage]] = []
    for kind in kinds(conf):
        for split in SPLITS:
            inputs = [data / f"{split}.jsonl.gz", *(Path(str(conf.teacher)) / name for name in ("model.pt", "conf.yaml"))]
            stage = Stage(cache(conf, data, split, kind) / ".stamp.json", inputs, {})
            if not stage.fresh(quiet=True):
                due.append((split, kind, stage))
    if not due:
        return

    from cyasr.systems import restore

    teacher = restore(Path(str(conf.teacher)))
    for split, kind, stage in due:
        need = FRAMES if kind == "frames" else TOKENS
        if need not in teacher.conf.loss.needs:
            raise UsageError(f"loss: {kind[:-1]}_distillation: {conf.teacher} has not learnt to give {need}")
        directory = cache(conf, data, split, kind)
        stage.done(_write(teacher, kind, conf, data / f"{split}.jsonl.gz", directory))


def _write(teacher: Any, kind: Kind, conf: LossConf, cuts: Path, directory: Path) -> list[Path]:
    """The files of a cache, all of them or none."""
    keys, counts = array("Q"), array("L")
    paths = {name: directory / name for name in TYPES}
    with ExitStack() as stack:
        out = {name: stack.enter_context(_writing(path)) for name, path in paths.items()}
        for name, values in _listen(teacher, kind, conf, cuts):
            for file, value in values.items():
                out[file].write(value.astype(TYPES[file]).tobytes())
            keys.append(_key(name))
            counts.append(len(values["rest"]))
    places = sum(counts)
    if not places:
        raise RunError(f"{cuts}: no cut there that the teacher can take")
    rows = np.zeros(len(keys), dtype=INDEX)
    rows["key"], rows["places"] = keys, counts
    rows["start"][1:] = np.cumsum(counts)[:-1]
    rows.sort(order="key")
    if (rows["key"][1:] == rows["key"][:-1]).any():
        raise RunError(f"{cuts}: two cuts have one id; run stage 2 again")
    with replacing(directory / "index") as temporary:
        temporary.write_bytes(rows.tobytes())
    width = paths["ids"].stat().st_size // 4 // places
    write_json(directory / "meta.json", {"places": places, "width": width, "tokens": teacher.vocabulary})
    print(f"{directory}: {len(rows)} cuts, {places} {kind}, the {width} best of {len(teacher.vocabulary)} tokens", flush=True)
    return [*paths.values(), directory / "index", directory / "meta.json"]


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    with replacing(path) as temporary, open(temporary, "wb") as out:
        yield out


@torch.inference_mode()
def _listen(teacher: Any, kind: Kind, conf: LossConf, cuts: Path) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """(cut id, its places) of all cuts that the teacher can take."""
    device = next(teacher.parameters()).device
    collate = teacher.collator(train=False)
    for group in _batches(cuts, teacher):
        batch = collate(group).to(device)
        if kind == "frames":
            frames = teacher.outputs(batch, {FRAMES}).frames
            scores, lengths = frames.log_probs, frames.lengths
            targets = torch.full(scores.shape[:2], -1)
        else:
            tokens = teacher.outputs(batch, {TOKENS}).tokens
            scores, targets = tokens.logits, tokens.targets.cpu()
            lengths = (targets != IGNORE).sum(1)
        log_probs = (scores.float() / conf.temperature).log_softmax(-1)
        best = log_probs.topk(min(conf.top, log_probs.shape[-1]))
        arrays = {"ids": best.indices, "log_probs": best.values, "rest": _rest(log_probs, best.indices), "targets": targets}
        moved = {key: value.cpu().numpy() for key, value in arrays.items()}
        for row, (name, length) in enumerate(zip(batch.ids, lengths.tolist(), strict=True)):
            yield name, {key: value[row, :length] for key, value in moved.items()}


def _batches(cuts: Path, teacher: Any) -> Iterator[list[Cut]]:
    """The cuts that the teacher can take, those of a window in the order of their durations."""
    usable = learnable(cuts, teacher.unusable)
    while window := list(islice(usable, WINDOW)):
        for batch, _ in share(window, 0, 1, teacher.conf.micro_batch_seconds or teacher.conf.batch_seconds, teacher.padded_to):
            yield batch


def _rest(log_probs: Tensor, ids: Tensor) -> Tensor:
    """The log of what tokens other than `ids` share, NOTHING where there are no others."""
    others = log_probs.scatter(-1, ids, -torch.inf).logsumexp(-1)
    return others.clamp(min=NOTHING)


class Places(NamedTuple):
    """A cut's L places in the student's ids: ids, log_probs (L, K); rest (L,); targets (L,); -1: none."""

    ids: NDArray[np.int64]
    log_probs: NDArray[np.float32]
    rest: NDArray[np.float32]
    targets: NDArray[np.int64]


class Cache:
    """What a teacher left in `directory`, in the ids of `vocabulary`, the student's. Mapped when it is first read."""

    def __init__(self, directory: Path, vocabulary: list[str]) -> None:
        self.directory = directory
        self.meta = read_json(directory / "meta.json")
        ours = {token: i for i, token in enumerate(vocabulary)}
        self.ours = np.array([*(ours.get(token, -1) for token in self.meta["tokens"]), -1])  # the last: of no token
        common, teacher = int((self.ours >= 0).sum()), directory.parents[1]
        if 2 * common < len(vocabulary):
            raise UsageError(f"loss: teacher: {teacher} knows {common} of {len(vocabulary)} tokens; take one with this tokenizer")

    def get(self, name: str) -> Places | None:
        """The places of the cut `name`; None where the teacher could not take it."""
        index, key = self._index, _key(name)
        row = int(np.searchsorted(index["key"], np.uint64(key)))
        if row == len(index) or index["key"][row] != key:
            return None
        start, count = int(index["start"][row]), int(index["places"][row])
        raw = {kind: values[start : start + count] for kind, values in self._files.items()}
        ids, targets = self.ours[raw["ids"]], self.ours[raw["targets"]]
        log_probs, rest = raw["log_probs"].astype(np.float32), raw["rest"].astype(np.float32)
        unknown = np.where(ids < 0, log_probs, NOTHING)
        rest = np.logaddexp(rest, np.logaddexp.reduce(unknown, axis=1))
        log_probs = np.where(ids < 0, np.float32(NOTHING), log_probs)
        total = np.logaddexp(rest, np.logaddexp.reduce(log_probs, axis=1))  # float16 rounds
        return Places(ids, log_probs - total[:, None], rest - total, targets)

    @cached_property
    def _index(self) -> NDArray[Any]:
        return np.memmap(self.directory / "index", dtype=INDEX, mode="r")

    @cached_property
    def _files(self) -> dict[str, NDArray[Any]]:
        places, width = self.meta["places"], self.meta["width"]
        shapes = {"ids": (places, width), "log_probs": (places, width), "rest": (places,), "targets": (places,)}
        return {
            name: np.memmap(self.directory / name, dtype=TYPES[name], mode="r", shape=shape) for name, shape in shapes.items()
        }


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
