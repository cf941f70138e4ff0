"""What the tests of several adapters share: a place to run in, both stages in process, and sound."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile

from cyasr import conf as confs
from cyasr.data.corpus import DataConf, Reject, Utterance, main
from cyasr.files import read_json, read_jsonl_gz
from tests.conftest import ROOT

Row = dict[str, Any]


def settings(name: str, **changes: Any) -> DataConf:
    return replace(confs.load(ROOT / "conf" / f"data_{name}.yaml", DataConf), **changes)


def prepared(adapter: ModuleType, corpus: Path, conf: DataConf, raw: Path = Path("raw")) -> tuple[list[Utterance], list[Reject]]:
    """What the adapter yields, in order."""
    items = list(adapter.prepare(corpus, raw, conf))
    return [item for item in items if isinstance(item, Utterance)], [item for item in items if isinstance(item, Reject)]


def kinds(rejects: list[Reject]) -> Counter[str]:
    return Counter(reject.reason.partition(":")[0] for reject in rejects)


def stages(adapter: ModuleType, name: str, corpus: Path, monkeypatch: Any) -> tuple[dict[str, list[Row]], Row]:
    """Stage 1 and 2 of conf/data_<name>.yaml in the working directory: rows by file of data/<name>, and its report."""
    from steps import make_cuts

    conf = Path("conf", f"data_{name}.yaml")
    conf.parent.mkdir(exist_ok=True)
    if not conf.exists():
        shutil.copy(ROOT / conf, conf)
    monkeypatch.setattr(sys, "argv", ["stage 1", "--conf", str(conf), "--corpus-dir", str(corpus)])
    main(adapter.prepare, get=adapter.GET)
    monkeypatch.setattr(sys, "argv", ["stage 2", "--conf", str(conf)])
    make_cuts.main()
    folder = Path("data", name)
    rows = {path.name.removesuffix(".jsonl.gz"): list(read_jsonl_gz(path)) for path in sorted(folder.glob("*.jsonl.gz"))}
    return rows, read_json(folder / "report.json")


def sound(path: Path, seconds: float, rate: int = 16_000, seed: int = 0) -> Path:
    """Noise of that length; the format is the one of the file's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate)) * 0.1
    soundfile.write(path, np.clip(samples, -0.99, 0.99), rate)
    return path
