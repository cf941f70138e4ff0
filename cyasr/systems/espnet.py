"""CTC/attention models from ESPnet's own encoder, decoder and CTC modules (Watanabe et al., IEEE JSTSP 2017).

The modules' state-dict names are those of ESPnet's ESPnetASRModel, so checkpoints can be carried over either way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from lhotse.cut import Cut
from numpy.typing import NDArray
from torch import Tensor

from cyasr import checkpoints
from cyasr import conf as confs
from cyasr.adaptation.adapt import adapt, load_saved_state
from cyasr.adaptation.conf import AdaptConf
from cyasr.cli import UsageError
from cyasr.data.audio import Augment, load, load_augmented, load_noisy
from cyasr.data.augment.conf import check_range
from cyasr.data.features import MEL_BINS, filterbank, mask, pad
from cyasr.experiment import FilterbankConf
from cyasr.lineage import ancestor, inherit
from cyasr.losses.conf import FRAMES, TEXT, TOKENS, LossConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.extra import Extra, Extras, transcript
from cyasr.losses.focal import token_weights
from cyasr.losses.objective import Frames, Losses, Outputs, Tokens, losses
from cyasr.modules.espnet_cpu import accelerate
from cyasr.modules.espnet_decoder import IncrementalDecoder
from cyasr.modules.espnet_padding import ignore_padding
from cyasr.nbest import Hypothesis, Nbest
from cyasr.search.conf import DecodeConf
from cyasr.search.ctc import greedy
from cyasr.search.interfaces import SearchHypothesis, TokenLm
from cyasr.search.internal_lm import InternalLm
from cyasr.search.joint import joint_search
from cyasr.text.tokenizer import Tokenizer, tokenizer_dir

with redirect_stdout(StringIO()):  # ESPnet prints that it goes on without Flash Attention
    from espnet2.asr.ctc import CTC
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder
    from espnet2.asr.encoder.transformer_encoder import TransformerEncoder


OVER_TOKENS = ("ctc.ctc_lo.", "decoder.embed.0.", "decoder.output_layer.")  # tensors with a row for each token


@dataclass
class Conf(FilterbankConf):
    """The architecture. `native: {encoder: {...}, decoder: {...}}` reaches ESPnet's constructors untouched."""

    GIVES: ClassVar[frozenset[str]] = frozenset({FRAMES, TOKENS, TEXT})

    encoder: Literal["e_branchformer", "conformer", "transformer"] = "e_branchformer"
    input_layer: Literal["conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8"] = "conv2d"
    size: int = 256
    heads: int = 4
    encoder_layers: int = 12
    encoder_units: int = 1024  # feed-forward
    kernel: int = 31  # depth-wise convolution, frames after subsampling
    decoder_layers: int = 6
    decoder_units: int = 2048
    dropout: float = 0.1
    attention_dropout: float = 0.1
    warp: list[float] = field(default_factory=list)  # [lowest, highest] vocal-tract factor while training; empty: none
    loss: LossConf = field(default_factory=lambda: LossConf(ctc=0.3, cross_entropy=0.7, label_smoothing=0.1))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % self.heads:
            raise ValueError(f"size: {self.size} is no multiple of heads: {self.heads}")
        if self.adapt.kind in {"qlora", "adapters"}:
            raise ValueError(f"adapt: kind: {self.adapt.kind} is for models of transformers; espnet takes full, lora and partial")
        if self.adapt.kind != "full" and self.init_from is None:
            raise ValueError(f"adapt: kind: {self.adapt.kind} needs weights to adapt: name an experiment in init_from")
        check_range("warp", self.warp, 0.7, 1.4)
        unknown = sorted(self.native.keys() - {"encoder", "decoder"})
        if unknown:
            raise ValueError(f"native: unknown section {unknown[0]!r}; there are `encoder` and `decoder`")

    def encoder_options(self) -> dict[str, Any]:
        """What ESPnet's encoder is made with, in ESPnet's words."""
        kinds: dict[str, dict[str, Any]] = {
            "e_branchformer": {
                "cgmlp_linear_units": 3 * self.size,
                "cgmlp_conv_kernel": self.kernel,
                "merge_conv_kernel": self.kernel,
                "use_ffn": True,
                "macaron_ffn": True,
                "rel_pos_type": "latest",
            },
            "conformer": {"cnn_module_kernel": self.kernel, "macaron_style": True, "rel_pos_type": "latest"},
            "transformer": {},
        }
        return {
            "output_size": self.size,
            "attention_heads": self.heads,
            "linear_units": self.encoder_units,
            "num_blocks": self.encoder_layers,
            "dropout_rate": self.dropout,
            "positional_dropout_rate": self.dropout,
            "attention_dropout_rate": self.attention_dropout,
            "input_layer": self.input_layer,
            **kinds[self.encoder],
            **self.native.get("encoder", {}),
        }

    def decoder_options(self) -> dict[str, Any]:
        """The same for the decoder."""
        return {
            "attention_heads": self.heads,
            "linear_units": self.decoder_units,
            "num_blocks": self.decoder_layers,
            "dropout_rate": self.dropout,
            "positional_dropout_rate": self.dropout,
            "self_attention_dropout_rate": self.attention_dropout,
            "src_attention_dropout_rate": self.attention_dropout,
            **self.native.get("decoder", {}),
        }


