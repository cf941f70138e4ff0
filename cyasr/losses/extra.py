"""What terms learn from besides a cut's own transcript: its translation, text without audio, a teacher's distributions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lhotse import CutSet
from lhotse.cut import Cut
from torch import Tensor

from cyasr.cli import UsageError
from cyasr.data.audio import Augment
from cyasr.data.features import pad
from cyasr.losses import teacher, text
from cyasr.losses.conf import LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.distillation import Teacher
from cyasr.losses.teacher import Cache, Places

TEXT_LABELS = 400  # tokens of a drawn sentence; what is longer ends there
TEXT_SEED = 1  # added to the experiment's, so that sentences do not go with augmentations

# (text, the cut that it belongs to, the language that it was translated into; None: not translated) -> start, tokens, end
Labels = Callable[[str, Cut, str | None], list[int]]


@dataclass
class Extra:
    """For N cuts; None where no term asks. translation, text: (N, U) labels, start first, padded with IGNORE."""

    translation: Tensor | None = None
    text: Tensor | None = None
    frames: Teacher | None = None
    tokens: Teacher | None = None

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Extra:
        moved = {name: value.to(device, non_blocking=non_blocking) for name, value in vars(self).items() if value is not None}
        return Extra(**moved)


def prepare(conf: LossConf, data: Path, directory: Path) -> None:
    """Make, before training, what `Extras` reads. directory: the experiment's."""
    teacher.ask(conf, data)
    if conf.text_files:
        text.gather(conf, data, directory)
    if conf.translation:
        train = data / "train.jsonl.gz"
        if not any(translated(cut, conf.translate_to) for cut in CutSet.from_file(train)):
            raise UsageError(f"loss: translation: no cut of {train} has one into {conf.translate_to!r} (supervision.custom)")


class Extras:
    """Gives a collator what its cuts have besides transcripts, the same whichever process or worker asks.

    vocabulary: the system's tokens. Raises UsageError where the teacher's are others.
    """

    def __init__(self, conf: LossConf, seed: int, data: Path, directory: Path, vocabulary: list[str]) -> None:
        self.conf = conf
        self.random = Augment(seed + TEXT_SEED).random
        self.lines = text.Lines(directory / "text.txt") if conf.text_files else None
        self.caches = {
            kind: [Cache(teacher.cache(conf, data, split, kind), vocabulary) for split in teacher.SPLITS]
            for kind in teacher.kinds(conf)
        }

    def __call__(self, cuts: list[Cut], epoch: int, labels: Labels) -> Extra:
        extra = Extra()
        if self.conf.translation:
            found = [translation(cut, self.conf.translate_to) for cut in cuts]
            made = [labels(text, cut, to) if text else [] for cut, (text, to) in zip(cuts, found, strict=True)]
            extra.translation = _padded(made)
        if self.conf.text:
            extra.text = _padded([labels(self._sentence(cut, epoch), cut, None)[:TEXT_LABELS] for cut in cuts])
        if "frames" in self.caches:
            extra.frames = together([self._places("frames", cut) for cut in cuts])
        if "tokens" in self.caches:
            places = [self._places("tokens", cut) for cut in cuts]
            for cut, one in zip(cuts, places, strict=True):
                if one is not None and one.targets.tolist() != labels(transcript(cut), cut, None)[1:]:
                    raise UsageError(f"loss: teacher: it cuts the text of {cut.id} into other tokens than the student")
            extra.tokens = together(places)
        return extra

    def _sentence(self, cut: Cut, epoch: int) -> str:
        return transcript(cut) if self.lines is None else self.lines.draw(self.random(epoch, cut))

    def _places(self, kind: teacher.Kind, cut: Cut) -> Places | None:
        return next((found for cache in self.caches[kind] if (found := cache.get(cut.id)) is not None), None)


def transcript(cut: Cut) -> str:
    return " ".join(supervision.text or "" for supervision in cut.supervisions)


def translated(cut: Cut, languages: str) -> str:
    """The cut's translation; empty where a part of it has none."""
    return translation(cut, languages)[0]


def translation(cut: Cut, languages: str) -> tuple[str, str]:
    """The cut's translation and its language, the first of `languages` that all of its parts have one into; else empty."""
    for language in languages.split():
        parts = [((one.custom or {}).get("translation") or {}).get(language, "") for one in cut.supervisions]
        if parts and all(parts):
            return " ".join(parts), language
    return "", ""


def together(places: list[Places | None]) -> Teacher:
    """Several cuts' places, padded: (N, L, K)."""
    width = next((one.ids.shape[1] for one in places if one is not None), 1)
    none = Places(
        np.zeros((0, width), np.int64), np.zeros((0, width), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
    )
    kept = [none if one is None else one for one in places]
    ids, lengths = pad([torch.from_numpy(one.ids) for one in kept], -1)
    log_probs, _ = pad([torch.from_numpy(one.log_probs) for one in kept], 0.0)
    rest, _ = pad([torch.from_numpy(one.rest) for one in kept], 0.0)
    return Teacher(ids, log_probs, rest, lengths)


def _padded(labels: list[list[int]]) -> Tensor:
    """(N, U), at least two wide, so that inputs and targets can be shifted against each other."""
    return pad([torch.tensor(one or [IGNORE, IGNORE]) for one in labels], IGNORE)[0]
