"""Self-supervised encoders with a CTC head, from transformers: wav2vec 2.0 (XLS-R, XLSR-53, MMS), HuBERT, w2v-BERT 2.0.

The vocabulary is our tokenizer's, learnt from train text. Where the pretrained model has a CTC head of its own, the
rows of the characters that both know are kept. Masks over time are drawn by (seed, epoch, cut id), as all augmentation is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lhotse.cut import Cut
from numpy.typing import NDArray
from torch import Tensor

from cyasr.adaptation.adapt import adapt, load_saved_state
from cyasr.cli import UsageError
from cyasr.conf import run_key
from cyasr.data.audio import Augment, load, load_augmented, load_noisy
from cyasr.data.audiofile import SAMPLE_RATE
from cyasr.data.features import pad
from cyasr.experiment import TrainConf
from cyasr.lineage import ancestor, inherit
from cyasr.losses.conf import FRAMES, QUANTISED, LossConf
from cyasr.losses.contrastive import NONE, Quantised, draw_distractors
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.extra import Extra, Extras, transcript
from cyasr.losses.objective import Frames, Losses, Outputs, losses
from cyasr.modules import hf_ctc as models
from cyasr.modules.export import export_ctc
from cyasr.nbest import Hypothesis, Nbest
from cyasr.search.conf import DecodeConf
from cyasr.search.ctc import greedy
from cyasr.search.interfaces import SearchHypothesis, TokenLm
from cyasr.search.joint import joint_search
from cyasr.text.tokenizer import BLANK, NO_TOKENIZER, SOS_EOS, UNK, Tokenizer, tokenizer_dir


@dataclass
class Conf(TrainConf):
    """`native:` reaches the model's configuration untouched (dropouts, layerdrop, …)."""

    GIVES: ClassVar[frozenset[str]] = frozenset({FRAMES, QUANTISED})

    pretrained: str = ""  # a directory, or a name on the Hugging Face hub; conf/architectures/….json: random weights
    revision: str | None = None  # of the hub's repository
    language_adapter: str | None = None  # MMS: which adapter to start from, `ell`
    freeze_features: bool = True  # the convolutions over the waveform stay as they are
    mask_share: float = 0.05  # of the frames, masked in stretches while training
    mask_frames: int = 10  # length of a stretch
    loss: LossConf = field(default_factory=lambda: LossConf(ctc=1.0))
    checkpoint_activations: bool = run_key(False)  # compute each layer twice instead of keeping what it made

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pretrained:
            raise ValueError("key 'pretrained' is missing: a directory or a hub name, as facebook/wav2vec2-xls-r-300m")
        if self.pretrained.endswith(".json") and self.adapt.kind != "full" and self.init_from is None:
            raise ValueError(f"adapt: kind: {self.adapt.kind} needs weights to adapt, which {self.pretrained} has none of")
        if not 0 <= self.mask_share < 1 or self.mask_frames < 1:
            raise ValueError("mask_share: from 0 to below 1; mask_frames: from 1")


@dataclass
class Batch:
    """inputs: (N, T) waveforms or (N, T, F) features; masked: (N, T') frames to mask; tokens: (N, U), padded with IGNORE.

    distractors: (N, L, K) for the masked frames, where the loss is contrastive.
    """

    ids: list[str]
    inputs: Tensor
    input_lengths: Tensor
    masked: Tensor
    tokens: Tensor
    token_lengths: Tensor
    distractors: Tensor
    extra: Extra = field(default_factory=Extra)

    def to(self, device: torch.device | str) -> Batch:
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items() if name != "ids"}
        return Batch(self.ids, **moved)


@dataclass(frozen=True)
class Inputs:
    """How a model family takes audio."""

    normalize: bool  # waveforms to zero mean and unit variance
    kernels: tuple[int, ...]  # of the convolutions over the waveform; empty: log-mel features
    strides: tuple[int, ...]

    def frames(self, samples: int) -> int:
        """Frames that the encoder sees of so many samples (or feature frames)."""
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            samples = (samples - kernel) // stride + 1
        return samples

    @property
    def least(self) -> int:
        """Samples that the first frame takes: 25 ms, or two windows of log-mel features."""
        samples = 1 if self.kernels else 560
        for kernel, stride in zip(reversed(self.kernels), reversed(self.strides), strict=True):
            samples = (samples - 1) * stride + kernel
        return samples


