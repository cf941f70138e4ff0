"""What lies under exp/: every training run with its decodes and scores, every language model, finished or not."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyasr.cli import UsageError
from cyasr.conf import read_frozen
from cyasr.files import read_json
from cyasr.licences import taint
from cyasr.score.lists import SUFFIX, describe

Json = dict[str, Any]
SCORE = ".score.json"
UTTERANCES = ".utterances.jsonl.gz"


@dataclass(frozen=True)
class Run:
    """A directory of exp/ with its run.json; status: finished, or what there is to say instead."""

    directory: Path
    data_set: str  # `name` or `name/fold`
    record: Json
    status: str

    @property
    def conf(self) -> str:
        return self.directory.name


@dataclass(frozen=True)
class Result:
    """One line of the results: a score, or a run that has none and why.

    runs: the training behind it, of each fold where the score is pooled. utterances: the counts behind the score.
    """

    tested_on: str
    split: str | None
    trained_on: str
    conf: str
    decode: str | None
    lm: list[str]  # conf stems, first pass before second; what their text's licences rule out in brackets
    runs: list[Run]
    status: str
    score: Json = field(default_factory=dict)
    utterances: Path | None = None
    noise: float | None = None  # dB that the decode added: harder than the test as it is
    searched: str | None = None  # stem of the decode whose CTC posteriors a second pass searched, needing nothing else

    @property
    def order(self) -> tuple[Any, ...]:
        """Sets before their folds, test before dev, then by name."""
        return (self.tested_on, self.split != "test", self.split or "", self.trained_on, self.conf, self.decode or "")

    @property
    def pooled(self) -> bool:
        return "folds" in self.score


def trainings(root: Path) -> list[Run]:
    """All exp/<set>/train_* that were ever begun, those set aside (.old-N) too, sorted."""
    return [_run(folder, root) for folder in _folders(root, "train_") if _begun(folder)]


def language_models(root: Path) -> list[Run]:
    return [_run(folder, root) for folder in _folders(root, "lm_")]


def results(root: Path, runs: list[Run]) -> list[Result]:
    """Sorted; each run has at least one line, and each of its decode directories."""
    found = [result for run in runs for result in _results_of(run)]
    for folder in _folders(root, "train_"):
        found += _pooled(folder, root, runs)
    return sorted(found, key=lambda one: one.order)


def lm_licences(record: Json) -> list[str]:
    """The licences of a language model's text, by its run.json."""
    return record.get("licences") or sorted({licence for one in record.get("text", []) for licence in one.get("licences", [])})


def _results_of(run: Run) -> Iterator[Result]:
    empty = True
    for folder in _second_passes_last(run.directory):
        empty = False
        lm, noise, searched = _language_models_of(folder), _noise_of(folder), _searched(folder)
        labels = sorted({path.name.removesuffix(SUFFIX) for path in folder.glob(f"[!.]*{SUFFIX}")})
        for label in labels:
            one = describe(folder / f"{label}{SUFFIX}", run.data_set, run.conf, folder.name)
            score, status = _score(one.score)
            if score and one.path.stat().st_mtime_ns > one.score.stat().st_mtime_ns:
                status = "decoded again since; run stage 8"
            if score and run.status != "finished":
                status = f"training: {run.status}"
            rows = folder / f"{label}{UTTERANCES}"
            yield Result(
                one.tested_on,
                one.split,
                run.data_set,
                run.conf,
                folder.name,
                lm,
                [run],
                status,
                score,
                rows,
                noise,
                searched,
            )
        if not labels:
            status = _run(folder, run.directory).status
            status = "decoding unfinished" if status in ("finished", "no record") else f"{folder.name}: {status}"
            yield Result(run.data_set, None, run.data_set, run.conf, folder.name, lm, [run], status)
    if empty:
        status = "not decoded" if run.status == "finished" else run.status
        yield Result(run.data_set, None, run.data_set, run.conf, None, [], [run], status)


