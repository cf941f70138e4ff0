"""CTC/attention models from ESPnet's own encoder, decoder and CTC modules (Watanabe et al., IEEE JSTSP 2017).

The modules' state-dict names are those of ESPnet's ESPnetASRModel, so checkpoints can be carried over either way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any, Literal

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
from cyasr.data.audio import Augment, add_noise, load, load_augmented
from cyasr.data.features import MEL_BINS, filterbank, mask, pad
from cyasr.experiment import TrainConf
from cyasr.losses.ctc import ctc_loss, greedy_errors
from cyasr.modules.espnet_cpu import accelerate
from cyasr.modules.espnet_decoder import IncrementalDecoder
from cyasr.modules.espnet_padding import ignore_padding
from cyasr.nbest import Hypothesis, Nbest
from cyasr.search.conf import DecodeConf
from cyasr.search.ctc import greedy
from cyasr.search.joint import SearchHypothesis, TokenLm, joint_search
from cyasr.text.tokenizer import Tokenizer, tokenizer_dir

with redirect_stdout(StringIO()):  # ESPnet prints that it goes on without Flash Attention
    from espnet2.asr.ctc import CTC
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder
    from espnet2.asr.encoder.transformer_encoder import TransformerEncoder

IGNORE = -1  # padding in token batches


@dataclass
class Conf(TrainConf):
    """The architecture. `native: {encoder: {...}, decoder: {...}}` reaches ESPnet's constructors untouched."""

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
    ctc_weight: float = 0.3
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % self.heads:
            raise ValueError(f"size: {self.size} is no multiple of heads: {self.heads}")
        if not 0 <= self.ctc_weight <= 1:
            raise ValueError(f"ctc_weight: must be from 0 to 1, not {self.ctc_weight}")
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
    """features: (N, T, 80); tokens: (N, U) padded with -1; lengths: (N,)."""

    ids: list[str]
    features: Tensor
    feature_lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor

    def to(self, device: torch.device | str) -> Batch:
        tensors = (self.features, self.feature_lengths, self.tokens, self.token_lengths)
        return Batch(self.ids, *(tensor.to(device, non_blocking=True) for tensor in tensors))


@dataclass
class Collate:
    """Cuts into a Batch: in training augmented and masked by (seed, epoch, cut id), in evaluation as they are."""

    tokenizer: Tokenizer
    conf: Conf
    train: bool
    augment: Augment = field(init=False)

    def __post_init__(self) -> None:
        self.augment = Augment(self.conf.seed, tuple(self.conf.speed), tuple(self.conf.noise_snr))

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        features, lengths = pad([self._features(cut, epoch) for cut in cuts], 0.0)
        tokens, token_lengths = pad([torch.tensor(self.tokenizer.encode(text_of(cut))) for cut in cuts], IGNORE)
        return Batch([cut.id for cut in cuts], features, lengths, tokens, token_lengths)

    def _features(self, cut: Cut, epoch: int) -> Tensor:
        if not self.train:
            return filterbank(load(cut))
        random = self.augment.random(epoch, cut)
        conf = self.conf
        audio = load_augmented(cut, self.augment, random)
        features = filterbank(audio, random.uniform(conf.warp[0], conf.warp[1]) if conf.warp else 1.0)
        return mask(features, random, conf.time_masks, conf.time_mask_share, conf.frequency_masks, conf.frequency_mask_bins)


def text_of(cut: Cut) -> str:
    return " ".join(supervision.text for supervision in cut.supervisions)


@dataclass
class Losses:
    """Sums over the batch's utterances: `total` is what is minimised; `parts` are for the log and for selection."""

    total: Tensor
    parts: dict[str, Tensor]
    count: int


