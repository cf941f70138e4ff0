"""Kinds of language models; a conf's `kind: neural` names the file here, `ngram` where it says nothing.

A kind's module holds `Conf` and what the steps ask of a model of its kind:

- `make(data, conf_path, conf, ngpu, redo)`: leave it in exp/<set>/<conf name>/, with conf.yaml and run.json (stage 4; an
  n-gram's is in steps/train_lm.py);
- `files(directory)`: what a result that uses it depends on;
- `sentence_lm(directory, data)`: a SentenceLm, for second passes;
- `token_lm(directory, tokens)`: a TokenLm, for first passes, where the kind has one.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError

KINDS = ("ngram", "neural", "hf", "endpoint")


def module(kind: str) -> ModuleType:
    """The module of a kind. Raises UsageError, with the nearest valid name, where there is none."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind of language model {kind!r}{confs.nearest(kind, KINDS)}")
    return importlib.import_module(f"cyasr.lm.kinds.{kind}")


def load_conf(path: Path) -> Any:
    """A language model's conf, checked against its own kind's keys."""
    keys = confs.read(path)
    return confs.build(keys, module(_kind(keys)).Conf, path)


def lm_files(directory: Path) -> list[Path]:
    """What a result that uses the model of exp/<set>/lm_<name> depends on. Raises UsageError where there is none."""
    files: list[Path] = opened(directory)[0].files(directory)
    return files


def opened(directory: Path) -> tuple[ModuleType, dict[str, Any]]:
    """The module and frozen conf of the model in exp/<set>/lm_<name>. Raises UsageError where there is none."""
    path = directory / "conf.yaml"
    if not path.is_file():
        others = [other.name for other in directory.parent.glob("lm_*")]
        hint = confs.nearest(directory.name, others) or f"; run stage 4 with conf/{directory.name}.yaml"
        raise UsageError(f"{directory} is no language model{hint}")
    keys = confs.read(path)
    return module(_kind(keys)), keys


def _kind(keys: dict[str, Any]) -> str:
    return str(keys.get("kind", "ngram"))
