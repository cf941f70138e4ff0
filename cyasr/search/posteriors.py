"""CTC posteriors on disk: natural logs in float16, a shard a decoding job, the vocabulary beside them.

A shard is an .npz with one (T, V) array an utterance. For vocabularies above TOP it holds the TOP best of each frame
instead: `<id>.ids` (T, TOP), `<id>.values` (T, TOP) and `<id>.rest` (T,), the log of what the others share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cyasr.cli import RunError, UsageError
from cyasr.files import read_json, replacing

TOP = 512
FLOOR = -6e4  # float16 ends at -65504


def write_shard(path: Path, utterances: Iterable[tuple[str, NDArray[np.float32]]]) -> None:
    """utterances: (id, (T, V) natural logs)."""
    with replacing(path) as temporary, open(temporary, "wb") as out:
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, log_probs in utterances:
            arrays |= _pack(name, np.maximum(log_probs, FLOOR))
        np.savez(out, **arrays)  # type: ignore[arg-type]


def find_shards(directory: Path, label: str) -> list[Path]:
    """The shards that stage 6 left in exp/<set>/<train>/<decode> for `label` (dev, or <set>.dev).

    Raises UsageError, saying what to run, where there are none.
    """
    stamp = directory / f".{label}.stamp.json"
    if not stamp.is_file():
        raise UsageError(f"{directory} has no decode of {label}; run stage 6 with conf/{directory.name}.yaml")
    shards = [directory / Path(name).name for name in read_json(stamp)["outputs"] if name.endswith(".npz")]
    if not shards:
        raise UsageError(
            f"{directory} keeps no posteriors; run stage 6 with a conf that says `posteriors: true`, as conf/decode_greedy.yaml"
        )
    for path in shards:
        if not path.is_file():
            raise UsageError(f"{path} does not exist; run stage 6 with conf/{directory.name}.yaml again")
    return shards


def _pack(name: str, log_probs: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    if log_probs.shape[1] <= TOP:
        return {f"{name}.full": log_probs.astype(np.float16)}
    ids = np.sort(np.argpartition(-log_probs, TOP, axis=1)[:, :TOP], axis=1)
    values = np.take_along_axis(log_probs, ids, axis=1)
    rest = np.log(np.maximum(1.0 - np.exp(values.astype(np.float64)).sum(axis=1), 1e-30))
    return {
        f"{name}.ids": ids.astype(np.int32),
        f"{name}.values": values.astype(np.float16),
        f"{name}.rest": rest.astype(np.float16),
    }


def _unpack(
    ids: NDArray[np.int32], values: NDArray[np.float16], rest: NDArray[np.float16], vocabulary: int
) -> NDArray[np.float32]:
    share = rest.astype(np.float32) - np.log(vocabulary - ids.shape[1])
    log_probs = np.repeat(share[:, None], vocabulary, axis=1)
    np.put_along_axis(log_probs, ids.astype(np.int64), values.astype(np.float32), axis=1)
    return log_probs


class Posteriors:
    """The posteriors in several shards, each utterance's read and checked when it is asked for."""

    def __init__(self, paths: Iterable[Path], vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._shards = {path: np.load(path) for path in paths}
        self._at = {key.rpartition(".")[0]: path for path, shard in self._shards.items() for key in shard.files}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """(T, vocabulary) natural logs; what was not among the best shares the rest evenly.

        Raises RunError where there are none, or none of this vocabulary, or NaN.
        """
        if name not in self._at:
            raise RunError(f"{', '.join(map(str, self._shards))}: no posteriors of {name}; decode again (stage 6)")
        path = self._at[name]
        shard = self._shards[path]
        if f"{name}.full" in shard:
            log_probs = shard[f"{name}.full"].astype(np.float32)
        else:
            log_probs = _unpack(shard[f"{name}.ids"], shard[f"{name}.values"], shard[f"{name}.rest"], self._vocabulary)
        if log_probs.shape[1] != self._vocabulary:
            raise RunError(
                f"{path}: utterance {name} has {log_probs.shape[1]} posteriors a frame, the tokenizer {self._vocabulary} tokens; "
                "decode again (stage 6)"
            )
        if np.isnan(log_probs).any():
            frame = int(np.isnan(log_probs).any(axis=1).argmax())
            raise RunError(f"{path}: utterance {name} has posteriors that are no number (NaN), as in frame {frame}; decode again")
        return log_probs

    def __contains__(self, name: str) -> bool:
        return name in self._at

    def items(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """All of them, in the order of the shards."""
        return ((name, self[name]) for name in self._at)

    def close(self) -> None:
        for shard in self._shards.values():
            shard.close()
