"""A teacher's distributions on disk, computed once for each data set and temperature, read by cut.

They stand beside the teacher, as its decodings do: exp/<set>/<teacher>/distil/<set>.<split>.<kind>.t<T>.top<K>/. Places
(frames, or the decoder's tokens) follow one another in `ids`, `log_probs` and `rest`; `index` says where a cut's begin, in
the order of the hashes of their ids. Files are mapped, not read: memory does not grow with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cyasr.cli import RunError, UsageError
from cyasr.data.sampler import GlobalBatches, screen
from cyasr.files import read_json, replacing, write_json
from cyasr.losses.conf import FRAMES, TOKENS, LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.distillation import NOTHING
from cyasr.stage import Stage

Kind = Literal["frames", "tokens"]
SPLITS = ("train", "dev")
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
    index: list[tuple[int, int, int]] = []
    places = 0
    paths = {name: directory / name for name in TYPES}
    with ExitStack() as stack:
        out = {name: stack.enter_context(_writing(path)) for name, path in paths.items()}
        for name, values in _listen(teacher, kind, conf, cuts):
            for key, array in values.items():
                out[key].write(array.astype(TYPES[key]).tobytes())
            index.append((_key(name), places, len(values["rest"])))
            places += len(values["rest"])
    rows = np.sort(np.array(index, dtype=INDEX), order="key")
    if not places or (rows["key"][1:] == rows["key"][:-1]).any():
        raise RunError(f"{cuts}: two cuts have one id, or there is none that the teacher can take")
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
    _, unusable = screen(cuts, teacher.unusable)
    seconds = teacher.conf.micro_batch_seconds or teacher.conf.batch_seconds
    for group in GlobalBatches(cuts, seconds, teacher.conf.buckets, 0, shuffle=False, without=unusable).epoch(0):
        batch = collate(group).to(device)
        if kind == "frames":
            frames = teacher.outputs(batch, {FRAMES}).frames
            scores, lengths = frames.log_probs, frames.lengths
            targets = torch.full(scores.shape[:2], IGNORE)
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


def _rest(log_probs: Tensor, ids: Tensor) -> Tensor:
    """The log of what tokens other than `ids` share, NOTHING where there are no others."""
    others = log_probs.scatter(-1, ids, -torch.inf).logsumexp(-1)
    return others.clamp(min=NOTHING)


class Places(NamedTuple):
    """A cut's L places in the student's ids: ids, log_probs (L, K); rest (L,); targets (L,), IGNORE for frames."""

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
        self.ours = np.array([ours.get(token, -1) for token in self.meta["tokens"]])
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
        ids, targets = self.ours[raw["ids"]], raw["targets"].astype(np.int64)
        log_probs, rest = raw["log_probs"].astype(np.float32), raw["rest"].astype(np.float32)
        unknown = np.where(ids < 0, log_probs, NOTHING)
        rest = np.logaddexp(rest, np.logaddexp.reduce(unknown, axis=1))
        log_probs = np.where(ids < 0, np.float32(NOTHING), log_probs)
        total = np.logaddexp(rest, np.logaddexp.reduce(log_probs, axis=1))  # float16 rounds
        targets = np.where(targets < 0, IGNORE, self.ours[targets])
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