@dataclass
class Batch:
    """features: (N, T, 80); tokens: (N, U) padded with IGNORE; lengths: (N,)."""

    ids: list[str]
    features: Tensor
    feature_lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    extra: Extra = field(default_factory=Extra)

    def to(self, device: torch.device | str) -> Batch:
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items() if name != "ids"}
        return Batch(self.ids, **moved)


@dataclass
class Collate:
    """Cuts into a Batch: in training augmented and masked by (seed, epoch, cut id), in evaluation as they are."""

    tokenizer: Tokenizer
    conf: Conf
    train: bool
    extras: Extras | None = None
    augment: Augment = field(init=False)

    def __post_init__(self) -> None:
        self.augment = Augment.of(self.conf, self.train)

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        features, lengths = pad([self._features(cut, epoch) for cut in cuts], 0.0)
        tokens, token_lengths = pad([torch.tensor(self.tokenizer.encode(transcript(cut))) for cut in cuts], IGNORE)
        extra = Extra() if self.extras is None else self.extras(cuts, epoch, self._labels)
        return Batch([cut.id for cut in cuts], features, lengths, tokens, token_lengths, extra)

    def _labels(self, text: str, *_: object) -> list[int]:
        edge = self.tokenizer.sos_eos_id
        return [edge, *self.tokenizer.encode(text), edge]

    def _features(self, cut: Cut, epoch: int) -> Tensor:
        if not self.train:
            return filterbank(load(cut))
        random = self.augment.random(epoch, cut)
        conf = self.conf
        audio = load_augmented(cut, self.augment, random)
        features = filterbank(audio, random.uniform(conf.warp[0], conf.warp[1]) if conf.warp else 1.0)
        return mask(features, random, conf.time_masks, conf.time_mask_share, conf.frequency_masks, conf.frequency_mask_bins)


