"""What a forward and backward pass allocates and computes, without doing it.

The pass runs on fake tensors: meta tensors that remember a device, so that autocast and the choice among attention
kernels are the real ones. Memory is the largest sum of storages alive at once; operations are counted as torch's
FlopCounterMode counts them (two for a multiplication and an addition).
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop, sdpa_flop

from cyasr.adaptation.conf import AdaptConf
from cyasr.data.features import MEL_BINS
from cyasr.experiment import TrainConf
from cyasr.losses.conf import FRAMES, QUANTISED, TOKENS

SAMPLE_RATE = 16000
WHISPER_FRAMES = 3000  # its window of 30 s
TOKENS_PER_SECOND = 15.0  # of speech: characters, or Whisper's byte pairs in Greek at about the same rate
PIECES_PER_SECOND = 6.0  # of Greek in NeMo's vocabularies of 8,192 and 16,384: assumed, not measured


@dataclass(frozen=True)
class Cost:
    """memory: bytes at the peak beside weights, gradients and optimizer; operations: of the whole pass."""

    memory: int
    operations: int


def cost(model: nn.Module, conf: TrainConf, count: int, seconds: float, low_precision: bool) -> Cost:
    """Of one micro-batch of `count` utterances of `seconds` each. model: on the meta device; it becomes fake.

    low_precision: under bf16 autocast. Gradients are dropped as they come: they are added to those that are counted apart.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    live, counter = _Live(), FlopCounterMode(display=False, custom_mapping=ATTENTION)
    with ExitStack() as stack:
        stack.enter_context(mode)
        _make_fake(model)
        model.train()
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(_drop_gradient)  # type: ignore[no-untyped-call]
        stack.enter_context(counter)
        stack.enter_context(live)
        with torch.autocast("cpu", torch.bfloat16, enabled=low_precision):
            loss = PASSES[conf.system](model, conf, count, seconds)
        loss.backward()  # type: ignore[no-untyped-call]
    return Cost(live.peak, counter.get_total_flops())


def traceable(adapt: AdaptConf) -> AdaptConf:
    """The same adaptation over plain weights: four-bit ones keep the same activations."""
    return replace(adapt, kind="lora") if adapt.kind == "qlora" else adapt


def _drop_gradient(parameter: Tensor) -> None:
    parameter.grad = None


class _Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the bytes of all storages that operations make."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {one.untyped_storage()._cdata for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                storage = one.untyped_storage()
                key = storage._cdata
                if key not in before and key not in self._known:
                    self._known[key] = weakref.finalize(storage, self._freed, key, storage.nbytes())
                    self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        return made

    def _freed(self, key: int, size: int) -> None:
        del self._known[key]
        self.now -= size


def _make_fake(model: nn.Module) -> None:
    """Parameters and buffers of the meta device become fake ones on the CPU; shared ones stay shared."""
    made: dict[int, Tensor] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                fake = torch.empty(parameter.shape, dtype=parameter.dtype)
                module._parameters[name] = made.setdefault(id(parameter), nn.Parameter(fake, parameter.requires_grad))  # type: ignore[assignment]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _hf_ctc(system: Any, conf: Any, count: int, seconds: float) -> Tensor:
    model = system.model
    model.config.apply_spec_augment = False
    samples = round(seconds * SAMPLE_RATE)
    waveform = bool(system.inputs.kernels)
    inputs = (
        torch.zeros(count, samples) if waveform else torch.zeros(count, samples // 320, model.config.feature_projection_input_dim)
    )
    with _disable_current_modes():  # real ones: the convolutions look at them
        model.input_lengths = torch.full((count,), inputs.shape[1])
    encoded = model.base_model(inputs)
    total = torch.zeros(())
    if FRAMES in conf.loss.needs:
        total = total + model.lm_head(model.dropout(encoded.last_hidden_state)).float().log_softmax(-1).sum()
    if QUANTISED in conf.loss.needs:
        total = total + model.project_hid(encoded.last_hidden_state).sum()
    return total


def _hf_seq2seq(model: Any, conf: Any, count: int, seconds: float) -> Tensor:
    features = torch.zeros(count, model.config.num_mel_bins, WHISPER_FRAMES)
    encoded = model.model.encoder(features).last_hidden_state
    tokens = torch.zeros(count, min(round(seconds * TOKENS_PER_SECOND), model.config.max_target_positions), dtype=torch.long)
    logits = model(encoder_outputs=(encoded,), decoder_input_ids=tokens, use_cache=False).logits
    return _cross_entropy(logits, tokens)


def _espnet(system: Any, conf: Any, count: int, seconds: float) -> Tensor:
    frames = round(seconds * 100)
    system.encoder.embed._forward_hooks.clear()  # they look at what the padding's mask holds
    system.encoder.training = False  # itself, not its layers: it would draw whether to drop one, and look
    logging.disable(logging.WARNING)  # ESPnet's, of lengths in a list
    encoded, _ = system.encode(torch.zeros(count, frames, MEL_BINS), [frames] * count)
    total = torch.zeros(())
    if FRAMES in conf.loss.needs:
        total = total + system.log_probs(encoded).sum()
    if TOKENS in conf.loss.needs:
        tokens = torch.zeros(count, round(seconds * TOKENS_PER_SECOND), dtype=torch.long)
        logits, _ = system.decoder(encoded, [encoded.shape[1]] * count, tokens, [tokens.shape[1]] * count)
        total = total + _cross_entropy(logits, tokens)
    logging.disable(logging.NOTSET)
    return total


def _nemo_encoded(model: Any, count: int, seconds: float) -> tuple[Tensor, Tensor]:
    """(N, T, D) and (N,) frames."""
    frames = round(seconds * 100)
    lengths = torch.full((count,), frames)
    encoded, kept = model.encoder(audio_signal=torch.zeros(count, model.encoder._feat_in, frames), length=lengths)
    return encoded.transpose(1, 2), kept


def _nemo(model: Any, conf: Any, count: int, seconds: float) -> Tensor:
    encoded, _ = _nemo_encoded(model, count, seconds)
    tokens = torch.zeros(count, round(seconds * PIECES_PER_SECOND), dtype=torch.long)
    seen, heard = torch.ones_like(tokens), torch.ones(encoded.shape[:2])
    states = model.transf_decoder(input_ids=tokens, decoder_mask=seen, encoder_embeddings=encoded, encoder_mask=heard)
    return _cross_entropy(model.log_softmax(hidden_states=states), tokens)


def _nemo_transducer(model: Any, conf: Any, count: int, seconds: float) -> Tensor:
    from cyasr.losses.transducer import transducer_loss
    from cyasr.modules.nemo_transducer import lattice

    encoded, frames = _nemo_encoded(model, count, seconds)
    tokens = torch.zeros(count, round(seconds * PIECES_PER_SECOND), dtype=torch.long)
    return transducer_loss(lattice(model, encoded, frames, tokens, torch.full((count,), tokens.shape[1])))


def _cross_entropy(logits: Tensor, tokens: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits.float().flatten(0, 1), tokens.flatten())


PASSES: dict[str, Callable[[Any, Any, int, float], Tensor]] = {
    "hf_ctc": _hf_ctc,
    "hf_seq2seq": _hf_seq2seq,
    "espnet": _espnet,
    "nemo": _nemo,
    "nemo_transducer": _nemo_transducer,
}


def _attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(sdpa_flop(query, key, value))


def _attention_backward(gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(sdpa_backward_flop(gradient, query, key, value))


ATTENTION = {  # torch counts the GPU's kernels by itself
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