@dataclass
class Collate:
    """Cuts into a Batch: in training augmented and masked by (seed, epoch, cut id), in evaluation as they are."""

    tokenizer: Tokenizer
    conf: Conf
    inputs: Inputs
    train: bool
    extras: Extras | None = None
    augment: Augment = field(init=False)

    def __post_init__(self) -> None:
        self.augment = Augment.of(self.conf, self.train)

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        rows = [self._input(cut, epoch) for cut in cuts]
        inputs, lengths = pad([one for one, _, _ in rows], 0.0)
        masked, _ = pad([mask for _, mask, _ in rows], 0)
        distractors, _ = pad([drawn for _, _, drawn in rows], NONE)
        texts = [transcript(cut) if FRAMES in self.conf.loss.needs else "" for cut in cuts]
        tokens, token_lengths = pad([torch.tensor(self.tokenizer.encode(text), dtype=torch.long) for text in texts], IGNORE)
        extra = Extra() if self.extras is None else self.extras(cuts, epoch, lambda text, *_: self.tokenizer.encode(text))
        return Batch([cut.id for cut in cuts], inputs, lengths, masked, tokens, token_lengths, distractors, extra)

    def _input(self, cut: Cut, epoch: int) -> tuple[Tensor, Tensor, Tensor]:
        """The cut as the model takes it, which of its frames are masked and what these are told apart from."""
        loss = self.conf.loss
        random = self.augment.random(epoch if self.train else 0, cut)
        one = prepare(load_augmented(cut, self.augment, random) if self.train else load(cut), self.inputs)
        frames = self.inputs.frames(len(one))
        masked = self._mask(frames, random) if self.train or loss.contrastive else np.zeros(frames, dtype=np.bool_)
        distractors = draw_distractors(int(masked.sum()), loss.negatives, random) if loss.contrastive else np.zeros((0, 0))
        return one, torch.from_numpy(masked), torch.from_numpy(distractors)

    def _mask(self, frames: int, random: np.random.Generator) -> NDArray[np.bool_]:
        """Stretches of mask_frames that start anywhere, as many as cover mask_share if none overlapped."""
        length = min(self.conf.mask_frames, frames)
        stretches = int(self.conf.mask_share * frames / max(length, 1) + random.random())
        starts = random.integers(0, frames - length + 1, size=stretches)
        masked = np.zeros(frames, dtype=np.bool_)
        for start in starts:
            masked[start : start + length] = True
        return masked


def prepare(audio: NDArray[np.float32], inputs: Inputs) -> Tensor:
    """audio: (samples,) at 16 kHz. Returns (samples,), or (frames, 160) for the w2v-BERT family; one frame at least."""
    audio = np.pad(audio, (0, max(0, inputs.least - len(audio))))
    if not inputs.kernels:
        return _stacked_filterbank(audio)
    if inputs.normalize:
        audio = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    return torch.from_numpy(audio.astype(np.float32, copy=False))


def _stacked_filterbank(audio: NDArray[np.float32]) -> Tensor:
    features = _filterbank()(audio, sampling_rate=SAMPLE_RATE, return_tensors="pt", padding=False)
    return torch.as_tensor(np.asarray(features["input_features"][0]), dtype=torch.float32)


@cache
def _filterbank() -> Any:
    from transformers import SeamlessM4TFeatureExtractor

    extractor: Any = SeamlessM4TFeatureExtractor
    return extractor()


