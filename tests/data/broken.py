"""What the tests of broken corpora share: a good corpus of twelve utterances, both stages in process, and what must hold.

A case damages the corpus and says which utterances must be rejected, for what, or which message must end the run. All
others must come out as cuts, and in = out + rejects must hold in both stages.
"""

from __future__ import annotations

import csv
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from cyasr.cli import UsageError, line
from cyasr.data.audiofile import read_through
from cyasr.data.checks import AudioMeter
from cyasr.data.corpus import DataConf, Prepare, Reject, Utterance, main
from cyasr.data.tables import read_table
from cyasr.files import read_json, read_jsonl_gz
from cyasr.text.normalize import normalize
from steps import make_cuts

IDS = [f"u{number:02}" for number in range(12)]
SPLITS = ("train", "train", "dev", "test")
TEXT = "εν να πάμεν στην θάλασσαν"
RATE = 16_000
FORMATS = {"flac": "PCM_16", "ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III", "wav": "PCM_16"}

Rejected = dict[str, str | None]  # id, or its file -> what its reason begins with; None: gone under another id
Case = Callable[[Path], "Rejected | str"]  # damages the corpus below the path; str: what the run's last line must hold


def speech(seconds: float = 1.0, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).uniform(-0.2, 0.2, int(seconds * RATE))


def sound(path: Path, seconds: float = 1.0, seed: int = 0) -> Path:
    kind = path.suffix[1:]
    soundfile.write(path, speech(seconds, seed), RATE, format="OGG" if kind == "opus" else kind.upper(), subtype=FORMATS[kind])
    return path


def clips(folder: Path) -> Path:
    """u00.wav … u11.wav. What the stages' own processes would load each for itself is loaded here, once."""
    folder.mkdir(parents=True)
    for number, name in enumerate(IDS):
        sound(folder / f"{name}.wav", seed=number)
    meter = AudioMeter(RATE)
    read_through(folder / "u00.wav", meter)
    meter.result()
    normalize(TEXT, "t1")
    return folder


@contextmanager
def ending(seconds: int = 40) -> Iterator[None]:
    """A run that waits for ever (on a pipe) is ended."""

    def late(*_: object) -> None:
        raise TimeoutError("the run does not end")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def stages(prepare: Prepare, monkeypatch: pytest.MonkeyPatch, given: str, audio: str | None) -> str | None:
    """Stages 1 and 2 in this process; the message that ended them, or None."""
    before = {path for path in Path(".").rglob("*") if not path.is_symlink()}
    try:
        monkeypatch.setattr(sys, "argv", ["stage 1", "--conf", "conf/data_broken.yaml", "--corpus-dir", given])
        main(prepare, get="Broken: from nowhere", audio=audio)
        monkeypatch.setattr(sys, "argv", ["stage 2", "--conf", "conf/data_broken.yaml"])
        make_cuts.main()
    except UsageError as error:
        assert not list(Path("data").glob("broken/*.jsonl.gz"))
        return line(str(error))
    finally:
        made = {path for path in Path(".").rglob("*") if not path.is_symlink()} - before
        assert all(path.parts[0] == "data" for path in made), made
        assert not [path for path in made if path.name.endswith((".tmp", ".part"))]
    return None


def listed(path: str) -> list[tuple[str, str, str]]:
    with open(path, encoding="utf-8", newline="") as rows:
        return [(row["id"], row["where"], row["reason"]) for row in csv.DictReader(rows, delimiter="\t")]


def accounted() -> tuple[set[str], list[tuple[str, str, str]]]:
    """(ids of all cuts, all rejects) after both stages, in = out + rejects in each."""
    first, second = listed("data/broken/raw/rejects.tsv"), listed("data/broken/rejects.tsv")
    raw, report = read_json(Path("data/broken/raw/summary.json")), read_json(Path("data/broken/report.json"))
    paths = [Path(f"data/broken/{split}.jsonl.gz") for split in ("train", "dev", "test")]
    ids = [cut["id"] for path in paths if path.exists() for cut in read_jsonl_gz(path)]
    assert len(ids) == len(set(ids))
    assert sum(raw["rejects"].values()) == len(first) and sum(report["rejected"].values()) == len(second)
    assert report["utterances_in"] == raw["utterances"] == len(ids) + report["unused"] + len(second)
    return set(ids), first + second


def check(
    prepare: Prepare,
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    conf: str,
    audio: str | None = None,
    given: str = "corpus",
    ids: Collection[str] = IDS,
) -> None:
    """Break, run, and prove that nothing was lost. ids: of the good utterances."""
    expected = case(Path("corpus"))
    head = "licence: CC0-1.0\nlanguage: el-CY\nmax_reject_rate: 0.9\nmin_seconds: 0.2\n"
    Path("conf/data_broken.yaml").write_text(head + conf)
    with ending():
        message = stages(prepare, monkeypatch, given, audio)
    if isinstance(expected, str):
        assert message is not None and expected in message
        return
    assert message is None, message
    cuts, rejects = accounted()
    assert cuts >= set(ids) - set(expected), f"lost: {sorted(set(ids) - set(expected) - cuts)}, {rejects}"
    for name, reason in expected.items():
        assert name not in cuts
        if reason is None:
            continue
        found = [row for row in rejects if name == row[0] or row[1].split(":")[0].endswith(f"/{name}")]
        assert found and any(row[2].startswith(reason) for row in found), f"{name}: {found or rejects}"


def prepare_table(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    for row in read_table(corpus_dir / "table.tsv", ["file", "text", "speaker", "split"]):
        if isinstance(row, Reject):
            yield row
            continue
        audio = corpus_dir / "wav" / row["file"]
        yield Utterance(audio.stem, audio, row["text"], row["speaker"] or None, row.where, split=row["split"] or None)


def table_rows(suffix: str = "wav") -> list[list[str]]:
    rows = [[f"{name}.wav", TEXT, f"s{number % 4}", SPLITS[number % 4]] for number, name in enumerate(IDS)]
    return [["file", "text", "speaker", "split"], [f"u00.{suffix}", *rows[0][1:]], *rows[1:]]


def write_table(corpus: Path, rows: list[list[str]], encoding: str = "utf-8", end: str = "\n") -> None:
    text = end.join("\t".join(row) for row in rows) + end
    (corpus / "table.tsv").write_bytes(text.encode(encoding, "surrogatepass"))
