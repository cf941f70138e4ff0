"""The key `loss:` of a train conf: weights of the terms that are minimised together, and what each needs of a system."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

FRAMES = "frame log-probabilities"
TOKENS = "token logits"
TASKS = "a decoder that is told its task"
TEXT = "a decoder that runs without audio"
QUANTISED = "quantised targets"
LATTICE = "a transducer's lattice"

NEEDS = {
    "ctc": FRAMES,
    "cross_entropy": TOKENS,
    "focal": TOKENS,
    "frame_distillation": FRAMES,
    "token_distillation": TOKENS,
    "translation": TASKS,
    "text": TEXT,
    "contrastive": QUANTISED,
    "transducer": LATTICE,
}
DISTILLATIONS = ("frame_distillation", "token_distillation")
OPTIONS = {  # setting -> the terms it is a setting of
    "label_smoothing": ("cross_entropy", "translation", "text"),
    "focal_gamma": ("focal",),
    "focal_alpha": ("focal",),
    "teacher": DISTILLATIONS,
    "temperature": DISTILLATIONS,
    "top": DISTILLATIONS,
    "translate_to": ("translation",),
    "text_files": ("text",),
    "licences": ("text",),
    "max_leaks": ("text",),
    "diversity": ("contrastive",),
    "negatives": ("contrastive",),
    "contrast": ("contrastive",),
    "gumbel": ("contrastive",),
    "sigma": ("transducer",),
}


@dataclass
class LossConf:
    """What is minimised: the terms' sums over the batch's utterances, each times its weight. 0: the term is not used."""

    ctc: float = 0.0
    cross_entropy: float = 0.0  # of the transcript's tokens
    focal: float = 0.0  # the same, easy tokens counting less
    frame_distillation: float = 0.0  # towards a teacher's CTC posteriors; Hinton's alpha, where the others are 1 - alpha
    token_distillation: float = 0.0  # towards its decoder's posteriors
    translation: float = 0.0  # cross-entropy of the same audio's translation, where a cut has one
    text: float = 0.0  # cross-entropy of text that the decoder sees without audio
    contrastive: float = 0.0  # wav2vec 2.0's pretraining; needs no transcript
    transducer: float = 0.0  # the transcript's likelihood over a transducer's alignments
    # settings
    label_smoothing: float = 0.0
    focal_gamma: float = 2.0
    focal_alpha: dict[str, float] = field(default_factory=dict)  # text -> weight of its tokens; all others 1
    teacher: str | None = None  # directory of a finished experiment
    temperature: float = 2.0
    top: int = 64  # of the teacher's probabilities, how many are kept at each place; the rest is one number
    translate_to: str = "en"  # language of the translations; several ("en el"): the first that a cut has one into
    text_files: list[str] = field(default_factory=list)  # one sentence a line, .gz or plain; none: the transcripts
    licences: dict[str, str] = field(default_factory=dict)  # path in `text_files` -> its licence
    max_leaks: float = 0.01  # share of those lines that may be dev or test sentences (dropped) before training stops
    diversity: float = 0.1  # weight of the codebooks' diversity beside the contrast
    negatives: int = 100  # distractors of each masked frame
    contrast: float = 0.1  # temperature of the cosine similarities
    gumbel: float = 0.5  # temperature of the quantiser's choice
    sigma: float = 0.0  # taken off each log-probability in training, so that tokens take more frames

    def __post_init__(self) -> None:
        for name in NEEDS:
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: a weight from 0, not {getattr(self, name)}")
        for setting, terms in OPTIONS.items():
            if getattr(self, setting) != DEFAULTS[setting] and not any(getattr(self, term) for term in terms):
                raise ValueError(f"{setting}: is a setting of {' and '.join(terms)}, which have no weight here")
        if not 0 <= self.label_smoothing < 1 or not 0 <= self.max_leaks <= 1:
            raise ValueError("label_smoothing: from 0 to below 1; max_leaks: a share from 0 to 1")
        if self.focal_gamma < 0 or any(weight < 0 for weight in self.focal_alpha.values()):
            raise ValueError("focal_gamma and the weights of focal_alpha: from 0")
        if min(self.temperature, self.contrast, self.gumbel) <= 0 or min(self.top, self.negatives) < 1 or self.diversity < 0:
            raise ValueError("temperature, contrast and gumbel: above 0; top and negatives: from 1; diversity: from 0")
        if any(getattr(self, term) for term in DISTILLATIONS) and self.teacher is None:
            raise ValueError("teacher: is missing, the directory of a finished experiment to distil from")
        unlicensed = [path for path in self.text_files if path not in self.licences]
        if unlicensed:
            raise ValueError(f"licences: say under which licence {', '.join(unlicensed)} may be used")

    @property
    def terms(self) -> list[str]:
        """Those with a weight."""
        return [name for name in NEEDS if getattr(self, name)]

    @property
    def needs(self) -> set[str]:
        return {NEEDS[name] for name in self.terms}

    @property
    def extras(self) -> bool:
        """Is something learnt from besides transcripts and masks (cyasr.losses.extra)?"""
        return bool({"translation", "text", *DISTILLATIONS} & set(self.terms))

    def check(self, system: str, gives: Collection[str]) -> None:
        """Raises ValueError where there is nothing to minimise or `system`, which gives `gives`, cannot meet a need."""
        if not self.terms:
            raise ValueError(f"loss: no term has a weight; there are {', '.join(able(gives))}")
        for name in self.terms:
            if NEEDS[name] not in gives:
                terms = ", ".join(able(gives))
                raise ValueError(f"loss: {name} needs {NEEDS[name]}, which {system} does not give; it can have {terms}")

    def inputs(self) -> list[Path]:
        """Files that the result depends on."""
        teacher = [] if self.teacher is None else [Path(self.teacher) / "model.pt", Path(self.teacher) / "conf.yaml"]
        return [*teacher, *map(Path, self.text_files)]


def able(gives: Collection[str]) -> list[str]:
    """The terms that a system which gives `gives` can have."""
    return [name for name, need in NEEDS.items() if need in gives]


DEFAULTS: dict[str, Any] = {
    one.name: one.default if one.default_factory is MISSING else one.default_factory() for one in fields(LossConf)
}
