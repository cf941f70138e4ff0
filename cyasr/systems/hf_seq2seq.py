"""Whisper and its distillations, from transformers: log-mel windows of 30 s in, tokens of its own tokenizer out.

Labels are the tokenizer's, with language and task; the decoder's start token stands in the inputs only and padding is
-100, whatever the end token's id. Language and task are set, never guessed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

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
from cyasr.lineage import ancestor, inherit
from cyasr.losses.conf import TASKS, TEXT, TOKENS, LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.extra import Extra, Extras, transcript, translated
from cyasr.losses.focal import token_weights
from cyasr.losses.objective import Losses, Outputs, Tokens, losses
from cyasr.modules import whisper, whisper_long
from cyasr.modules.export import export_whisper
from cyasr.nbest import Hypothesis, Nbest, Word, distinct, less_internal
from cyasr.search.conf import DecodeConf
from cyasr.search.interfaces import TokenLm


@dataclass
class Conf(FilterbankConf):
    """`native:` reaches the model's configuration untouched (dropouts, …)."""

    GIVES: ClassVar[frozenset[str]] = frozenset({TOKENS, TASKS, TEXT})

    pretrained: str = ""  # a directory, or a name on the Hugging Face hub
    revision: str | None = None  # of the hub's repository
    language: str = "el"  # Whisper's code
    task: Literal["transcribe", "translate"] = "transcribe"
    freeze_encoder: bool = False
    loss: LossConf = field(default_factory=lambda: LossConf(cross_entropy=1.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.pretrained:
            raise ValueError("key 'pretrained' is missing: a directory or a hub name, as openai/whisper-large-v3")
        if self.tokenizer != "pretrained":
            raise ValueError("tokenizer: Whisper keeps its own; write `tokenizer: pretrained`")


@dataclass
class Batch:
    """features: (N, mels, 3000); tokens: (N, U), start token first, padded with -100."""

    ids: list[str]
    features: Tensor
    tokens: Tensor
    extra: Extra = field(default_factory=Extra)

    def to(self, device: torch.device | str) -> Batch:
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items() if name != "ids"}
        return Batch(self.ids, **moved)


@dataclass
class Collate:
    """Cuts into a Batch: in training augmented and masked by (seed, epoch, cut id), in evaluation as they are."""

    processor: Any
    conf: Conf
    train: bool
    extras: Extras | None = None
    augment: Augment = field(init=False)

    def __post_init__(self) -> None:
        self.augment = Augment.of(self.conf, self.train)

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        features = torch.stack([self._features(cut, epoch) for cut in cuts])
        tokens, _ = pad([torch.tensor(self._labels(transcript(cut), cut, None)) for cut in cuts], IGNORE)
        extra = Extra() if self.extras is None else self.extras(cuts, epoch, self._labels)
        return Batch([cut.id for cut in cuts], features, tokens, extra)

    def _labels(self, text: str, _: Cut, translated: str | None) -> list[int]:
        return label_ids(self.processor, text, "translate" if translated else self.conf.task)

    def _features(self, cut: Cut, epoch: int) -> Tensor:
        if not self.train:
            return window(load(cut), self.processor)
        random = self.augment.random(epoch, cut)
        audio = load_augmented(cut, self.augment, random)
        features = window(audio, self.processor)
        spoken = features[:, : 1 + len(audio) // self.processor.feature_extractor.hop_length]
        conf = self.conf
        mask(spoken.T, random, conf.time_masks, conf.time_mask_share, conf.frequency_masks, conf.frequency_mask_bins)
        return features


def window(audio: NDArray[np.float32], processor: Any) -> Tensor:
    """audio: (samples,) at 16 kHz, cut at 30 s. Returns (mels, 3000)."""
    made = processor.feature_extractor(audio, sampling_rate=SAMPLE_RATE, return_tensors="np")
    features: Tensor = torch.from_numpy(made["input_features"][0])
    return features


def label_ids(processor: Any, text: str, task: str) -> list[int]:
    """Start, language, task, no timestamps, the text, end."""
    ids: list[int] = processor.tokenizer(text).input_ids
    names = {processor.tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("transcribe", "translate")}
    return [processor.tokenizer.convert_tokens_to_ids(f"<|{task}|>") if one in names else one for one in ids]


class System(torch.nn.Module):
    """A Whisper, `model`, under the names that transformers gives its parts."""

    weighs_own_lists = True  # ilm_weight: of finished hypotheses, not in the search

    def __init__(self, conf: Conf, model: Any, processor: Any) -> None:
        super().__init__()
        self.conf = conf
        self.model = model
        self.processor = processor
        if conf.freeze_encoder or conf.loss.needs == {TEXT}:
            model.model.encoder.requires_grad_(False)
        adapt(model, conf.adapt)
        self.vocabulary: list[str] = processor.tokenizer.convert_ids_to_tokens(range(model.config.vocab_size))
        self.extras: Extras | None = None  # what the loss learns from besides transcripts; set by training
        self.alpha: Tensor | None
        self.register_buffer("alpha", token_weights(conf.loss.focal_alpha, self._ids, len(self.vocabulary)), persistent=False)

    def save_assets(self, directory: Path) -> None:
        """What restoring needs besides the weights."""
        whisper.save(self.model, self.processor, directory / "pretrained")

    def export(self, directory: Path) -> None:
        """A checkpoint of transformers with its processor."""
        export_whisper(self.model, self.processor, directory)

    def collator(self, train: bool) -> Collate:
        return Collate(self.processor, self.conf, train, self.extras)

    def unusable(self, cut: Cut) -> str | None:
        """Why the model cannot learn from `cut`, or None."""
        if cut.duration > self.padded_to + 1e-3:
            return f"longer than Whisper's window of {self.padded_to:g} s: {cut.duration:.1f} s"
        texts = [transcript(cut)] + ([translated(cut, self.conf.loss.translate_to)] if self.conf.loss.translation else [])
        length = max(len(label_ids(self.processor, text, self.conf.task)) for text in texts)
        most = int(self.model.config.max_target_positions)  # 448, prefix and end included
        return f"more labels than the decoder's {most}: {length}" if length > most else None

    def forward(self, batch: Batch) -> Losses:
        """What the conf's loss is made of, summed over utterances."""
        return losses(self.conf.loss, self.outputs(batch, self.conf.loss.needs), self.training)

    def outputs(self, batch: Batch, needs: set[str]) -> Outputs:
        """The decoder's logits for transcripts, translations and text alone, as far as `needs` asks for them."""
        made, extra = Outputs(len(batch.ids)), batch.extra
        encoded = self.model.model.encoder(batch.features).last_hidden_state
        if TOKENS in needs:
            made.tokens = self._decode(encoded, batch.tokens)
            made.tokens.teacher, made.tokens.alpha = extra.tokens, self.alpha
        if TASKS in needs and extra.translation is not None:
            made.translation = self._decode(encoded, extra.translation)
        if TEXT in needs and extra.text is not None:
            made.text = self._decode(torch.zeros_like(encoded[:, :1]), extra.text)
        return made

    def _decode(self, encoded: Tensor, labels: Tensor) -> Tokens:
        """The decoder, told what came before. labels: (N, U), start first."""
        inputs, targets = labels[:, :-1].clamp(min=0), labels[:, 1:]
        logits = self.model(encoder_outputs=(encoded,), decoder_input_ids=inputs, use_cache=False).logits
        return Tokens(logits, targets)

    @property
    def padded_to(self) -> float:
        """What the encoder takes at once: 30."""
        return float(self.processor.feature_extractor.chunk_length)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.processor.tokenizer(text, add_special_tokens=False).input_ids
        return ids

    @torch.inference_mode()
    def transcribe(self, cuts: list[Cut], conf: DecodeConf, lm: TokenLm | None) -> list[tuple[Nbest, None]]:
        """Each cut's n-best list, in the order of `cuts`; of one longer than the window, its best hypothesis only."""
        if lm is not None:
            raise UsageError("hf_seq2seq takes no language model in its search; stage 7 ranks its n-best lists with one")
        if conf.ctc_weight and conf.search == "joint":
            raise UsageError("hf_seq2seq has no CTC to search by: set ctc_weight: 0 in the decode conf")
        if conf.posteriors:
            raise UsageError("hf_seq2seq has no CTC posteriors to keep: leave `posteriors` out of the decode conf")
        if conf.ilm_weight and conf.ilm != "zero":
            raise UsageError("hf_seq2seq's internal language model hears nothing: `ilm: zero`")
        started = time.monotonic()
        device = next(self.parameters()).device
        audio = load_noisy(cuts, conf.noise_snr)
        beam = 1 if conf.search == "greedy" else conf.beam
        found: dict[str, list[Hypothesis]] = {}
        fitting = [n for n, cut in enumerate(cuts) if cut.duration <= self.padded_to]
        if fitting:
            features = torch.stack([window(audio[n], self.processor) for n in fitting]).to(device)
            encoded = self.model.model.encoder(features).last_hidden_state
            lists = whisper.search(self.model, encoded, self.processor.tokenizer.prefix_tokens, beam, min(conf.nbest, beam))
            for n, pairs in zip(fitting, lists, strict=True):
                found[cuts[n].id] = distinct(self._hypotheses(pairs, conf))
        found |= {cut.id: [self._long(one, beam, conf)] for cut, one in zip(cuts, audio, strict=True) if cut.id not in found}
        seconds = (time.monotonic() - started) / sum(cut.duration for cut in cuts)
        weights = conf.decoder_weights()
        return [
            (
                Nbest(one.id, found[one.id], "hf_seq2seq", weights, round(seconds * one.duration, 4), round(one.duration, 3)),
                None,
            )
            for one in cuts
        ]

    def _long(self, audio: NDArray[np.float32], beam: int, conf: DecodeConf) -> Hypothesis:
        """The best hypothesis of speech longer than the window, with words timed as far as timestamps tell."""
        prefix = self.processor.tokenizer.prefix_tokens[:-1]  # without <|notimestamps|>
        segments = whisper_long.transcribe(
            self.model, prefix, audio, lambda piece: window(piece, self.processor), self.padded_to, beam
        )
        hyps = [self._hypotheses([(segment.tokens, segment.log_prob)], conf)[0] for segment in segments]
        words = [word for hyp, segment in zip(hyps, segments, strict=True) for word in _timed(hyp.text, segment)]
        text, tokens = " ".join(hyp.text for hyp in hyps if hyp.text), [token for hyp in hyps for token in hyp.tokens]
        scores = {name: sum(hyp.scores[name] for hyp in hyps) for name in conf.decoder_weights()}
        return Hypothesis(text, tokens, scores, sum(hyp.total for hyp in hyps), words)

    def _hypotheses(self, pairs: list[tuple[list[int], float]], conf: DecodeConf) -> list[Hypothesis]:
        """pairs: tokens and their natural-log probability. Best first."""
        hyps = [self._hypothesis(tokens, total) for tokens, total in pairs]
        if not conf.ilm_weight:
            return hyps
        prefix = self.processor.tokenizer.prefix_tokens
        internal = whisper.internal_log_probs(self.model, [tokens for tokens, _ in pairs], prefix)
        return less_internal(hyps, internal, conf.ilm_weight)

    def _hypothesis(self, ids: list[int], total: float) -> Hypothesis:
        tokenizer = self.processor.tokenizer
        text = " ".join(tokenizer.decode(ids).split())
        return Hypothesis(text, tokenizer.convert_ids_to_tokens(ids), {"att": total}, total)


def build(conf: Conf, data: Path) -> System:
    """A system on pretrained weights. Raises UsageError where they cannot be had."""
    return System(conf, *_load(conf))


def restore(conf: Conf, directory: Path) -> System:
    """The system that training left in `directory`, in evaluation mode, on a GPU where there is one."""
    if conf.adapt.kind == "full":
        model, processor = whisper.empty(directory / "pretrained", conf.language, conf.task, conf.native)
    else:
        model, processor = _load(conf)
    system = System(conf, model, processor)
    load_saved_state(system, torch.load(directory / "model.pt", map_location="cpu", weights_only=True), conf.adapt)
    return system.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _load(conf: Conf) -> tuple[Any, Any]:
    if conf.init_from:
        older = ancestor(conf)
        model, processor = whisper.empty(Path(conf.init_from) / "pretrained", conf.language, conf.task, conf.native)
        inherit(model, older.model, conf.init_from)
        return model, processor
    return whisper.load(conf.pretrained, conf.revision, conf.language, conf.task, conf.native)


def _timed(text: str, segment: whisper_long.Segment) -> Iterator[Word]:
    """A segment's words. Whisper times segments: its words share that time by their letters, and its mean probability."""
    words = text.split()
    share = (segment.end - segment.start) / max(sum(map(len, words)), 1)
    start = segment.start
    for word in words:
        end = start + share * len(word)
        yield Word(word, round(start, 2), round(end, 2), round(math.exp(segment.mean), 4))
        start = end
