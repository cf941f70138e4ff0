"""Stage 1 of the embedded corpus: synthetic Cypriot Greek, Standard Greek and English, made here from a seed.

It shows that the pipeline works and says nothing about real speech: one formant synthesiser, a grammar of a few rules.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from cyasr import conf as confs
from cyasr.cli import run
from cyasr.data.corpus import DataConf, Utterance, main
from cyasr.process import cores
from local.mini.grammar import Sentence
from local.mini.lexicon import DIALECTS
from local.mini.speakers import SPEAKERS, Speaker

HERE = Path("local", "mini")
INPUTS = [*sorted(HERE.glob("*.py")), HERE / "lexicon.tsv", Path("cyasr", "text", "g2p.py")]


@dataclass
class Options:
    """What stands under `options:` in conf/data_mini.yaml."""

    sentences: dict[str, int] = field(default_factory=dict)  # dialect: how many
    commands: dict[str, int] = field(default_factory=dict)  # dialect: how many, besides
    speakers: dict[str, int] = field(default_factory=lambda: {"train": 8, "dev": 2, "test": 2})
    takes: int = 1  # train speakers that say each train sentence

    def __post_init__(self) -> None:
        for key, counts, known in (
            ("sentences", self.sentences, DIALECTS),
            ("commands", self.commands, DIALECTS),
            ("speakers", self.speakers, tuple(SPEAKERS)),
        ):
            for name in counts:
                if name not in known:
                    raise ValueError(f"{key}: {name!r} is none of {', '.join(known)}{confs.nearest(name, known)}")
        for split, speakers in SPEAKERS.items():
            if not 1 <= self.speakers.get(split, 0) <= len(speakers):
                raise ValueError(f"speakers: {split} has 1 to {len(speakers)}")
        if not 1 <= self.takes <= self.speakers["train"]:
            raise ValueError("takes: from 1 to the number of train speakers")


@dataclass(frozen=True)
class Take:
    """One recording to be made."""

    id: str
    path: Path
    split: str
    speaker: Speaker
    sentence: Sentence
    seed: int


def plan(raw: Path, conf: DataConf) -> list[Take]:
    """Every recording: sentences are dealt out to the speakers of their split in turn."""
    from local.mini.sentences import draw, split

    options = confs.build(conf.options, Options, Path("options"))
    takes: list[Take] = []
    for name, sentences in split(draw(options.sentences, options.commands, conf.seed), conf.seed).items():
        speakers = SPEAKERS[name][: options.speakers[name]]
        for number, sentence in enumerate(sentences):
            for turn in range(options.takes if name == "train" else 1):
                speaker = speakers[(number + turn) % len(speakers)]
                utterance = f"{speaker.id}_{name}_{number:04d}"
                path = raw / "audio" / speaker.id / f"{utterance}.wav"
                takes.append(Take(utterance, path, name, speaker, sentence, conf.seed))
    return takes


def record(take: Take) -> Take:
    from local.mini import synthesis

    synthesis.record(take.path, take.sentence, take.speaker, take.seed)
    return take


def prepare(corpus_dir: Path, raw: Path, conf: DataConf) -> Iterator[Utterance]:
    """Speak every sentence, as many at a time as there are cores."""
    shutil.rmtree(raw / "audio", ignore_errors=True)
    takes = plan(raw, conf)
    with get_context("spawn").Pool(min(cores(), 8)) as pool:
        for take in pool.imap(record, takes, chunksize=16):
            yield Utterance(
                id=take.id,
                audio=take.path,
                text=take.sentence.text,
                speaker=take.speaker.id,
                split=take.split,
                dialect=take.sentence.dialect,
                language="en" if take.sentence.dialect == "english" else "el",
                domain=take.sentence.domain,
            )


if __name__ == "__main__":
    run(lambda: main(prepare, inputs=INPUTS))