def _pooled(folder: Path, root: Path, runs: list[Run]) -> Iterator[Result]:
    """Scores over all folds, in directories of exp/<name>/train_* that hold nothing else."""
    name = str(folder.parent.relative_to(root))
    for decode in _second_passes_last(folder):
        for path in sorted(decode.glob(f"[!.]*{SCORE}")):
            score, status = _score(path)
            if "folds" not in score:
                continue
            members = [run for run in runs if run.conf == folder.name and run.data_set.startswith(f"{name}/")]
            parts = [run for run in members if run.data_set.partition("/")[2] in score["folds"]]
            missing = score.get("folds_missing") or []
            if missing:
                status = f"{len(score['folds'])} of {len(score['folds']) + len(missing)} folds; missing: {', '.join(missing)}"
            split = path.name.removesuffix(SCORE)
            rows = decode / f"{split}{UTTERANCES}"
            first = (parts[0].directory if parts else folder) / decode.name
            lm, noise, searched = _language_models_of(first), _noise_of(first), _searched(first)
            yield Result(name, split, name, folder.name, decode.name, lm, parts, status, score, rows, noise, searched)


def _score(path: Path) -> tuple[Json, str]:
    if not path.exists():
        return {}, "not scored"
    try:
        return read_json(path), "finished"
    except UsageError:
        return {}, f"{path.name} is damaged"


def _run(folder: Path, root: Path) -> Run:
    data_set = str(folder.parent.relative_to(root)) if folder.parent != root else ""
    path = folder / "run.json"
    if not path.exists():
        return Run(folder, data_set, {}, "no record")
    try:
        record = read_json(path)
        status = record.get("status", "finished")  # a language model's is written when it is done
    except (UsageError, AttributeError):
        return Run(folder, data_set, {}, "run.json is damaged")
    if status == "running" and not _in_use(folder):
        status = "interrupted"
    if status == "failed" and record.get("message"):
        status = f"failed: {record['message']}"
    return Run(folder, data_set, record, status)


def _in_use(folder: Path) -> bool:
    """Does a living process hold the directory's lock?"""
    try:
        with open(folder / ".lock", "rb") as lock:
            fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _language_models_of(folder: Path) -> list[str]:
    """The language models of a decode or second pass, each with its taint."""
    return [_tainted(folder.parent.with_name(stem)) for stem in lm_stems(folder)]


def lm_stems(folder: Path) -> list[str]:
    """The language models that a decode's or second pass's frozen conf names, first pass before second, each once."""
    conf = read_frozen(folder / "conf.yaml")
    stems = [stem for source in sources_of(folder, conf) for stem in lm_stems(source)]
    own = [str(conf[key]) for key in ("lm", "rescore_lm", "token_lm") if conf.get(key)]
    return list(dict.fromkeys([*stems, *own, *(conf.get("lms") or {})]))


def sources_of(folder: Path, conf: Json) -> list[Path]:
    """Directories whose lists a second pass reads; none for a decode."""
    if not folder.name.startswith("fuse_"):
        return []
    named = [conf.get("nbest"), conf.get("posteriors"), *(conf.get("lists") or [])]
    names = [name for name in named if isinstance(name, str)]  # nbest: the size of lists, where posteriors are searched
    return [folder.parent.parent / name if "/" in name else folder.with_name(name) for name in names]


def _noise_of(folder: Path) -> float | None:
    conf = read_frozen(folder / "conf.yaml")
    found = [conf.get("noise_snr"), *(_noise_of(source) for source in sources_of(folder, conf))]
    return next((float(noise) for noise in found if noise is not None), None)


def _searched(folder: Path) -> str | None:
    conf = read_frozen(folder / "conf.yaml")
    sources = [source.name for source in sources_of(folder, conf)]
    return sources[0] if sources == [conf.get("posteriors")] else None


def _tainted(lm: Path) -> str:
    """`lm_ngram`, or `lm_grdd (non-commercial)`."""
    licences = lm_licences(_run(lm, lm.parent).record)
    found = taint(licences) if licences else ""
    return f"{lm.name} ({found})" if found else lm.name


def _folders(root: Path, prefix: str) -> list[Path]:
    """exp/<name>/<prefix>* and exp/<name>/<fold>/<prefix>*, sorted."""
    if not root.is_dir():
        return []
    return sorted(path for pattern in (f"*/{prefix}*", f"*/*/{prefix}*") for path in root.glob(pattern) if path.is_dir())


def _begun(folder: Path) -> bool:
    return (folder / "run.json").exists() or (folder / "conf.yaml").exists()


def _second_passes_last(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.startswith(("decode_", "fuse_")))
