"""torch's own layers, faster on a CPU: same parameters, same names, same results.

`accelerate(model)` changes the class of the modules it knows to a subclass with another `forward`; parameters, state
dict, hooks and `isinstance` checks stay as they were. Off the CPU, in other types than float32, under autocast and while
tracing every module runs torch's own code.

Where the time went (PyTorch 2.13, AMD Zen 5, one thread) and what takes its place:

- matrix products: oneDNN instead of MKL, which leaves AVX-512 unused on AMD;
- depthwise convolutions: time seen as the width of a channels-last image, or its height for the weights' gradient;
- dropout masks: 16 random bits an element instead of a random double.

tools/bench/kernels.py prints the figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

aten = torch.ops.aten
CHANNELS_LAST = torch.channels_last


def accelerate(model: nn.Module, further: Mapping[type[nn.Module], type[nn.Module]] | None = None) -> None:
    """Let `model` run its linear layers, depthwise convolutions and dropout the fast way, in place.

    further: other classes of modules, and what takes their place.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    classes = {**LAYERS, **(further or {})}
    for module in model.modules():
        if faster := classes.get(type(module)):
            module.__class__ = faster


def fast(x: Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        and not torch.compiler.is_compiling()
    )


# Linear


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x: (..., K), weight: (N, K), bias: (N). x @ weight.T + bias: (..., N), by oneDNN."""
    if not weight.is_contiguous() and not weight.t().is_contiguous():
        weight = weight.contiguous()  # anything else but a transposed matrix falls to a kernel a thousand times slower
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def outer_products(a: Tensor, b: Tensor) -> Tensor:
    """a: (M, N), b: (M, K). a.T @ b: (N, K); oneDNN copies the first factor, so that is the smaller one."""
    if a.size(1) <= b.size(1):
        return product(a.t(), b.t())
    return product(b.t(), a.t()).t().contiguous()


class _LinearFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        flat = grad.reshape(-1, weight.size(0))
        grad_x = product(grad, weight.t()) if for_x else None
        grad_weight = outer_products(flat, x.reshape(-1, weight.size(1))) if for_weight else None
        return grad_x, grad_weight, flat.sum(0) if for_bias else None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """functional.linear with its gradients, by oneDNN."""
    return _LinearFunction.apply(x, weight, bias)  # type: ignore[no-untyped-call]


class Linear(nn.Linear):
    """nn.Linear by oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., in_features). Returns (..., out_features)."""
        if not fast(x) or x.numel() == 0:
            return super().forward(x)
        return linear(x, self.weight, self.bias)


# Depthwise convolution over time


def _as_image(x: Tensor, time_is_width: bool) -> Tensor:
    """x: (B, T, C) contiguous. The same memory as a channels-last image (B, C, 1, T) or (B, C, T, 1)."""
    batch, time, channels = x.shape
    if time_is_width:
        return x.as_strided((batch, channels, 1, time), (time * channels, 1, time * channels, channels))
    return x.as_strided((batch, channels, time, 1), (time * channels, 1, channels, channels))


class _DepthwiseFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        channels, _, kernel = weight.shape
        image, window = _as_image(x, True), weight.unsqueeze(2).contiguous(memory_format=CHANNELS_LAST)
        y = functional.conv2d(image, window, bias, padding=(0, kernel // 2), groups=channels)
        return y.squeeze(2).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        channels, _, kernel = weight.shape
        grad = grad.contiguous()

        def gradients(time_is_width: bool, wanted: list[bool]) -> tuple[Tensor, Tensor, Tensor]:
            padding = [0, kernel // 2] if time_is_width else [kernel // 2, 0]
            window = weight.unsqueeze(2 if time_is_width else 3).contiguous(memory_format=CHANNELS_LAST)
            images = _as_image(grad, time_is_width), _as_image(x, time_is_width)
            return aten.convolution_backward(
                *images, window, [channels], [1, 1], padding, [1, 1], False, [0, 0], channels, wanted
            )

        grad_x = gradients(True, [True, False, False])[0].squeeze(2).transpose(1, 2) if ctx.needs_input_grad[0] else None
        _, grad_weight, grad_bias = gradients(False, [False, True, ctx.has_bias])
        return grad_x, grad_weight.reshape(weight.shape), grad_bias


def _is_depthwise(conv: nn.Conv1d) -> bool:
    """One filter a channel, odd, centred: the output is as long as the input."""
    kernel = conv.kernel_size[0]
    shape = (conv.groups, conv.in_channels, conv.stride, conv.dilation, conv.padding, conv.padding_mode)
    return kernel % 2 == 1 and shape == (conv.out_channels, conv.out_channels, (1,), (1,), (kernel // 2,), "zeros")


class Conv1d(nn.Conv1d):
    """nn.Conv1d, depthwise by oneDNN's channels-last kernels, pointwise as a product; (B, C, T) seen through (B, T, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, T), fastest as the transpose of a contiguous (B, T, C). Returns (B, C', T) in the same manner."""
        if not fast(x) or x.dim() != 3 or x.numel() == 0:
            return super().forward(x)
        if _is_depthwise(self):
            y: Tensor = _DepthwiseFunction.apply(  # type: ignore[no-untyped-call]
                x.transpose(1, 2).contiguous(), self.weight, self.bias
            )
        elif (self.kernel_size, self.stride, self.padding, self.groups) == ((1,), (1,), (0,), 1):
            y = linear(x.transpose(1, 2).contiguous(), self.weight.squeeze(2), self.bias)
        else:
            return super().forward(x)
        return y.transpose(1, 2)


# Dropout


class _DropoutFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        threshold = round(p * 2**16)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = bits.view(torch.int16)[: x.numel()].view(x.shape) >= threshold - 2**15
        mask = kept.to(x.dtype).mul_(2**16 / (2**16 - threshold))
        ctx.save_for_backward(mask)
        return x * mask

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (mask,) = ctx.saved_tensors
        return grad * mask, None


class Dropout(nn.Dropout):
    """nn.Dropout from 16 bits of torch's default generator an element: p to the nearest 1/65536, scaled exactly."""

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape."""
        if not self.training or not fast(x) or not 0 < round(self.p * 2**16) < 2**16:
            return super().forward(x)
        return _DropoutFunction.apply(x, self.p)  # type: ignore[no-untyped-call]


LAYERS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: Linear, nn.Conv1d: Conv1d, nn.Dropout: Dropout}
