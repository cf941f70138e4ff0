"""What is minimised: the terms that a conf gives weights to, from what a system makes of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from cyasr.losses.conf import LossConf
from cyasr.losses.contrastive import Quantised, contrast, diversity, found
from cyasr.losses.cross_entropy import IGNORE, cross_entropy
from cyasr.losses.ctc import ctc_loss, greedy_errors, infeasible
from cyasr.losses.distillation import Teacher, frame_distillation, token_distillation
from cyasr.losses.focal import focal
from cyasr.losses.transducer import Lattice, transducer_loss
from cyasr.losses.transducer import errors as transducer_errors
from cyasr.losses.transducer import infeasible as transducer_infeasible


@dataclass
class Frames:
    """log_probs: (N, T, V) natural log, float32, blank 0; lengths: (N,); tokens: (N, U), negative where padded."""

    log_probs: Tensor
    lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    teacher: Teacher | None = None


@dataclass
class Tokens:
    """logits: (N, U, V); targets: (N, U), IGNORE where padded. alpha: (V,) weight of each token in the focal loss."""

    logits: Tensor
    targets: Tensor
    teacher: Teacher | None = None
    alpha: Tensor | None = None


@dataclass
class Outputs:
    """What a system made of a batch of `count` utterances; None where no term asks for it."""

    count: int
    frames: Frames | None = None
    tokens: Tokens | None = None
    translation: Tokens | None = None
    text: Tokens | None = None
    quantised: Quantised | None = None
    lattice: Lattice | None = None


@dataclass
class Losses:
    """Sums over the batch's utterances: `total` is what is minimised; `parts` are for the log and for selection."""

    total: Tensor
    parts: dict[str, Tensor]
    count: int


def losses(conf: LossConf, outputs: Outputs, training: bool) -> Losses:
    """The weighted sum of the terms. Outside training, the token errors to select by: greedy search's, a CTC's or a
    transducer's, where it is learnt.

    `correct` of `tokens` are the decoder's guesses at the next token, or a contrastive model's at the masked frame.
    """
    parts: dict[str, Tensor] = {}
    weighted = []
    for name in conf.terms:
        term = TERMS[name](conf, outputs)
        weighted.append(getattr(conf, name) * term)
        parts[name] = term.detach()
    frames, tokens, quantised, lattice = outputs.frames, outputs.tokens, outputs.quantised, outputs.lattice
    if frames is not None:
        parts["infeasible"] = infeasible(frames.lengths, frames.tokens, frames.token_lengths)
        if not training:
            parts["errors"], parts["reference"], parts["written"] = greedy_errors(
                frames.log_probs, frames.lengths, frames.tokens, frames.token_lengths
            )
    if tokens is not None:
        counted = tokens.targets != IGNORE
        parts["tokens"] = counted.sum()
        parts["correct"] = ((tokens.logits.argmax(-1) == tokens.targets) & counted).sum()
        if not training and frames is None:
            parts["errors"], parts["reference"] = parts["tokens"] - parts["correct"], parts["tokens"]
    if quantised is not None and not training:
        parts["correct"], parts["tokens"] = found(quantised), torch.tensor(len(quantised.context))
    if lattice is not None:
        parts["infeasible"] = transducer_infeasible(lattice)
        if not training:
            parts["errors"], parts["reference"], parts["written"] = transducer_errors(lattice)
    return Losses(torch.stack(weighted).sum(), parts, outputs.count)


def _ctc(_: LossConf, made: Outputs) -> Tensor:
    frames = _given(made.frames)
    return ctc_loss(frames.log_probs, frames.lengths, frames.tokens, frames.token_lengths)


def _focal(conf: LossConf, made: Outputs) -> Tensor:
    tokens = _given(made.tokens)
    return focal(tokens.logits, tokens.targets, conf.focal_gamma, tokens.alpha)


def _frame_distillation(conf: LossConf, made: Outputs) -> Tensor:
    frames = _given(made.frames)
    return frame_distillation(frames.log_probs, frames.lengths, _given(frames.teacher), conf.temperature)


def _token_distillation(conf: LossConf, made: Outputs) -> Tensor:
    tokens = _given(made.tokens)
    return token_distillation(tokens.logits, tokens.targets, _given(tokens.teacher), conf.temperature)


def _contrastive(conf: LossConf, made: Outputs) -> Tensor:
    quantised = _given(made.quantised)
    return contrast(quantised, conf.contrast) + conf.diversity * diversity(quantised)


def _smoothed(tokens: Tokens | None, conf: LossConf) -> Tensor:
    return cross_entropy(_given(tokens).logits, _given(tokens).targets, conf.label_smoothing)


TERMS: dict[str, Callable[[LossConf, Outputs], Tensor]] = {
    "ctc": _ctc,
    "cross_entropy": lambda conf, made: _smoothed(made.tokens, conf),
    "focal": _focal,
    "frame_distillation": _frame_distillation,
    "token_distillation": _token_distillation,
    "translation": lambda conf, made: _smoothed(made.translation, conf),
    "text": lambda conf, made: _smoothed(made.text, conf),
    "contrastive": _contrastive,
    "transducer": lambda conf, made: transducer_loss(_given(made.lattice), conf.sigma),
}

T = TypeVar("T")


def _given(value: T | None) -> T:
    assert value is not None, "the system left out what its conf's loss needs"
    return value
