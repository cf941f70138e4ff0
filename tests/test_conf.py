"""Conf files: every one that ships loads, and what is wrong in one is said in a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import yaml

from cyasr import conf as confs
from cyasr import fusion
from cyasr.adaptation.conf import AdaptConf
from cyasr.cli import UsageError
from cyasr.conf import run_key
from cyasr.data.corpus import DataConf
from cyasr.lm import kinds
from cyasr.losses.conf import LossConf
from cyasr.search.conf import DecodeConf
from cyasr.systems import load_conf
from tests.conftest import ROOT

SCHEMAS = {"adapt": AdaptConf, "data": DataConf, "decode": DecodeConf, "loss": LossConf}


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_conf_loads_and_opens_with_what_it_is(path: Path) -> None:
    kind = path.stem.split("_")[0]
    if kind == "papers":
        assert yaml.safe_load(path.read_text())
    elif kind == "train":
        assert load_conf(path).system
    elif kind == "fuse":
        assert fusion.load_conf(path).kind
    elif kind == "lm":
        assert kinds.load_conf(path).kind
    else:
        assert confs.load(path, SCHEMAS[kind])
    assert path.read_text().startswith("# ")


@dataclass
class Example:
    size: int
    rate: float = 1e-3
    kind: Literal["left", "right"] = "left"
    names: list[str] = field(default_factory=list)
    workers: int = run_key(0)


def load(tmp_path: Path, text: str) -> Example:
    path = tmp_path / "train_example.yaml"
    path.write_text(text, encoding="utf-8")
    return confs.load(path, Example)


def test_a_base_gives_the_keys_that_the_variant_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("size: 3\nrate: 5e-4\n")
    assert load(tmp_path, "base: base.yaml\nsize: 4\n") == Example(size=4, rate=5e-4)


@dataclass
class Whole:
    part: Example


def test_a_part_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "part_small.yaml").write_text("size: 3\n")
    (tmp_path / "base.yaml").write_text("part: part_large.yaml\n")
    (tmp_path / "train.yaml").write_text("base: base.yaml\npart: part_small.yaml\n")
    assert confs.load(tmp_path / "train.yaml", Whole) == Whole(Example(size=3))
    with pytest.raises(UsageError, match=r"part_large.yaml does not exist; did you mean 'part_small.yaml'"):
        confs.load(tmp_path / "base.yaml", Whole)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("siz: 3", "unknown key 'siz'; did you mean 'size'?"),
        ("rate: 1", "key 'size' is missing"),
        ("size: 3.5", "size: expected int, got 3.5"),
        ("size: true", "size: expected int, got True"),
        ("size: 3\nkind: rihgt", "kind: 'rihgt' is none of left, right; did you mean 'right'?"),
        ("size: 3\nnames: a", "names: expected a list"),
        ("size: 3\nsize: 4", "key 'size' stands twice"),
        ("size: [", "no valid yaml"),
        ("- size", "should hold `key: value` lines"),
        ("base: bsae.yaml", "bsae.yaml does not exist"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, text)
    assert line in str(error.value) and ".yaml" in str(error.value) and "\n" not in str(error.value)


def test_only_result_keys_count_as_differences(tmp_path: Path) -> None:
    confs.freeze(Example(size=3), tmp_path / "conf.yaml")
    frozen = confs.read(tmp_path / "conf.yaml")
    assert confs.differences(frozen, Example(size=3, workers=4)) == []
    assert confs.differences(frozen, Example(size=4, workers=4)) == ["size: 3 -> 4"]
