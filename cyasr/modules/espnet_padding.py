"""ESPnet's encoders on padded batches as if each utterance stood alone, in training and in decoding.

By themselves they let padding in at two places: the subsampling counts a frame or two that reach into it, and depth-wise
convolutions mix it into the last frames. An utterance's scores would depend on its company in the batch, and so a
result on the number of jobs or processes.
"""

from __future__ import annotations

from typing import Any

import torch


def ignore_padding(encoder: Any) -> None:
    """Hook `encoder`, an espnet2 Conformer, E-Branchformer or Transformer encoder, in place; names and weights stay."""
    hooks = _Hooks()
    encoder.embed.register_forward_hook(hooks.count_frames)
    for module in encoder.modules():
        if isinstance(module, torch.nn.Conv1d) and module.groups > 1:
            module.register_forward_pre_hook(hooks.silence_padding)


class _Hooks:
    def __init__(self) -> None:
        self.outside: torch.Tensor | None = None  # (N, 1, T') true in the padding; None: there is none

    def count_frames(self, embed: Any, inputs: tuple[torch.Tensor, torch.Tensor], output: Any) -> Any:
        """After the subsampling: put the exact mask in place of its own."""
        states, mask = output
        frames = inputs[1].sum(-1)  # (N, 1)
        for conv in embed.conv:
            if isinstance(conv, torch.nn.Conv2d):
                frames = (frames - conv.kernel_size[0]) // conv.stride[0] + 1
        inside = torch.arange(mask.shape[-1], device=mask.device) < frames[:, :, None]
        self.outside = None if bool(inside.all()) else ~inside
        return states, inside

    def silence_padding(self, _: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        """Before a convolution over time: (N, C, T')."""
        return inputs if self.outside is None else (inputs[0].masked_fill(self.outside, 0.0),)
