"""What of a pretrained model is trained: all of it, low-rank updates, bottleneck adapters, or named parts.

LoRA is W + (alpha / rank) B A (Hu et al., ICLR 2022), through PEFT; QLoRA the same over weights kept in four bits
(Dettmers et al., NeurIPS 2023), through bitsandbytes. Bottleneck adapters (Houlsby et al., ICML 2019) are ours: they
start as the identity. Only what is trained is saved; `saved_state` and `load_saved_state` are the two ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cyasr.adaptation.conf import AdaptConf
from cyasr.cli import UsageError
from cyasr.conf import nearest


def adapt(model: nn.Module, conf: AdaptConf, head: Sequence[str] = ()) -> None:
    """Freeze and extend `model` in place as `conf` says.

    head: names of parts that are new and therefore always trained. Raises UsageError, naming what there is, where a
    target or a part to train matches nothing.
    """
    if conf.kind == "full":
        return
    model.requires_grad_(False)
    if conf.kind in {"lora", "qlora"}:
        _add_lora(model, conf)
    elif conf.kind == "adapters":
        _add_bottlenecks(model, conf)
    for part in (*head, *conf.train):
        matching = [parameter for name, parameter in model.named_parameters() if _has_part(name, part)]
        if not matching:
            raise UsageError(f"adapt: train: {part!r} is part of no parameter's name{nearest(part, _last_parts(model))}")
        for parameter in matching:
            parameter.requires_grad_(parameter.is_floating_point())


def count(model: nn.Module) -> tuple[int, int]:
    """Parameters that are trained, and all."""
    parameters = {id(parameter): parameter for parameter in model.parameters()}.values()
    return sum(one.numel() for one in parameters if one.requires_grad), sum(_size(one) for one in parameters)


def saved_state(model: nn.Module, conf: AdaptConf) -> dict[str, Tensor]:
    """The state dict; of an adapted model only what is trained."""
    frozen = set() if conf.kind == "full" else _frozen(model)
    return {name: value for name, value in model.state_dict().items() if not _belongs(name, frozen)}


def load_saved_state(model: nn.Module, state: dict[str, Tensor], conf: AdaptConf) -> None:
    """The other end. Raises RuntimeError, as torch does, for names that do not fit."""
    missing, unexpected = model.load_state_dict(state, strict=False)
    frozen = set() if conf.kind == "full" else _frozen(model)
    lost = [name for name in missing if not _belongs(name, frozen)]
    if lost or unexpected:
        raise RuntimeError(f"missing: {', '.join(lost) or 'nothing'}; unexpected: {', '.join(unexpected) or 'nothing'}")


def merge(model: nn.Module) -> None:
    """Add low-rank updates to the weights they belong to, in place: the same outputs, the plain model's names.

    Raises UsageError for bottleneck adapters, which no weight of the plain model can take up.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent, name, module in list(_children(model)):
        if isinstance(module, WithBottleneck):
            raise UsageError("bottleneck adapters cannot be merged; keep base model and adapter")
        if isinstance(module, BaseTunerLayer):
            module.merge(safe_merge=True)
            setattr(parent, name, module.get_base_layer())


class WithBottleneck(nn.Module):
    """A module followed by x + W_up relu(W_down norm(x)); W_up starts at zero, so that nothing changes before training."""

    def __init__(self, base_layer: nn.Module, size: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.norm = nn.LayerNorm(size)
        self.down = nn.Linear(size, bottleneck)
        self.up = nn.Linear(bottleneck, size)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        output = self.base_layer(*inputs, **options)
        hidden = output[0] if isinstance(output, tuple) else output
        changed = hidden + self.dropout(self.up(torch.relu(self.down(self.norm(hidden)))))
        return (changed, *output[1:]) if isinstance(output, tuple) else changed


def _add_lora(model: nn.Module, conf: AdaptConf) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    _matching(model, conf.targets)
    options: dict[str, Any] = {"r": conf.rank, "lora_alpha": conf.alpha, "lora_dropout": conf.dropout}
    inject_adapter_in_model(LoraConfig(target_modules=list(conf.targets), bias="none", **options), model)


def _add_bottlenecks(model: nn.Module, conf: AdaptConf) -> None:
    for parent, name, module in _matching(model, conf.targets):
        sizes = [weight.shape[0] for key, weight in module.named_parameters() if key.endswith("weight") and weight.ndim > 1]
        if not sizes:
            raise UsageError(f"adapt: targets: {name!r} is no module with a weight matrix")
        setattr(parent, name, WithBottleneck(module, sizes[-1], conf.bottleneck, conf.dropout))


def _matching(model: nn.Module, targets: Sequence[str]) -> list[tuple[nn.Module, str, nn.Module]]:
    """(parent, name, module) of all modules so named. Raises UsageError for a target that names none."""
    names = {name for _, name, _ in _children(model)}
    for target in targets:
        if target not in names:
            raise UsageError(f"adapt: targets: no module is called {target!r}{nearest(target, names)}")
    return [child for child in _children(model) if child[1] in targets]


def _children(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for parent in model.modules():
        for name, module in parent.named_children():
            yield parent, name, module


def _frozen(model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters(remove_duplicate=False) if not parameter.requires_grad}


def _belongs(name: str, frozen: set[str]) -> bool:
    """Whether a state-dict entry is a frozen parameter or, as bitsandbytes' statistics, hangs below one."""
    return name in frozen or any(name.startswith(f"{other}.") for other in frozen if name.startswith(other))


def _has_part(name: str, part: str) -> bool:
    return f".{part}." in f".{name}."


def _last_parts(model: nn.Module) -> set[str]:
    return {piece for name, _ in model.named_parameters() for piece in name.split(".")}


def _size(parameter: nn.Parameter) -> int:
    """Weights of a parameter, also where bitsandbytes packs two of them in a byte."""
    shape = getattr(getattr(parameter, "quant_state", None), "shape", None)
    return int(torch.Size(shape).numel()) if shape is not None else parameter.numel()