class System(torch.nn.Module):
    """Encoder, CTC and decoder under the names that ESPnet gives them."""

    unusable = None  # it can learn from any cut
    padded_to = 0.0  # seconds: to no more than the longest of a batch

    def __init__(self, conf: Conf, tokenizer: Tokenizer, older: System | None = None) -> None:
        """older: whose weights it starts from."""
        super().__init__()
        self.conf = conf
        self.tokenizer = tokenizer
        vocabulary = len(tokenizer.tokens)
        self.encoder = _encoder(conf)
        ignore_padding(self.encoder)
        self.decoder = TransformerDecoder(vocabulary, conf.size, **conf.decoder_options())
        self.ctc = CTC(vocabulary, conf.size)
        if older is not None:
            tokens = (older.tokenizer.tokens, tokenizer.tokens)
            inherit(self, older, str(conf.init_from), tokens=tokens, over_tokens=OVER_TOKENS)
        adapt(self, conf.adapt)
        accelerate(self)
        self._incremental: IncrementalDecoder | None = None
        self.vocabulary = tokenizer.tokens
        self.extras: Extras | None = None  # what the loss learns from besides transcripts; set by training
        self.alpha: Tensor | None
        alpha = token_weights(conf.loss.focal_alpha, tokenizer.encode, vocabulary, tokenizer.unk_id)
        self.register_buffer("alpha", alpha, persistent=False)
        learnt = {self.encoder: {FRAMES, TOKENS}, self.ctc: {FRAMES}, self.decoder: {TOKENS, TEXT}}
        for part, needs in learnt.items():
            if not needs & conf.loss.needs:  # it would get no gradient, and processes would wait for one
                part.requires_grad_(False)

    def save_assets(self, directory: Path) -> None:
        """What restoring needs besides the weights: nothing."""

    def export(self, directory: Path) -> None:
        """An experiment's conf and weights, the names those of ESPnet's ESPnetASRModel."""
        confs.freeze(replace(self.conf, adapt=AdaptConf(), init_from=None), directory / "conf.yaml")
        checkpoints.save(self.state_dict(), directory / "model.pt")

    def collator(self, train: bool) -> Callable[..., Batch]:
        return Collate(self.tokenizer, self.conf, train, self.extras)

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """features: (N, T, 80), lengths: (N,) frames. Returns (N, T', size) and (N,) subsampled frames."""
        encoded, encoded_lengths, _ = self.encoder(features, lengths)
        return encoded, encoded_lengths

    def log_probs(self, encoded: Tensor) -> Tensor:
        """CTC's (N, T', V) natural-log posteriors in float32."""
        return self.ctc.ctc_lo(encoded).float().log_softmax(-1)

    def forward(self, batch: Batch) -> Losses:
        """What the conf's loss is made of, summed over utterances."""
        return losses(self.conf.loss, self.outputs(batch, self.conf.loss.needs), self.training)

    def outputs(self, batch: Batch, needs: set[str]) -> Outputs:
        """CTC's posteriors and the decoder's, as far as `needs` asks for them."""
        made = Outputs(len(batch.ids))
        encoded, lengths = self.encode(batch.features, batch.feature_lengths)
        if FRAMES in needs:
            made.frames = Frames(self.log_probs(encoded), lengths, batch.tokens, batch.token_lengths, batch.extra.frames)
        if TOKENS in needs:
            edge = torch.full_like(batch.tokens[:, :1], self.tokenizer.sos_eos_id)
            labels = torch.cat([edge, batch.tokens, torch.full_like(edge, IGNORE)], dim=1)
            labels.scatter_(1, batch.token_lengths[:, None] + 1, edge)
            made.tokens = self._decode(encoded, lengths, labels)
            made.tokens.teacher, made.tokens.alpha = batch.extra.tokens, self.alpha
        if TEXT in needs and batch.extra.text is not None:
            nothing = encoded.new_zeros(len(batch.ids), 1, encoded.shape[2])
            made.text = self._decode(nothing, torch.ones_like(lengths), batch.extra.text)
        return made

    def _decode(self, encoded: Tensor, lengths: Tensor, labels: Tensor) -> Tokens:
        """The decoder, told what came before. labels: (N, U), start first."""
        inputs, targets = labels[:, :-1].clamp(min=0), labels[:, 1:]
        logits, _ = self.decoder(encoded, lengths, inputs, (targets != IGNORE).sum(1))
        return Tokens(logits, targets)

    @torch.inference_mode()
    def transcribe(self, cuts: list[Cut], conf: DecodeConf, lm: TokenLm | None) -> list[tuple[Nbest, NDArray[np.float32]]]:
        """Each cut's n-best list and its CTC log-probabilities (T, V), in the order of `cuts`."""
        started = time.monotonic()
        device = next(self.parameters()).device
        audio = load_noisy(cuts, conf.noise_snr)
        features, feature_lengths = pad([filterbank(one) for one in audio], 0.0)
        encoded, lengths = self.encode(features.to(device), feature_lengths.to(device))
        log_probs = self.log_probs(encoded)
        hypotheses = self._search(conf, encoded, log_probs, lengths, lm)
        seconds = (time.monotonic() - started) / sum(cut.duration for cut in cuts)
        kept = log_probs.cpu().numpy()
        lists = []
        for n, cut in enumerate(cuts):
            hyps = [self._hypothesis(one) for one in hypotheses[n]]
            spent = round(seconds * cut.duration, 4)
            nbest = Nbest(cut.id, hyps, "espnet", conf.weights(), spent, round(cut.duration, 3))
            lists.append((nbest, kept[n, : int(lengths[n])]))
        return lists

    def _search(
        self, conf: DecodeConf, encoded: Tensor, log_probs: Tensor, lengths: Tensor, lm: TokenLm | None
    ) -> list[list[SearchHypothesis]]:
        wanted = {FRAMES: conf.ctc_weight, TOKENS: 1 - conf.ctc_weight} if conf.search == "joint" else {FRAMES: 1.0}
        for need, weight in wanted.items():
            if weight and need not in self.conf.loss.needs:
                raise UsageError(
                    f"the model has not learnt to give {need} (loss: {', '.join(self.conf.loss.terms)}); see ctc_weight"
                )
        if conf.search == "greedy":
            paths = greedy(log_probs, lengths)
            return [[SearchHypothesis(path.tokens, {"ctc": path.score}, path.score)] for path in paths]
        decoder = None if conf.ctc_weight == 1 else self._stepping()
        return joint_search(conf, log_probs, lengths, self.tokenizer.sos_eos_id, decoder=decoder, encoded=encoded, lm=lm)

    def internal_lm(self, cuts: Iterable[Cut]) -> TokenLm:
        """The decoder's own language model: where it hears the mean of what the encoder makes of `cuts`; without any, zeros."""
        weight = self.decoder.embed[0].weight
        total, frames = weight.new_zeros(self.conf.size), 0
        with torch.inference_mode():
            for cut in cuts:
                features = filterbank(load(cut))[None].to(weight.device)
                encoded, _ = self.encode(features, torch.tensor([features.shape[1]], device=weight.device))
                total, frames = total + encoded[0].sum(0), frames + encoded.shape[1]
        return InternalLm(IncrementalDecoder(self.decoder), total / max(1, frames), self.tokenizer.sos_eos_id)

    def _stepping(self) -> IncrementalDecoder:
        """The decoder token by token; made once, since it copies the weights."""
        if self._incremental is None:
            self._incremental = IncrementalDecoder(self.decoder)
        return self._incremental

    def _hypothesis(self, found: SearchHypothesis) -> Hypothesis:
        tokens = [self.tokenizer.tokens[i] for i in found.tokens]
        return Hypothesis(self.tokenizer.join(tokens), tokens, found.scores, found.total)


