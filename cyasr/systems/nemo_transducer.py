"""Parakeet (NeMo's EncDecRNNTBPEModel): FastConformer encoder, LSTM prediction network, tokens with durations (TDT) or none.

NeMo's modules are driven here, not by its training_step: losses are sums over utterances as of every other family. The
loss is ours (cyasr.losses.transducer): NeMo's kernel is CUDA's, and its `tdt_pytorch` moves its tensors there as well. It
knows no languages: it writes what it hears.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lhotse.cut import Cut
from numpy.typing import NDArray
from torch import Tensor

from cyasr.adaptation.adapt import adapt, load_saved_state
from cyasr.cli import UsageError
from cyasr.data.audio import Augment, load, load_augmented, load_noisy
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.data.features import mask, pad
from cyasr.experiment import FilterbankConf
from cyasr.losses.conf import LATTICE, LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.extra import Extra, Extras, transcript
from cyasr.losses.objective import Losses, Outputs, losses
from cyasr.modules import nemo_extension, nemo_models, nemo_transducer
from cyasr.modules.nemo_audio import Features, encode, keep_frozen_statistics, pieces
from cyasr.modules.nemo_spelling import Speller, Unspellable, check_spelling, new_pieces
from cyasr.nbest import Hypothesis, Nbest, Word, distinct
from cyasr.search.conf import DecodeConf
from cyasr.search.interfaces import TokenLm

CLASS = "EncDecRNNTBPEModel"
TABLES = ("prediction.embed", "joint_net")  # parts with a row for each token
ANY = "any"  # the language of a tokenizer for all


@dataclass
class Conf(FilterbankConf):
    """`native:` reaches the model's configuration, dotted (encoder.dropout, decoder.prednet.dropout, …)."""

    GIVES: ClassVar[frozenset[str]] = frozenset({LATTICE})

    pretrained: str = ""  # a .nemo file, or a name on the Hugging Face hub
    revision: str | None = None  # of the hub's repository
    unspellable: Unspellable = "refuse"  # letters that the tokenizer lacks; fold: without marks; extend: as new tokens
    window_seconds: float = 240.0  # longer cuts are left out of training and decoded in pieces
    freeze_encoder: bool = False
    loss: LossConf = field(default_factory=lambda: LossConf(transducer=1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pretrained:
            raise ValueError("key 'pretrained' is missing: a .nemo file or a hub name, as nvidia/parakeet-tdt-0.6b-v3")
        if self.tokenizer != "pretrained":
            raise ValueError("tokenizer: NeMo's models keep their own; write `tokenizer: pretrained`")
        if self.window_seconds <= 0:
            raise ValueError("window_seconds: above 0")


@dataclass
class Batch:
    """features: (N, T, bins); tokens: (N, U), padded with IGNORE."""

    ids: list[str]
    features: Tensor
    lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    extra: Extra = field(default_factory=Extra)

    def to(self, device: torch.device | str) -> Batch:
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items() if name != "ids"}
        return Batch(self.ids, **moved)


@dataclass
class Collate:
    """Cuts into a Batch: in training augmented and masked by (seed, epoch, cut id), in evaluation as they are."""

    speller: Speller
    features: Features
    conf: Conf
    train: bool
    extras: Extras | None = None
    augment: Augment = field(init=False)

    def __post_init__(self) -> None:
        self.augment = Augment.of(self.conf, self.train)

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        features, lengths = pad([self._features(cut, epoch) for cut in cuts], 0.0)
        rows = [torch.tensor(self._ids(transcript(cut)), dtype=torch.long) for cut in cuts]
        tokens, token_lengths = pad(rows, IGNORE)
        extra = Extra() if self.extras is None else self.extras(cuts, epoch, lambda text, *_: self._ids(text))
        return Batch([cut.id for cut in cuts], features, lengths, tokens, token_lengths, extra)

    def _ids(self, text: str) -> list[int]:
        return self.speller.encode(self.speller.spell(text))

    def _features(self, cut: Cut, epoch: int) -> Tensor:
        if not self.train:
            return self.features(load(cut))
        random = self.augment.random(epoch, cut)
        features = self.features(load_augmented(cut, self.augment, random))
        conf = self.conf
        mask(features, random, conf.time_masks, conf.time_mask_share, conf.frequency_masks, conf.frequency_mask_bins)
        return features


class System(torch.nn.Module):
    """A Parakeet, `model`, under the names that NeMo gives its parts. new: those of them that are trained in any case."""

    padded_to = 0.0  # seconds: to no more than the longest of a batch

    def __init__(self, conf: Conf, model: Any, new: Sequence[str] = ()) -> None:
        super().__init__()
        self.conf = conf
        self.model = model
        self.speller = _speller(model)
        self.features = Features(model.preprocessor)
        if conf.freeze_encoder:
            model.encoder.requires_grad_(False)
        adapt(model, conf.adapt, new)
        self.vocabulary = nemo_models.vocabulary(model, model.tokenizer.vocab_size)
        self.extras: Extras | None = None  # what the loss learns from besides transcripts; set by training
        self._beam = 0  # that the model's own search is set up for

    def train(self, mode: bool = True) -> System:
        super().train(mode)
        keep_frozen_statistics(self)
        return self

    def save_assets(self, directory: Path) -> None:
        """What restoring needs besides the weights."""
        nemo_models.save_shell(self.model, directory / "pretrained")

    def export(self, directory: Path) -> None:
        """A .nemo file, which NeMo restores and a train conf takes as `pretrained`."""
        nemo_models.save(self.model, directory / "model.nemo")

    def collator(self, train: bool) -> Collate:
        return Collate(self.speller, self.features, self.conf, train, self.extras)

    def unusable(self, cut: Cut) -> str | None:
        """Why the model cannot learn from `cut`, or None."""
        if cut.duration > self.conf.window_seconds + 1e-3:
            return f"longer than window_seconds, {self.conf.window_seconds:g} s: {cut.duration:.1f} s"
        return None

    def forward(self, batch: Batch) -> Losses:
        """What the conf's loss is made of, summed over utterances."""
        return losses(self.conf.loss, self.outputs(batch, self.conf.loss.needs), self.training)

    def outputs(self, batch: Batch, needs: set[str]) -> Outputs:
        """The transcripts' lattices, and in evaluation what greedy search writes."""
        made = Outputs(len(batch.ids))
        if LATTICE in needs:
            encoded, frames = encode(self.model, batch.features, batch.lengths)
            made.lattice = nemo_transducer.lattice(self.model, encoded, frames, batch.tokens, batch.token_lengths)
            if not self.training:
                made.lattice.written = [path.tokens for path in nemo_transducer.greedy(self.model, encoded, frames)]
        return made

    @torch.inference_mode()
    def transcribe(self, cuts: list[Cut], conf: DecodeConf, lm: TokenLm | None) -> list[tuple[Nbest, None]]:
        """Each cut's n-best list, in the order of `cuts`; of one longer than a window, its best hypothesis only."""
        if lm is not None:
            raise UsageError("nemo_transducer takes no language model in its search; stage 7 ranks its n-best lists with one")
        if conf.ctc_weight and conf.search == "joint":
            raise UsageError("nemo_transducer has no CTC to search by: set ctc_weight: 0 in the decode conf")
        if conf.posteriors:
            raise UsageError("nemo_transducer has no CTC posteriors to keep: leave `posteriors` out of the decode conf")
        started = time.monotonic()
        audio = load_noisy(cuts, conf.noise_snr)
        bounds = [pieces(one, self.conf.window_seconds) for one in audio]
        parts = [(n, start, one[start:end]) for n, one in enumerate(audio) for start, end in bounds[n]]
        found: list[list[list[Hypothesis]]] = [[] for _ in cuts]
        for first in range(0, len(parts), conf.batch):
            some = parts[first : first + conf.batch]
            lists = self._search([part for _, _, part in some], [start / SAMPLE_RATE for _, start, _ in some], conf)
            for (n, _, _), hyps in zip(some, lists, strict=True):
                found[n].append(hyps)
        seconds = (time.monotonic() - started) / sum(cut.duration for cut in cuts)
        lists_made = []
        for cut, made in zip(cuts, found, strict=True):
            best = made[0] if len(made) == 1 else [_together([one[0] for one in made])]
            nbest = Nbest(
                cut.id, best, "nemo_transducer", {"transducer": 1.0}, round(seconds * cut.duration, 4), round(cut.duration, 3)
            )
            lists_made.append((nbest, None))
        return lists_made

    def _search(self, audio: list[NDArray[np.float32]], starts: list[float], conf: DecodeConf) -> list[list[Hypothesis]]:
        device = next(self.parameters()).device
        features, lengths = pad([self.features(one) for one in audio], 0.0)
        encoded, frames = encode(self.model, features.to(device), lengths.to(device))
        if conf.search == "greedy" or conf.beam == 1:
            paths = nemo_transducer.greedy(self.model, encoded, frames)
            return [[self._hypothesis(path.tokens, path.frames, path.total, at)] for path, at in zip(paths, starts, strict=True)]
        lists = nemo_transducer.beams(self.model, encoded, frames, conf.beam)
        made = [
            [self._hypothesis(one.tokens, one.frames, one.total, at) for one in some]
            for some, at in zip(lists, starts, strict=True)
        ]
        return [distinct(sorted(hyps, key=lambda one: -one.total))[: conf.nbest] for hyps in made]

    def _hypothesis(self, ids: list[int], frames: list[int], total: float, start: float) -> Hypothesis:
        """start: seconds of the piece in its recording. Words begin with their first token and end where the next begins."""
        tokens = [self.vocabulary[i] for i in ids]
        text = " ".join(str(self.model.tokenizer.ids_to_text(ids)).split()) if ids else ""
        words = _timed(text, tokens, frames, self._frame_seconds, start, math.exp(total / max(len(ids), 1)))
        return Hypothesis(text, tokens, {"transducer": total}, total, words)

    @property
    def _frame_seconds(self) -> float:
        """That a frame of the encoder lasts: 0.08."""
        return float(self.model.cfg.preprocessor.window_stride) * int(self.model.encoder.subsampling_factor)


def build(conf: Conf, data: Path) -> System:
    """A system on pretrained weights. Raises UsageError where they cannot be had, or cannot spell the texts of `data`."""
    model = nemo_models.load(conf.pretrained, conf.revision, conf.native, CLASS, conf.system)
    new: Sequence[str] = ()
    if conf.unspellable == "extend" and (added := new_pieces({ANY: _speller(model)}, data, ANY)):
        model, new = nemo_extension.extended(model, added, TABLES), TABLES
    system = System(conf, model, new)
    check_spelling({ANY: system.speller}, data, ANY, conf.unspellable)
    return system


def restore(conf: Conf, directory: Path) -> System:
    """The system that training left in `directory`, in evaluation mode, on a GPU where there is one."""
    model, new = nemo_extension.restored(conf, directory / "pretrained", CLASS, TABLES)
    system = System(conf, model, new)
    load_saved_state(system, torch.load(directory / "model.pt", map_location="cpu", weights_only=True), conf.adapt)
    return system.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _speller(model: Any) -> Speller:
    tokenizer = model.tokenizer
    unknown = frozenset(i for i in range(tokenizer.vocab_size) if tokenizer.ids_to_tokens([i])[0] == "<unk>")
    return Speller(tokenizer.text_to_ids, tokenizer.ids_to_text, unknown)


def _timed(text: str, tokens: list[str], frames: list[int], seconds: float, start: float, confidence: float) -> list[Word] | None:
    """The words of `text` by the frames of their tokens; None where pieces do not say where words begin."""
    firsts = [n for n, token in enumerate(tokens) if token.startswith("▁") or n == 0]
    firsts = [n for n, after in zip(firsts, [*firsts[1:], len(tokens)], strict=True) if "".join(tokens[n:after]).strip("▁")]
    words = text.split()
    if len(firsts) != len(words) or len(frames) != len(tokens):
        return None
    lasts = [after - 1 for after in [*firsts[1:], len(tokens)]]
    return [
        Word(
            word, round(start + frames[first] * seconds, 2), round(start + (frames[last] + 1) * seconds, 2), round(confidence, 4)
        )
        for word, first, last in zip(words, firsts, lasts, strict=True)
    ]


def _together(hyps: list[Hypothesis]) -> Hypothesis:
    """The pieces of a long recording as one."""
    total = sum(hyp.total for hyp in hyps)
    words = [word for hyp in hyps for word in hyp.words or ()]
    text = " ".join(hyp.text for hyp in hyps if hyp.text)
    tokens = [token for hyp in hyps for token in hyp.tokens]
    return Hypothesis(text, tokens, {"transducer": total}, total, words or None)
