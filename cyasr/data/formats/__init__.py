"""Anybody's corpus without code: one module a known layout, named by `format` in a data conf.

Each module has `prepare(corpus_dir, raw, conf)`, which yields utterances and rejects as an adapter of local/ does, a
dataclass `Options` for the conf's `options`, and `look(corpus_dir)`, which says what of the kind lies there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyasr import conf as confs
from cyasr.cli import UsageError
from cyasr.data.conf import SPLITS, DataConf
from cyasr.data.utterance import Reject, Utterance

FORMATS = ("kaldi", "hf", "lhotse", "nemo", "table", "folder")  # in the order in which a folder is asked for them


@dataclass
class Common:
    """Options that every format has."""

    audio_dir: str | None = None  # where audio paths begin: below the corpus dir, or anywhere if absolute; None: found
    encoding: str | None = None  # of texts; None: what their byte order mark says, else UTF-8
    draw: dict[str, float] = field(default_factory=dict)  # {dev: 0.1, test: 0.1}: shares taken of what is not in dev or test

    def __post_init__(self) -> None:
        if not set(self.draw) <= {"dev", "test"} or any(not 0 < share < 1 for share in self.draw.values()):
            raise ValueError("draw takes shares of dev and test, between 0 and 1")
        if sum(self.draw.values()) >= 1:
            raise ValueError("draw: the shares leave nothing to train on")
        if self.encoding:
            try:
                "".encode(self.encoding)
            except LookupError:
                raise ValueError(f"encoding: {self.encoding!r} is no encoding, as utf-8, utf-16 or cp1253 are") from None


@dataclass
class Manifests(Common):
    """manifests: below the corpus dir, patterns allowed, each with its split ("" for none); {}: found, split by name."""

    manifests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := [split for split in self.manifests.values() if split not in ("", *SPLITS)]:
            raise ValueError(f"manifests: {unknown[0]!r} is none of {', '.join(SPLITS)}")

    def chosen(self, corpus_dir: Path) -> list[tuple[Path, str | None]]:
        """Those named, each with its split; "." is the corpus dir itself. Raises UsageError where one names nothing."""
        found: list[tuple[Path, str | None]] = []
        for pattern, split in self.manifests.items():
            met = [corpus_dir] if pattern == "." else sorted(corpus_dir.glob(pattern))
            if not met:
                raise UsageError(f"options: manifests: no {pattern} in the corpus dir")
            found += [(path, split or None) for path in met]
        return found


@dataclass
class Found:
    """What `look` made out: options for the conf, lines for the user, splits by the names of files, "silver" where a
    machine wrote the texts."""

    format: str
    options: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    splits: set[str] = field(default_factory=set)
    label: str = "gold"


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    """What the format's own `prepare` yields, utterances of one file in a row, splits drawn where the conf says so."""
    from cyasr.data.formats.spool import drawn, in_a_row

    module = _module(conf.format or "")
    options = confs.build(conf.options, module.Options, Path("options"))
    items = in_a_row(module.prepare(corpus_dir, raw, conf), raw)
    yield from drawn(items, options.draw, conf.seed, raw) if options.draw else items


def look(corpus_dir: Path, only: str | None = None) -> Found | None:
    """The first of FORMATS, or `only` this one, that `corpus_dir` holds. Raises UsageError for an unknown format."""
    for name in (only,) if only else FORMATS:
        if found := _module(name).look(corpus_dir):
            assert isinstance(found, Found)
            return found
    return None


def _module(name: str) -> Any:
    if name not in FORMATS:
        raise UsageError(f"format: {name!r} is none of {', '.join(FORMATS)}{confs.nearest(name, FORMATS)}")
    return importlib.import_module(f"cyasr.data.formats.{name}")
