"""ESPnet's modules, faster on a CPU: same parameters, same names, same results, so that checkpoints interchange with ESPnet.

Besides what cyasr.modules.cpu speeds up: the two convolutions of the 4x front end (channels last, ReLU fused, gradients in
place), swish, and the layout of the Conformer's convolution.
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

from cyasr.modules import cpu
from cyasr.modules.cpu import CHANNELS_LAST, aten, fast, linear, outer_products


def accelerate(model: nn.Module) -> None:
    """Let `model` run what ESPnet's modules and torch's layers can the fast way, in place."""
    cpu.accelerate(model, FASTER)


class FastSwish(Swish):
    """x sigmoid(x) as one operation."""

    def forward(self, x: Tensor) -> Tensor:
        """x: any shape."""
        return functional.silu(x) if fast(x) else super().forward(x)


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
        grad_weight1 = outer_products(flat, patches).view(channels, 1, 3, 3)
        return None, grad_weight1, flat.sum(0), grad_weight2, grad_bias2


class FastConv2dSubsampling(Conv2dSubsampling):
    """Conv2dSubsampling with channels last throughout."""

    def forward(self, x: Tensor, x_mask: Tensor | None) -> Any:
        """x: (B, T, F), x_mask: (B, 1, T) or None. Returns what the output layers make of (B, T // 4, size), and the mask."""
        if not fast(x) or x.requires_grad:
            return super().forward(x, x_mask)
        first, second = self.conv[0], self.conv[2]
        y: Tensor = _FrontEndFunction.apply(  # type: ignore[no-untyped-call]
            x, first.weight, first.bias, second.weight, second.bias
        )
        batch, channels, time, frequency = y.shape
        projection, *rest = self.out
        # ESPnet's weights expect channels before frequencies; moving the weights costs less than moving the activations
        weight = projection.weight.view(-1, channels, frequency).transpose(1, 2).reshape(-1, frequency * channels)
        out = linear(y.permute(0, 2, 3, 1).reshape(batch, time, -1), weight, projection.bias)
        for layer in rest:
            out = layer(out)
        return out, None if x_mask is None else x_mask[:, :, :-2:2][:, :, :-2:2]


class FastConvolutionModule(ConvolutionModule):
    """The Conformer's convolution with its batch norm over (B T, C), so that nothing changes its layout."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C). Returns (B, T, C)."""
        if not fast(x):
            return super().forward(x)
        x = functional.glu(self.pointwise_conv1(x.transpose(1, 2)).transpose(1, 2), dim=2)
        x = self.depthwise_conv(x.transpose(1, 2)).transpose(1, 2)
        x = self.activation(self.norm(x.reshape(-1, x.size(2))).view(x.shape))
        return self.pointwise_conv2(x.transpose(1, 2)).transpose(1, 2)


FASTER: dict[type[nn.Module], type[nn.Module]] = {
    Swish: FastSwish,
    Conv2dSubsampling: FastConv2dSubsampling,
    ConvolutionModule: FastConvolutionModule,
}