class System(torch.nn.Module):
    """Encoder, CTC and decoder under the names that ESPnet gives them."""

    def __init__(self, conf: Conf, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.conf = conf
        self.tokenizer = tokenizer
        vocabulary = len(tokenizer.tokens)
        self.encoder = _encoder(conf)
        ignore_padding(self.encoder)
        self.decoder = TransformerDecoder(vocabulary, conf.size, **conf.decoder_options())
        self.ctc = CTC(vocabulary, conf.size)
        adapt(self, conf.adapt)
        accelerate(self)
        self._incremental: IncrementalDecoder | None = None

    def save_assets(self, directory: Path) -> None:
        """What restoring needs besides the weights: nothing."""

    def export(self, directory: Path) -> None:
        """An experiment's conf and weights, the names those of ESPnet's ESPnetASRModel."""
        confs.freeze(replace(self.conf, adapt=AdaptConf()), directory / "conf.yaml")
        checkpoints.save(self.state_dict(), directory / "model.pt")

    def unusable(self, cut: Cut) -> str | None:
        """Why the model cannot learn from `cut`: it can from any."""
        return None

    def collator(self, train: bool) -> Callable[..., Batch]:
        return Collate(self.tokenizer, self.conf, train)

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """features: (N, T, 80), lengths: (N,) frames. Returns (N, T', size) and (N,) subsampled frames."""
        encoded, encoded_lengths, _ = self.encoder(features, lengths)
        return encoded, encoded_lengths

    def log_probs(self, encoded: Tensor) -> Tensor:
        """CTC's (N, T', V) natural-log posteriors in float32."""
        return self.ctc.ctc_lo(encoded).float().log_softmax(-1)

    def forward(self, batch: Batch) -> Losses:
        """Joint CTC/attention loss, summed over utterances. Utterances too short for CTC count in `infeasible`."""
        encoded, lengths = self.encode(batch.features, batch.feature_lengths)
        log_probs = self.log_probs(encoded)
        ctc, infeasible = ctc_loss(log_probs, lengths, batch.tokens, batch.token_lengths)
        attention, correct = self._attention(encoded, lengths, batch)
        total = self.conf.ctc_weight * ctc + (1 - self.conf.ctc_weight) * attention
        parts = {
            "ctc": ctc.detach(),
            "attention": attention.detach(),
            "correct": correct,
            "tokens": batch.token_lengths.sum() + len(batch.ids),
            "infeasible": infeasible,
        }
        if not self.training:
            parts["errors"], parts["reference"] = greedy_errors(log_probs, lengths, batch.tokens, batch.token_lengths)
        return Losses(total, parts, len(batch.ids))

    @torch.inference_mode()
    def transcribe(self, cuts: list[Cut], conf: DecodeConf, lm: TokenLm | None) -> list[tuple[Nbest, NDArray[np.float32]]]:
        """Each cut's n-best list and its CTC log-probabilities (T, V), in the order of `cuts`."""
        started = time.monotonic()
        device = next(self.parameters()).device
        noise = Augment(0)
        audio = [
            load(cut) if conf.noise_snr is None else add_noise(load(cut), conf.noise_snr, noise.random(0, cut)) for cut in cuts
        ]
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
        if conf.search == "greedy":
            paths = greedy(log_probs, lengths)
            return [[SearchHypothesis(path.tokens, {"ctc": path.score}, path.score)] for path in paths]
        decoder = None if conf.ctc_weight == 1 else self._stepping()
        return joint_search(conf, log_probs, lengths, self.tokenizer.sos_eos_id, decoder=decoder, encoded=encoded, lm=lm)

    def _stepping(self) -> IncrementalDecoder:
        """The decoder token by token; made once, since it copies the weights."""
        if self._incremental is None:
            self._incremental = IncrementalDecoder(self.decoder)
        return self._incremental

    def _hypothesis(self, found: SearchHypothesis) -> Hypothesis:
        tokens = [self.tokenizer.tokens[i] for i in found.tokens]
        return Hypothesis(self.tokenizer.join(tokens), tokens, found.scores, found.total)

    def _attention(self, encoded: Tensor, lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Label-smoothed cross-entropy of the decoder and the number of tokens it got right."""
        edge = torch.full_like(batch.tokens[:, :1], self.tokenizer.sos_eos_id)
        inputs = torch.cat([edge, batch.tokens.clamp(min=0)], dim=1)
        targets = torch.cat([batch.tokens, torch.full_like(edge, IGNORE)], dim=1)
        targets.scatter_(1, batch.token_lengths[:, None], edge)
        logits, _ = self.decoder(encoded, lengths, inputs, batch.token_lengths + 1)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(),
            targets.flatten(),
            ignore_index=IGNORE,
            label_smoothing=self.conf.label_smoothing,
            reduction="sum",
        )
        correct = ((logits.argmax(-1) == targets) & (targets != IGNORE)).sum()
        return loss, correct


def build(conf: Conf, data: Path) -> System:
    """A system with fresh weights. Raises UsageError where ESPnet refuses what stands under `native:`."""
    tokenizer = Tokenizer.load(tokenizer_dir(data, conf.tokenizer))
    return _construct(conf, tokenizer)


def restore(conf: Conf, directory: Path) -> System:
    """The system that training left in `directory`, in evaluation mode, on a GPU where there is one."""
    system = _construct(conf, Tokenizer.load(directory / "tokenizer"))
    load_saved_state(system, torch.load(directory / "model.pt", map_location="cpu", weights_only=True), conf.adapt)
    return system.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _construct(conf: Conf, tokenizer: Tokenizer) -> System:
    try:
        return System(conf, tokenizer)
    except TypeError as error:
        raise UsageError(f"ESPnet refuses a key under `native:`: {error}") from None


def _encoder(conf: Conf) -> torch.nn.Module:
    classes = {"e_branchformer": EBranchformerEncoder, "conformer": ConformerEncoder, "transformer": TransformerEncoder}
    encoder: torch.nn.Module = classes[conf.encoder](MEL_BINS, **conf.encoder_options())
    return encoder
