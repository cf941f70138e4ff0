"""Text for a decoder that runs without audio: sentences drawn from files, dev and test sentences left out."""

from __future__ import annotations

import mmap
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np

from cyasr import conf as confs
from cyasr.files import replacing, write_json
from cyasr.lm.leaks import LeakGate
from cyasr.lm.text import LmText, Source, sentences
from cyasr.losses.conf import LossConf
from cyasr.stage import Stage


def gather(conf: LossConf, data: Path, directory: Path) -> None:
    """Write the files' lines, normalised, to text.txt in `directory`; those that give away a dev or test sentence to leaks.tsv.

    Raises UsageError where a file cannot be read and RunError where more than `max_leaks` are leaks.
    """
    manifests = [data / "dev.jsonl.gz", data / "test.jsonl.gz"]
    inputs = [*manifests, data / "conf.yaml", *map(Path, conf.text_files)]
    stage = Stage(directory / ".text.stamp.json", inputs, asdict(conf))
    if stage.fresh(quiet=True):
        return
    sources = [Source(Path(path), [conf.licences[path]]) for path in conf.text_files]
    profile = str(confs.read(data / "conf.yaml").get("profile", "t1"))
    text = LmText(sources, LeakGate(sentences(manifests)), profile, conf.max_leaks)
    with (
        replacing(directory / "text.txt") as kept,
        replacing(directory / "leaks.tsv") as dropped,
        open(kept, "w", encoding="utf-8") as out,
        open(dropped, "w", encoding="utf-8") as listing,
    ):
        out.writelines(f"{line}\n" for line in text.lines(listing))
    write_json(directory / "text.json", text.report())
    stage.done([directory / name for name in ("text.txt", "leaks.tsv", "text.json")])


class Lines:
    """The lines of a file, drawn at random: the longer, the likelier, so that every letter is seen as often. Not read, mapped."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def draw(self, random: np.random.Generator) -> str:
        place = int(random.integers(len(self._bytes)))
        start = self._bytes.rfind(b"\n", 0, place) + 1
        return self._bytes[start : self._bytes.find(b"\n", place)].decode("utf-8")

    @cached_property
    def _bytes(self) -> mmap.mmap:
        with open(self.path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
