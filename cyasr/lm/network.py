"""A neural language model as the one trainer, rescoring and search see it: ESPnet's modules over a tokenizer's tokens.

The network's state-dict names are those of ESPnet's ESPnetLanguageModel (`lm.…`), its tokens and their ids those of the
acoustic model, so that weights can be carried over either way.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from lhotse.cut import Cut
from numpy.typing import NDArray
from torch import Tensor

from cyasr.cli import UsageError
from cyasr.data.features import pad
from cyasr.experiment import TrainConf
from cyasr.losses.cross_entropy import IGNORE
from cyasr.losses.extra import transcript
from cyasr.losses.objective import Losses, Outputs, Tokens, losses
from cyasr.modules.espnet_cpu import accelerate
from cyasr.text.tokenizer import Tokenizer

with redirect_stdout(StringIO()):  # ESPnet prints that it goes on without Flash Attention
    from espnet2.lm.seq_rnn_lm import SequentialRNNLM
    from espnet2.lm.transformer_lm import TransformerLM

SCORED_TOKENS = 20_000  # of sentences scored together, padding included

Floats = NDArray[np.float64]


@dataclass
class Batch:
    """inputs: (N, U) the start and the tokens, 0 where padded; targets: (N, U) the tokens and the end, IGNORE where padded."""

    ids: list[str]
    inputs: Tensor
    targets: Tensor

    def to(self, device: torch.device | str) -> Batch:
        return Batch(self.ids, self.inputs.to(device, non_blocking=True), self.targets.to(device, non_blocking=True))


@dataclass
class Collate:
    """Text cuts into a Batch."""

    tokenizer: Tokenizer

    def __call__(self, cuts: list[Cut], epoch: int = 0) -> Batch:
        return self.batch([cut.id for cut in cuts], [self.tokenizer.encode(transcript(cut)) for cut in cuts])

    def batch(self, ids: list[str], sentences: Sequence[Sequence[int]]) -> Batch:
        edge = self.tokenizer.sos_eos_id
        inputs, _ = pad([torch.tensor([edge, *one]) for one in sentences], self.tokenizer.blank_id)
        targets, _ = pad([torch.tensor([*one, edge]) for one in sentences], IGNORE)
        return Batch(ids, inputs, targets)


class NeuralLm(torch.nn.Module):
    """conf: the trainer's; network: one of ESPnet's AbsLM over the tokens of `tokenizer`."""

    unusable = None  # it can learn from any cut
    padded_to = 0.0  # seconds: to no more than the longest of a batch

    def __init__(self, conf: TrainConf, network: torch.nn.Module, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.conf = conf
        self.lm = network
        self.tokenizer = tokenizer
        self.vocabulary = tokenizer.tokens
        accelerate(self)

    def collator(self, train: bool) -> Collate:
        return Collate(self.tokenizer)

    def forward(self, batch: Batch) -> Losses:
        """The conf's loss, summed over tokens, of which `count` says how many."""
        tokens = Tokens(self.logits(batch.inputs), batch.targets)
        return losses(self.conf.loss, Outputs(int((batch.targets != IGNORE).sum()), tokens=tokens), self.training)

    def logits(self, inputs: Tensor) -> Tensor:
        """inputs: (N, U) -> (N, U, V) of the next token."""
        logits: Tensor = self.lm(inputs, None)[0]
        return logits

    @torch.inference_mode()
    def token_scores(self, sentences: Sequence[Sequence[int]]) -> list[Floats]:
        """Natural logs of each token and the end, (U + 1,) of each sentence; like lengths are computed together."""
        collate, device = self.collator(train=False), next(self.parameters()).device
        scores: list[Floats] = [np.zeros(0)] * len(sentences)
        for places in _alike(sentences):
            batch = collate.batch([], [sentences[n] for n in places]).to(device)
            log_probs = self.logits(batch.inputs).float().log_softmax(-1)
            found = log_probs.gather(2, batch.targets.clamp(min=0)[:, :, None])[:, :, 0].double().cpu().numpy()
            for n, row in zip(places, found, strict=True):
                scores[n] = row[: len(sentences[n]) + 1]
        return scores


def _alike(sentences: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of sentences of similar lengths, at most SCORED_TOKENS a time, padding included."""
    together: list[int] = []
    for n in sorted(range(len(sentences)), key=lambda n: -len(sentences[n])):
        if together and (len(sentences[together[0]]) + 1) * (len(together) + 1) > SCORED_TOKENS:
            yield together
            together = []
        together.append(n)
    if together:
        yield together


def build(network: str, vocabulary: int, options: dict[str, Any]) -> torch.nn.Module:
    """ESPnet's `transformer` or `lstm` over `vocabulary` tokens. Raises UsageError where it refuses an option."""
    classes = {"transformer": TransformerLM, "lstm": SequentialRNNLM}
    try:
        with warnings.catch_warnings():  # one layer has no dropout between layers; ESPnet's own, around them, stays
            warnings.filterwarnings("ignore", "dropout option adds dropout")
            return classes[network](vocabulary, **options)
    except (TypeError, ValueError, AssertionError) as error:
        raise UsageError(f"ESPnet refuses the network (native: or its sizes): {' '.join(str(error).split())}") from None


def load_weights(system: NeuralLm, path: Path) -> None:
    """Raises UsageError where the file is missing or of another network."""
    try:
        system.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; run stage 4") from None
    except (RuntimeError, EOFError, KeyError, UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{path}: not this network's weights, or damaged ({reason}); run stage 4 again") from None
    system.to("cuda" if torch.cuda.is_available() else "cpu").eval()