class System(torch.nn.Module):
    """A pretrained encoder, `model`, under the names that transformers gives its parts."""

    padded_to = 0.0  # seconds: to no more than the longest of a batch

    def __init__(self, conf: Conf, tokenizer: Tokenizer, model: Any) -> None:
        super().__init__()
        self.conf = conf
        self.tokenizer = tokenizer
        self.model = model
        config = model.config
        kernels = tuple(getattr(config, "conv_kernel", ()) or ())
        self.inputs = Inputs(True, kernels, tuple(getattr(config, "conv_stride", ()))) if kernels else Inputs(False, (), ())
        if getattr(config, "feat_extract_norm", "") == "group":
            models.encode_alone(model)
        if kernels:
            convolutions = model.base_model.feature_extractor
            # transformers asks for a gradient of the waveform, which only reentrant checkpointing needs
            convolutions._requires_grad = False
            if conf.freeze_features:
                convolutions._freeze_parameters()
        if conf.checkpoint_activations:
            model.activation_checkpointing_enable({"use_reentrant": False})
        adapt(model, conf.adapt, head=[models.HEAD] if FRAMES in conf.loss.needs else [])
        self.vocabulary = tokenizer.tokens
        self.extras: Extras | None = None  # what the loss learns from besides transcripts; set by training

    def unusable(self, cut: Cut) -> str | None:
        """Why the model cannot learn from `cut`: it is over before the first frame ends, at the fastest speed."""
        least = self.inputs.least / SAMPLE_RATE
        if cut.duration / max(self.conf.speed) >= least:
            return None
        return f"shorter than the model's first frame ({1000 * least:.0f} ms): {1000 * cut.duration:.0f} ms"

    def collator(self, train: bool) -> Collate:
        return Collate(self.tokenizer, self.conf, self.inputs, train, self.extras)

    def save_assets(self, directory: Path) -> None:
        """What restoring needs besides the weights."""
        self.model.config.save_pretrained(directory / "pretrained")

    def export(self, directory: Path) -> None:
        """A checkpoint of transformers with its processor."""
        export_ctc(self.model, self.tokenizer, directory)

    def forward(self, batch: Batch) -> Losses:
        """What the conf's loss is made of, summed over utterances."""
        return losses(self.conf.loss, self.outputs(batch, self.conf.loss.needs), self.training)

    def outputs(self, batch: Batch, needs: set[str]) -> Outputs:
        """CTC's posteriors and the quantiser's targets, as far as `needs` asks for them."""
        made = Outputs(len(batch.ids))
        encoded = self._encode(batch, masked=self.training or FRAMES not in needs)
        if FRAMES in needs:
            log_probs, lengths = self._log_probs(encoded.last_hidden_state), self._frames(batch)
            made.frames = Frames(log_probs, lengths, batch.tokens, batch.token_lengths, batch.extra.frames)
        if QUANTISED in needs:
            if not self.training and FRAMES in needs:  # what is selected by hears everything, the contrast never
                encoded = self._encode(batch, masked=True)
            made.quantised = self._quantise(encoded, batch)
        return made

    def log_probs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(N, T', V) natural-log posteriors in float32, and (N,) frames."""
        return self._log_probs(self._encode(batch, masked=False).last_hidden_state), self._frames(batch)

    def _encode(self, batch: Batch, masked: bool) -> Any:
        self.model.input_lengths = batch.input_lengths
        inside = torch.arange(batch.inputs.shape[1], device=batch.inputs.device) < batch.input_lengths[:, None]
        return self.model.base_model(
            batch.inputs, attention_mask=inside.long(), mask_time_indices=batch.masked if masked else None
        )

    def _log_probs(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model.lm_head(self.model.dropout(hidden))
        return logits.float().log_softmax(-1)

    def _frames(self, batch: Batch) -> Tensor:
        lengths = batch.input_lengths
        return torch.tensor([self.inputs.frames(int(length)) for length in lengths], device=lengths.device)

    def _quantise(self, encoded: Any, batch: Batch) -> Quantised:
        """The masked frames as the encoder guesses them and as the quantiser sees them unmasked."""
        model, quantiser = self.model, self.model.quantizer
        quantiser.temperature = self.conf.loss.gumbel
        codes, perplexity = quantiser(model.dropout_features(encoded.extract_features)[batch.masked][None])
        context = model.project_hid(encoded.last_hidden_state[batch.masked])
        counts = batch.masked.sum(1).tolist()
        total = quantiser.num_groups * quantiser.num_vars
        return Quantised(context, model.project_q(codes[0]), counts, batch.distractors, perplexity, total)

    @torch.inference_mode()
    def transcribe(self, cuts: list[Cut], conf: DecodeConf, lm: TokenLm | None) -> list[tuple[Nbest, NDArray[np.float32]]]:
        """Each cut's n-best list and its CTC log-probabilities (T, V), in the order of `cuts`."""
        if FRAMES not in self.conf.loss.needs:
            raise UsageError(f"trained by {', '.join(self.conf.loss.terms)} alone, it writes no text; fine-tune it first")
        started = time.monotonic()
        device = next(self.parameters()).device
        audio = load_noisy(cuts, conf.noise_snr)
        inputs, input_lengths = pad([prepare(one, self.inputs) for one in audio], 0.0)
        nothing = torch.zeros(0)
        batch = Batch([], inputs, input_lengths, nothing, nothing, nothing, nothing)
        log_probs, lengths = self.log_probs(batch.to(device))
        hypotheses = self._search(conf, log_probs, lengths, lm)
        seconds = (time.monotonic() - started) / sum(cut.duration for cut in cuts)
        kept = log_probs.cpu().numpy()
        lists = []
        for n, cut in enumerate(cuts):
            hyps = [self._hypothesis(one) for one in hypotheses[n]]
            nbest = Nbest(cut.id, hyps, "hf_ctc", conf.weights(), round(seconds * cut.duration, 4), round(cut.duration, 3))
            lists.append((nbest, kept[n, : int(lengths[n])]))
        return lists

    def _search(self, conf: DecodeConf, log_probs: Tensor, lengths: Tensor, lm: TokenLm | None) -> list[list[SearchHypothesis]]:
        if conf.search == "greedy":
            return [[SearchHypothesis(path.tokens, {"ctc": path.score}, path.score)] for path in greedy(log_probs, lengths)]
        if conf.ctc_weight != 1:
            raise UsageError("hf_ctc has no attention decoder: set ctc_weight: 1 in the decode conf")
        return joint_search(conf, log_probs, lengths, self.tokenizer.sos_eos_id, lm=lm)

    def _hypothesis(self, found: SearchHypothesis) -> Hypothesis:
        tokens = [self.tokenizer.tokens[i] for i in found.tokens]
        return Hypothesis(self.tokenizer.join(tokens), tokens, found.scores, found.total)


def build(conf: Conf, data: Path) -> System:
    """A system on pretrained weights. Raises UsageError where they cannot be had."""
    tokenizer = _tokenizer(conf, tokenizer_dir(data, conf.tokenizer))
    return System(conf, tokenizer, _load(conf, tokenizer))


def restore(conf: Conf, directory: Path) -> System:
    """The system that training left in `directory`, in evaluation mode, on a GPU where there is one."""
    tokenizer = _tokenizer(conf, directory / "tokenizer")
    if conf.adapt.kind == "full":
        model = models.empty(directory / "pretrained", _head(conf, tokenizer), conf.native, QUANTISED in conf.loss.needs)
    else:
        model = _load(conf, tokenizer)
    system = System(conf, tokenizer, model)
    load_saved_state(system, torch.load(directory / "model.pt", map_location="cpu", weights_only=True), conf.adapt)
    return system.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _tokenizer(conf: Conf, directory: Path) -> Tokenizer:
    return Tokenizer([BLANK, UNK, SOS_EOS]) if conf.tokenizer == NO_TOKENIZER else Tokenizer.load(directory)


def _load(conf: Conf, tokenizer: Tokenizer) -> Any:
    head, quantised = _head(conf, tokenizer), QUANTISED in conf.loss.needs
    if conf.init_from:
        older = ancestor(conf)
        model = models.empty(Path(conf.init_from) / "pretrained", head, conf.native, quantised)
        tokens = (older.tokenizer.tokens, tokenizer.tokens)
        inherit(model, older.model, conf.init_from, tokens=tokens, over_tokens=[models.HEAD], new=[models.HEAD])
        return model
    return models.load(conf.pretrained, conf.revision, conf.language_adapter, head, conf.native, quantised)


def _head(conf: Conf, tokenizer: Tokenizer) -> list[str]:
    """The tokens that the model is to write: none where its loss does without."""
    return tokenizer.tokens if FRAMES in conf.loss.needs else []