def build(conf: Conf, data: Path) -> System:
    """A system with fresh weights, or an older one's. Raises UsageError where ESPnet refuses what stands under `native:`."""
    return _construct(conf, Tokenizer.load(tokenizer_dir(data, conf.tokenizer)), started=True)


def restore(conf: Conf, directory: Path) -> System:
    """The system that training left in `directory`, in evaluation mode, on a GPU where there is one."""
    system = _construct(conf, Tokenizer.load(directory / "tokenizer"), started=conf.adapt.kind != "full")
    load_saved_state(system, torch.load(directory / "model.pt", map_location="cpu", weights_only=True), conf.adapt)
    return system.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _construct(conf: Conf, tokenizer: Tokenizer, started: bool) -> System:
    """started: with the weights that training starts from, where the conf names them."""
    try:
        return System(conf, tokenizer, ancestor(conf) if started and conf.init_from else None)
    except TypeError as error:
        raise UsageError(f"ESPnet refuses a key under `native:`: {error}") from None


def _encoder(conf: Conf) -> torch.nn.Module:
    classes = {"e_branchformer": EBranchformerEncoder, "conformer": ConformerEncoder, "transformer": TransformerEncoder}
    encoder: torch.nn.Module = classes[conf.encoder](MEL_BINS, **conf.encoder_options())
    return encoder
