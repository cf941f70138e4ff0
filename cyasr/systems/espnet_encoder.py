"""ESPnet's encoders on padded batches as if each utterance stood alone.

By themselves they let padding in at two places: the subsampling counts a frame or two that reach into it, and depth-wise
convolutions mix it into the last frames. An utterance's scores would depend on its company in the batch.
"""

from __future__ import annotations

from typing import Any

import torch


class PaddedEncoder:
    """`encoder`: an espnet2 Conformer, E-Branchformer or Transformer encoder in evaluation mode, used as it is."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._inside = torch.empty(0)  # (N, 1, T') true at an utterance's own frames; empty outside of a call

    @torch.inference_mode()
    def __call__(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """features: (N, T, F), lengths: (N,) frames -> (N, T', D), (N,) subsampled frames."""
        if int(lengths.min()) == features.shape[1]:
            encoded, encoded_lengths, _ = self._encoder(features, lengths)
            return encoded, encoded_lengths
        hooks = [self._encoder.embed.register_forward_hook(self._count_frames(lengths.to(features.device)))]
        for module in self._encoder.modules():
            if isinstance(module, torch.nn.Conv1d) and module.groups > 1:
                hooks.append(module.register_forward_pre_hook(self._silence_padding))
        try:
            encoded, encoded_lengths, _ = self._encoder(features, lengths)
        finally:
            for hook in hooks:
                hook.remove()
        return encoded, encoded_lengths

    def _count_frames(self, lengths: torch.Tensor) -> Any:
        """A hook that puts the exact mask in place of the subsampling's."""

        def replace(module: Any, _: Any, output: Any) -> Any:
            frames = lengths
            for conv in module.conv:
                if isinstance(conv, torch.nn.Conv2d):
                    frames = (frames - conv.kernel_size[0]) // conv.stride[0] + 1
            states, mask = output
            self._inside = torch.arange(mask.shape[-1], device=mask.device) < frames[:, None, None]
            return states, self._inside

        return replace

    def _silence_padding(self, _: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        """A hook before a convolution over time: (N, C, T')."""
        return (inputs[0] * self._inside,)
