"""LibriSpeech (English audiobooks), and mini LibriSpeech, whose layout is the same.

    LibriSpeech/SPEAKERS.TXT, LibriSpeech/<part>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt and …-0000.flac

A part is in the split that its name begins with, train-other-500 in train, test-clean in test; clean and other are
domains, so that scores come apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import UsageError, run
from cyasr.data.corpus import SPLITS, DataConf, Reject, Utterance, main
from cyasr.data.folders import Names, inside, shown, unlisted
from cyasr.data.tables import read_lines

GET = "LibriSpeech (CC BY 4.0): get the parts' archives from openslr.org/12 and give the folder with them, or LibriSpeech/"

GENDERS = {"F": "female", "M": "male"}


@dataclass
class Options:
    """conf.options. parts: train-clean-100, dev-clean, …: what to take."""

    parts: list[str]

    def __post_init__(self) -> None:
        if wrong := [part for part in self.parts if part.partition("-")[0] not in SPLITS or part.count("-") < 1]:
            raise ValueError(f"parts: {wrong[0]!r} is none of train-…, dev-…, test-…")
        if not self.parts:
            raise ValueError("parts: needs some, e.g. [train-clean-100, dev-clean, test-clean]")


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance | Reject]:
    options = confs.build(conf.options, Options, Path("options"))
    folders = {part: find_part(corpus_dir, part, raw) for part in options.parts}
    for part, folder in folders.items():
        split, domain = part.split("-")[:2]
        genders = read_genders(folder.parent / "SPEAKERS.TXT")
        for chapter in sorted(path for path in folder.glob("*/*") if path.is_dir()):
            named = Names()
            for transcript in sorted(chapter.glob("*.trans.txt")):
                for line in read_lines(transcript):
                    if isinstance(line, Reject):
                        yield line
                        continue
                    where, content = line
                    name, _, text = content.strip().partition(" ")
                    audio = inside(chapter, f"{name}.flac")
                    if audio is None:
                        yield Reject("", where, f"no file's name: {name!r}")
                        continue
                    named.add(audio.name)
                    speaker = name.partition("-")[0]
                    yield Utterance(
                        name, audio, text, speaker, where, split=split, domain=domain, gender=genders.get(speaker) or None
                    )
            yield from unlisted(chapter, named)


def find_part(corpus_dir: Path, part: str, raw: Path) -> Path:
    """The folder of a part, unpacked from its archive where that is how it lies. Raises UsageError."""
    from cyasr.data.archives import unpack

    for place in (corpus_dir, corpus_dir / "LibriSpeech", *sorted(corpus_dir.glob("*/LibriSpeech"))):
        if (place / part).is_dir():
            return place / part
    archive = corpus_dir / f"{part}.tar.gz"
    if not archive.is_file():
        raise UsageError(f"{shown(corpus_dir)}: there is no {part}, nor {part}.tar.gz; get it, or take it off `parts`. {GET}")
    return unpack(archive, raw / "parts" / part) / "LibriSpeech" / part


def read_genders(path: Path) -> dict[str, str]:
    """speaker -> gender, of lines such as `14   | F | train-clean-360  | 25.03 | Name`."""
    genders = {}
    for line in read_lines(path) if path.is_file() else ():
        if isinstance(line, tuple) and not line[1].startswith(";"):
            speaker, _, rest = line[1].partition("|")
            genders[speaker.strip()] = GENDERS.get(rest.partition("|")[0].strip(), "")
    return genders


if __name__ == "__main__":
    run(lambda: main(prepare, get=GET))
