"""What a data set is: conf/data_<name>.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

SPLITS = ("train", "dev", "test")
RAW_KEYS = (  # what stage 1 depends on
    *("corpus", "format", "release", "licence", "label", "language", "dialect"),
    *("split", "seed", "max_reject_rate", "expected", "options"),
)


@dataclass
class Card:
    """What one should know of a corpus before using it; shown in reports and model cards, changes nothing.

    layout: `seen` where the adapter was written against the publisher's own files, `documented` where only against a
    description of them.
    """

    title: str
    source: str  # where it is had
    hours: str  # as published, with its kind: "10.37 (10.32 validated)"
    layout: Literal["seen", "documented"]
    cite: str = ""
    traps: list[str] = field(default_factory=list)


@dataclass
class SegmentConf:
    """How stage 2 cuts recordings that are longer than an utterance may be (cyasr/segment/)."""

    aligner: str | None = None  # exp/<set>/<system> with a CTC head, for speech with text; speech without is cut by VAD
    max_seconds: float = 30.0  # longest segment
    min_confidence: float = 0.2  # mean probability of the aligned tokens (geometric); below it a train segment is dropped
    vad_threshold: float = 0.5  # of Silero's speech probability
    min_silence: float = 0.3  # seconds; shorter pauses do not end a segment of speech without text
    pad: float = 0.1  # seconds kept around speech, where there is room

    def __post_init__(self) -> None:
        if self.max_seconds <= 0 or not 0 <= self.min_confidence <= 1 or not 0 < self.vad_threshold < 1:
            raise ValueError("segment: max_seconds above 0; min_confidence and vad_threshold are probabilities")
        if self.min_silence < 0 or self.pad < 0:
            raise ValueError("segment: min_silence and pad are seconds, 0 or more")


@dataclass
class DataConf:
    """The keys in RAW_KEYS decide stage 1, all of them but `card` stage 2."""

    corpus: str = ""  # which local/data_<corpus>.py reads it; with `format`, only a name
    licence: str = ""  # SPDX where there is one; travels with every cut
    language: str = ""  # BCP 47
    format: str | None = None  # a known layout instead of an adapter: cyasr/data/formats/<format>.py
    label: Literal["gold", "silver", "synthetic", "none"] = "gold"  # none: audio without transcripts
    dialect: str = "standard"  # where the adapter does not say: cypriot, standard, english, …
    release: str = ""  # the corpus's version, as its publisher writes it
    # official: as published; given: set by our own adapter; files: the same, by file, so that speakers are shared;
    # speakers: drawn here; folds: leave speakers out; train: all of it
    split: Literal["official", "given", "files", "speakers", "folds", "train"] = "official"
    seed: int = 0  # of the split, and of an adapter that draws
    dev_share: float = 0.1  # split: speakers; of the hours
    test_share: float = 0.1
    folds: int | None = None  # split: folds; None: one a speaker
    # split: folds; speakers: the next fold's speakers; pools: the adapter's own train/dev/test pools of every speaker
    dev_from: Literal["speakers", "pools"] = "speakers"
    min_seconds: float = 0.1  # shorter and longer utterances are rejected
    max_seconds: float = 30.0
    max_chars_per_second: float = 40.0  # of normalised text; more cannot have been said
    profile: Literal["t0", "t1"] = "t1"  # cyasr/text/normalize.py
    max_reject_rate: float = 0.05  # above this share of rejects, stages 1 and 2 fail
    expected: list[str] = field(default_factory=list)  # kinds of reject, as in report.json, not counted in that
    decode: int | None = None  # audio files that stage 2 decodes, drawn by name; None: all. Of others sizes are compared
    segment: SegmentConf | None = None  # cut long recordings; None: what is longer than max_seconds is rejected
    # a part of the corpus: fields that an utterance has to have, {domain: commands}; all others are left out, as expected
    only: dict[str, str] = field(default_factory=dict)
    raw_from: str | None = None  # take stage 1 of conf/data_<raw_from>.yaml instead of an own one
    mixture: dict[str, float] = field(default_factory=dict)  # data sets and weights instead of a corpus of its own
    temperature: float = 1.0  # mixture: hours ** (1 / temperature) times the weight is a set's share; high: all alike
    options: dict[str, Any] = field(default_factory=dict)  # the adapter's own keys; unknown ones are its to refuse
    card: Card | None = None

    def __post_init__(self) -> None:
        missing = [key for key in ("corpus", "licence", "language") if not getattr(self, key)]
        if missing and not self.mixture:
            raise ValueError(f"key {missing[0]!r} is missing")
        if self.mixture and (self.corpus or self.raw_from or self.format):
            raise ValueError("mixture: stands alone, without corpus, format or raw_from")
        if any(weight <= 0 for weight in self.mixture.values()) or self.temperature <= 0:
            raise ValueError("mixture: weights and temperature must be above 0")
        if self.label == "none" and self.split != "train":
            raise ValueError("label: none needs split: train; nothing can be scored without transcripts")
        if self.dev_share <= 0 or self.test_share <= 0 or self.dev_share + self.test_share >= 1:
            raise ValueError("dev_share and test_share must be above 0 and leave something to train on")
        if not 0 <= self.min_seconds < self.max_seconds:
            raise ValueError("min_seconds must lie between 0 and max_seconds")
        if not 0 <= self.max_reject_rate <= 1:
            raise ValueError("max_reject_rate is a share between 0 and 1")
        if self.folds is not None and self.folds < 2:
            raise ValueError("folds must be 2 or more (or left out: one a speaker)")
        if self.decode is not None and self.decode < 1:
            raise ValueError("decode must be 1 or more (or left out: all)")
