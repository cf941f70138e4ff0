"""ESPnet's modules, faster on a CPU: same parameters, same names, same results.

`accelerate(model)` changes the class of the modules it knows to a subclass with another `forward`; parameters, state
dict, hooks and `isinstance` checks stay as they were, so checkpoints interchange with ESPnet. Off the CPU, in other
types than float32, under autocast and while tracing every module runs ESPnet's own code.

Where the time went (PyTorch 2.13, AMD Zen 5, one thread, 80 s of speech a step, d = 128) and what takes its place:

- the two convolutions of the 4x front end: channels last, ReLU fused, gradients in place;
- matrix products: oneDNN instead of MKL, which leaves AVX-512 unused on AMD;
- depthwise convolutions: time seen as the width of a channels-last image, or its height for the weights' gradient;
- dropout masks: 16 random bits an element instead of a random double.

tools/bench/kernels.py prints the figures.
"""

from __future__ import annotations

from typing import Any

import torch
from espnet.nets.pytorch_backend.conformer.convolution import ConvolutionModule
from espnet.nets.pytorch_backend.conformer.swish import Swish
from espnet.nets.pytorch_backend.transformer.subsampling import Conv2dSubsampling
from torch import Tensor, nn
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

aten = torch.ops.aten
CHANNELS_LAST = torch.channels_last


def accelerate(model: nn.Module) -> None:
    """Let `model` run its linear layers, depthwise convolutions, 4x front end, dropout and swish the fast way, in place."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    for module in model.modules():
        for slow, fast in FASTER.items():
            if type(module) is slow:
                module.__class__ = fast


def _fast(x: Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        and not torch.compiler.is_compiling()
    )


# Linear


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x: (..., K), weight: (N, K), bias: (N). x @ weight.T + bias: (..., N), by oneDNN."""
    if not weight.is_contiguous() and not weight.t().is_contiguous():
        weight = weight.contiguous()  # anything else but a transposed matrix falls to a kernel a thousand times slower
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def _outer_products(a: Tensor, b: Tensor) -> Tensor:
    """a: (M, N), b: (M, K). a.T @ b: (N, K); oneDNN copies the first factor, so that is the smaller one."""
    if a.size(1) <= b.size(1):
        return _product(a.t(), b.t())
    return _product(b.t(), a.t()).t().contiguous()


class _LinearFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        flat = grad.reshape(-1, weight.size(0))
        grad_x = _product(grad, weight.t()) if for_x else None
        grad_weight = _outer_products(flat, x.reshape(-1, weight.size(1))) if for_weight else None
        return grad_x, grad_weight, flat.sum(0) if for_bias else None


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """functional.linear with its gradients, by oneDNN."""
    return _LinearFunction.apply(x, weight, bias)  # type: ignore[no-untyped-call]


class Linear(nn.Linear):
    """nn.Linear by oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., in_features). Returns (..., out_features)."""
        if not _fast(x) or x.numel() == 0:
            return super().forward(x)
        return _linear(x, self.weight, self.bias)


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
        if not _fast(x) or x.dim() != 3 or x.numel() == 0:
            return super().forward(x)
        if _is_depthwise(self):
            y: Tensor = _DepthwiseFunction.apply(  # type: ignore[no-untyped-call]
                x.transpose(1, 2).contiguous(), self.weight, self.bias
            )
        elif (self.kernel_size, self.stride, self.padding, self.groups) == ((1,), (1,), (0,), 1):
            y = _linear(x.transpose(1, 2).contiguous(), self.weight.squeeze(2), self.bias)
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
        if not self.training or not _fast(x) or not 0 < round(self.p * 2**16) < 2**16:
            return super().forward(x)
        return _DropoutFunction.apply(x, self.p)  # type: ignore[no-untyped-call]


