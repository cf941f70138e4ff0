"""Where n-best lists lie below exp/, and which data they answer to.

exp/<set>/<train stem>/<decode stem>/<split>.nbest.jsonl.gz belongs to data/<set>/<split>.jsonl.gz, a file
<other set, / as .>.<split>.nbest.jsonl.gz to data/<other set>/<split>.jsonl.gz. A set is `name` or `name/fold`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cyasr.cli import UsageError
from cyasr.files import read_json

SUFFIX = ".nbest.jsonl.gz"
POOLED_SPLIT = "test"


@dataclass(frozen=True)
class DecodedList:
    """One n-best list. label: the file's name without suffix; data: the set's directory it was decoded on."""

    path: Path
    label: str
    trained_on: str  # set, `name` or `name/fold`
    train: str  # stem of the training conf
    decode: str  # stem of the decode or fuse conf
    data: Path
    split: str

    @property
    def references(self) -> Path:
        return self.data / f"{self.split}.jsonl.gz"

    @property
    def tested_on(self) -> str:
        return str(self.data.relative_to(exp_root(self.path).with_name("data")))

    @property
    def score(self) -> Path:
        return self.path.with_name(f"{self.label}.score.json")

    @property
    def rescoring_seconds(self) -> float:
        """What second passes took beyond the decoding that the list's rows count."""
        record = self.path.with_name("run.json")
        seconds = read_json(record).get("rescoring_seconds", {}) if record.exists() else {}
        return float(seconds.get(self.label, 0.0))


def exp_root(path: Path) -> Path:
    """The `exp` directory that `path` lies in or is. Raises UsageError where there is none."""
    for folder in (path, *path.parents):
        if folder.name == "exp":
            return folder
    raise UsageError(f"{path} does not lie in exp/")


def set_of(path: Path) -> str:
    """The set of exp/<set>/<train stem>."""
    return str(path.relative_to(exp_root(path)).parent)


def find_lists(directory: Path) -> Iterator[DecodedList]:
    """Every n-best list of a decode_* or fuse_* directory below `directory`, sorted by path.

    Runs set aside (.old-N) are left out: they keep the scores that they had on the data of their time.
    """
    root = exp_root(directory)
    for path in sorted(directory.rglob(f"*{SUFFIX}")):
        *sets, train, decode, name = path.relative_to(root).parts
        current = ".old-" not in train and not name.startswith(".")
        if current and len(sets) in (1, 2) and decode.startswith(("decode_", "fuse_")):
            yield describe(path, "/".join(sets), train, decode)


def describe(path: Path, trained_on: str, train: str, decode: str) -> DecodedList:
    data_root = exp_root(path).with_name("data")
    label = path.name.removesuffix(SUFFIX)
    other, _, split = label.rpartition(".")
    data = data_root / trained_on if not other else _data_of(data_root, other)
    return DecodedList(path, label, trained_on, train, decode, data, split)


def pools(lists: list[DecodedList], name: str) -> dict[Path, list[DecodedList]]:
    """Score files over the folds of the set `name`: exp/<name>/<train>/<decode>/test.score.json and its lists.

    Only the folds' own test sets are pooled: their dev sets served for selection, other sets are the same for all.
    """
    pooled: dict[Path, list[DecodedList]] = {}
    for one in lists:
        if one.trained_on.startswith(f"{name}/") and one.label == POOLED_SPLIT:
            score = exp_root(one.path) / name / one.train / one.decode / f"{one.label}.score.json"
            pooled.setdefault(score, []).append(one)
    return pooled


def folds_of(data: Path) -> list[str]:
    """Names of the folds that data/<name> is cut into, sorted; empty where it has none."""
    return sorted(path.parent.name for path in data.glob(f"*/{POOLED_SPLIT}.jsonl.gz"))


def _data_of(data_root: Path, dotted: str) -> Path:
    """`fsdd.george` -> data/fsdd/george, or data/fsdd.george where that is a set."""
    plain = data_root / dotted
    if plain.is_dir() or "." not in dotted:
        return plain
    for at in (i for i, character in enumerate(dotted) if character == "."):
        folded = data_root / dotted[:at] / dotted[at + 1 :]
        if folded.is_dir():
            return folded
    return plain
