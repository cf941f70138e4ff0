"""Frozen linear layers with their weights in four bits: NF4 with double quantisation (Dettmers et al., NeurIPS 2023).

bitsandbytes packs, unpacks and multiplies, on CPU and GPU. Weights are always packed on the CPU, so that the same
checkpoint gives the same bits wherever it is trained and restored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it regrets, when imported, that it has no CPU kernel from the hub


def quantize(children: Iterable[tuple[nn.Module, str, nn.Linear]]) -> None:
    """Put a four-bit layer in the place of each (parent, name, linear). On the meta device only the class changes."""
    for parent, name, linear in children:
        setattr(parent, name, _quantized(linear))


def dequantize(layer: Any) -> nn.Linear:
    """A plain linear layer with the weights, in float32, that the four-bit `layer` computes with."""
    weight = _bitsandbytes().functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    plain = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
    plain.weight, plain.bias = nn.Parameter(weight, requires_grad=False), layer.bias
    return plain


def is_four_bit(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and hasattr(module.weight, "compress_statistics")


def size(parameter: nn.Parameter) -> int:
    """Weights of a parameter, two to a byte where they are packed."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else int(torch.Size(state.shape).numel())


def _quantized(linear: nn.Linear) -> Any:
    made = _layer_class()(linear.in_features, linear.out_features, linear.bias is not None, quant_type="nf4", device="meta")
    made.bias = linear.bias
    if not linear.weight.is_meta:
        weight = linear.weight.data.cpu()
        made.weight = _bitsandbytes().nn.Params4bit(weight, requires_grad=False, quant_type="nf4").to("cpu")
    return made


@cache
def _layer_class() -> Any:
    library = _bitsandbytes()

    class Linear4bit(library.nn.Linear4bit):  # type: ignore[name-defined]
        """bitsandbytes' layer without what its forward does besides: on some CPUs it packs the weights anew for evaluation,
        whereupon no gradient passes them any more; and it rounds the bias to the type of the first input that it sees."""

        def forward(self, x: Tensor) -> Tensor:
            """x: (..., in_features). Returns (..., out_features), computed in autocast's type or else in x's."""
            if torch.is_autocast_enabled(x.device.type):
                x = x.to(torch.get_autocast_dtype(x.device.type))
            if self.weight.is_meta:
                return nn.functional.linear(x, self.weight.to(x.dtype), self.bias)
            product: Tensor = library.matmul_4bit(x, self.weight, quant_state=self.weight.quant_state)
            return product if self.bias is None else product + self.bias.to(x.dtype)

    return Linear4bit


@cache
def _bitsandbytes() -> Any:
    import bitsandbytes

    return bitsandbytes