class FastSwish(Swish):
    """x sigmoid(x) as one operation."""

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape."""
        return functional.silu(x) if _fast(x) else super().forward(x)


# The 4x front end


def _convolve_relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """max(0, 3x3 convolution of stride 2): (B, C, T, F) -> (B, C', (T - 1) // 2, (F - 1) // 2), channels last."""
    return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, [0, 0], [2, 2], [1, 1], 1, "relu", [], "")


def _through_relu(grad: Tensor, y: Tensor) -> Tensor:
    """The gradient before the ReLU whose result was y; overwrites `grad`."""
    return aten.threshold_backward.grad_input(grad, y, 0.0, grad_input=grad)


class _FrontEndFunction(Function):
    """Two 3x3 convolutions of stride 2, each with a ReLU, on (B, T, F) features that need no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor) -> Tensor:
        batch, time, frequency = x.shape
        image = x.contiguous().as_strided((batch, 1, time, frequency), (time * frequency, 1, frequency, 1))
        hidden = _convolve_relu(image, weight1.contiguous(memory_format=CHANNELS_LAST), bias1)
        window = weight2.contiguous(memory_format=CHANNELS_LAST)
        y = _convolve_relu(hidden, window, bias2)
        ctx.save_for_backward(x, hidden, window, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, Tensor, Tensor, Tensor]:
        x, hidden, window, y = ctx.saved_tensors
        channels = hidden.size(1)
        grad = _through_relu(grad.clone(memory_format=CHANNELS_LAST), y)
        grad_hidden, grad_weight2, grad_bias2 = aten.convolution_backward(
            grad, hidden, window, [channels], [2, 2], [0, 0], [1, 1], False, [0, 0], 1, [True, True, True]
        )
        flat = _through_relu(grad_hidden, hidden).permute(0, 2, 3, 1).reshape(-1, channels)
        patches = functional.unfold(x.unsqueeze(1), 3, stride=2).transpose(1, 2).reshape(-1, 9)
        grad_weight1 = _outer_products(flat, patches).view(channels, 1, 3, 3)
        return None, grad_weight1, flat.sum(0), grad_weight2, grad_bias2


class FastConv2dSubsampling(Conv2dSubsampling):
    """Conv2dSubsampling with channels last throughout."""

    def forward(self, x: Tensor, x_mask: Tensor | None) -> Any:
        """x: (B, T, F), x_mask: (B, 1, T) or None. Returns what the output layers make of (B, T // 4, size), and the mask."""
        if not _fast(x) or x.requires_grad:
            return super().forward(x, x_mask)
        first, second = self.conv[0], self.conv[2]
        y: Tensor = _FrontEndFunction.apply(  # type: ignore[no-untyped-call]
            x, first.weight, first.bias, second.weight, second.bias
        )
        batch, channels, time, frequency = y.shape
        projection, *rest = self.out
        # ESPnet's weights expect channels before frequencies; moving the weights costs less than moving the activations
        weight = projection.weight.view(-1, channels, frequency).transpose(1, 2).reshape(-1, frequency * channels)
        out = _linear(y.permute(0, 2, 3, 1).reshape(batch, time, -1), weight, projection.bias)
        for layer in rest:
            out = layer(out)
        return out, None if x_mask is None else x_mask[:, :, :-2:2][:, :, :-2:2]


class FastConvolutionModule(ConvolutionModule):
    """The Conformer's convolution with its batch norm over (B T, C), so that nothing changes its layout."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C). Returns (B, T, C)."""
        if not _fast(x):
            return super().forward(x)
        x = functional.glu(self.pointwise_conv1(x.transpose(1, 2)).transpose(1, 2), dim=2)
        x = self.depthwise_conv(x.transpose(1, 2)).transpose(1, 2)
        x = self.activation(self.norm(x.reshape(-1, x.size(2))).view(x.shape))
        return self.pointwise_conv2(x.transpose(1, 2)).transpose(1, 2)


FASTER: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: Linear,
    nn.Conv1d: Conv1d,
    nn.Dropout: Dropout,
    Swish: FastSwish,
    Conv2dSubsampling: FastConv2dSubsampling,
    ConvolutionModule: FastConvolutionModule,
}
