"""A training's memory, batch and hours, from the real architecture.

Weights 4 bytes a parameter (autocast keeps them in float32; four-bit ones 0.516: Dettmers et al., NeurIPS 2023, with
their doubly quantised scales), gradients 4 and AdamW's two moments 8 a trained parameter (Rajbhandari et al., SC 2020,
section 3.1), activations as a traced pass allocates them (cyasr.planning.trace), which grow with the utterances of a
micro-batch. KV cache: 2 * layers * width * 4 bytes a position, of the decoder's own and the encoder's positions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cyasr.adaptation import four_bit
from cyasr.adaptation.adapt import count
from cyasr.cli import UsageError
from cyasr.experiment import TrainConf
from cyasr.planning import trace
from cyasr.planning.architecture import build

GB = 10**9
FOUR_BIT = 0.5 + 1 / 64 + 4 / (64 * 256)  # bytes a weight, block scales and theirs included
HEAP = 1.5  # on a CPU, the heap over what lives in it: 1.4 to 2.0 by tools/bench/plan.py
USABLE = 0.92  # of a GPU: the rest is CUDA's context and fragments


@dataclass(frozen=True)
class Plan:
    """Bytes, unless said otherwise."""

    parameters: int  # number
    trained: int  # number
    weights: int
    fixed_activations: int  # of a micro-batch, whatever its size
    utterance_activations: int  # more for each utterance
    kv_cache: int  # of one hypothesis while decoding
    seconds: float  # of an utterance
    operations: float  # a second of speech, forward and backward

    @property
    def gradients(self) -> int:
        return 4 * self.trained

    @property
    def optimizer(self) -> int:
        return 8 * self.trained

    @property
    def states(self) -> int:
        """Everything but activations."""
        return self.weights + self.gradients + self.optimizer

    def peak(self, utterances: int) -> int:
        """With so many in one micro-batch."""
        return self.states + self.fixed_activations + utterances * self.utterance_activations

    def fitting(self, memory: float) -> int:
        """Utterances of a micro-batch that `memory` bytes hold."""
        return max(0, int((memory * USABLE - self.states - self.fixed_activations) // self.utterance_activations))

    def hours(self, speech_hours: float, epochs: float, rate: float) -> float:
        """Of training. rate: operations a second that are sustained."""
        return speech_hours * epochs * self.operations / rate


def plan(conf: TrainConf, data: Path | None, seconds: float, gpu: bool) -> Plan:
    """For utterances of `seconds`, under bf16 autocast and with fused attention on a GPU, as the conf says on a CPU.

    Raises UsageError for a model whose sizes are not known here.
    """
    model = build(conf, data)
    trained, parameters = count(model)
    weights, cache = _weights(model), _kv_cache(conf, model, seconds)
    like = replace(conf, adapt=trace.traceable(conf.adapt))
    if gpu and conf.system.startswith("hf_"):
        like = replace(like, native={**conf.native, "attention_dropout": 0.0})  # its fused kernels keep no T x T matrices
    low = conf.precision in {"bf16", "fp16"} or (gpu and conf.precision == "auto")
    one, two = (trace.cost(build(like, data), like, utterances, seconds, low) for utterances in (1, 2))
    heap = 1.0 if gpu else HEAP
    more = round(heap * (two.memory - one.memory))
    fixed = max(0, round(heap * one.memory) - more)
    return Plan(parameters, trained, weights, fixed, more, cache, seconds, one.operations / seconds)


def micro_batch(conf: TrainConf, seconds: float) -> int:
    """Utterances of `seconds` in a micro-batch of the conf; all of a batch where it sets no limit."""
    limit = min(conf.micro_batch_seconds or conf.batch_seconds, conf.batch_seconds)
    return max(1, int(limit // padded(conf, seconds)))


def padded(conf: TrainConf, seconds: float) -> float:
    """What an utterance of `seconds` counts for in a batch."""
    return max(seconds, trace.WHISPER_FRAMES / 100) if conf.system == "hf_seq2seq" else seconds


def refuse_if_too_large(made: Plan, memory: float) -> None:
    """Raises UsageError, with what helps, where not even one utterance fits."""
    if made.fitting(memory) < 1:
        raise UsageError(
            f"no room: an utterance of {made.seconds:g} s takes {made.peak(1) / GB:.1f} of {memory * USABLE / GB:.1f} GB. "
            "adapt: adapt_dialect.yaml (LoRA) or adapt_dialect_qlora.yaml, checkpoint_activations: true, "
            "shorter segments or a smaller model need less"
        )


def _weights(model: Any) -> int:
    """Bytes of parameters and buffers, shared ones once."""
    packed = {id(module.weight) for module in model.modules() if four_bit.is_four_bit(module)}
    kept = {id(one): one for one in (*model.parameters(), *model.buffers())}
    return round(sum(one.numel() * (FOUR_BIT if key in packed else one.element_size()) for key, one in kept.items()))


def _kv_cache(conf: Any, model: Any, seconds: float) -> int:
    """Bytes of one hypothesis at its longest; the encoder's keys and values are kept for each, as transformers does."""
    if conf.system == "hf_seq2seq":
        config = model.config
        positions = config.max_target_positions + config.max_source_positions
        return int(2 * config.decoder_layers * config.d_model * 4 * positions)
    if conf.system == "nemo":
        size = model.cfg.transf_decoder.config_dict
        positions = size.max_sequence_length + seconds * 100 / model.encoder.subsampling_factor
        return int(2 * size.num_layers * size.hidden_size * 4 * positions)
    if conf.system == "espnet":
        return int(2 * conf.decoder_layers * conf.size * 4 * seconds * trace.TOKENS_PER_SECOND)
    return 0
