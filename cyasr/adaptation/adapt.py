"""What of a pretrained model is trained: all of it, low-rank updates, bottleneck adapters, or named parts.

LoRA is W + (alpha / rank) B A (Hu et al., ICLR 2022), through PEFT; QLoRA the same over weights kept in four bits
(Dettmers et al., NeurIPS 2023), through bitsandbytes. Bottleneck adapters (Houlsby et al., ICML 2019) are ours: they
start as the identity. Only what is trained is saved, with a fingerprint of what it was trained on; `saved_state` and
`load_saved_state` are the two ends.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from cyasr.adaptation import four_bit
from cyasr.adaptation.bottleneck import WithBottleneck
from cyasr.adaptation.conf import GROUPS, AdaptConf
from cyasr.cli import UsageError
from cyasr.conf import nearest

BASE = "adapted_base"  # the buffer that holds the fingerprint


def adapt(model: nn.Module, conf: AdaptConf, head: Sequence[str] = ()) -> None:
    """Freeze and extend `model` in place as `conf` says.

    head: names of parts that are new and therefore always trained. Raises UsageError, naming what there is, where a
    target or a part to train matches nothing or cannot be adapted.
    """
    if conf.kind == "full":
        return
    trained = [parameter for part in (*head, *conf.train) for parameter in _parameters(model, part)]
    targets = _targets(model, conf.targets, trained)
    model.requires_grad_(False)
    model.register_buffer(BASE, _fingerprint(_frozen_parameters(model, trained)))
    if conf.kind == "qlora":
        four_bit.quantize((layer.parent, layer.last, layer.module) for layer in _quantizable(model, trained))
    if conf.kind in {"lora", "qlora"}:
        _add_lora(model, conf, [layer.name for layer in targets])
    elif conf.kind == "adapters":
        for layer in targets:
            setattr(layer.parent, layer.last, WithBottleneck(layer.module, conf.bottleneck, conf.dropout))
    for parameter in trained:
        parameter.requires_grad_(True)


def count(model: nn.Module) -> tuple[int, int]:
    """Parameters that are trained, and all. Also on the meta device."""
    parameters = {id(parameter): parameter for parameter in model.parameters()}.values()
    return sum(one.numel() for one in parameters if one.requires_grad), sum(four_bit.size(one) for one in parameters)


def check_used(model: nn.Module) -> None:
    """After a first backward pass: raises UsageError where a low-rank update got no gradient. A model that reads the
    weights of a layer itself, as WavLM's attention does, passes by what was put around it."""
    used: dict[str, bool] = {}  # by the last part of the layers' names: a layer may well be dropped once, not all of a kind
    for name, parameter in model.named_parameters():
        layer, update, _ = name.partition(".lora_B")
        if update:
            last = layer.rpartition(".")[2]
            used[last] = used.get(last, False) or parameter.grad is not None
    idle = [name for name, anywhere in used.items() if not anywhere]
    if idle:
        raise UsageError(f"adapt: targets: this model passes by what is put around its {', '.join(idle)}; leave them out")


def saved_state(model: nn.Module, conf: AdaptConf) -> dict[str, Tensor]:
    """The state dict, shared weights once; of an adapted model only what is trained."""
    left_out = _left_out(model, conf)
    return {name: value for name, value in model.state_dict().items() if not _belongs(name, left_out)}


def load_saved_state(model: nn.Module, state: dict[str, Tensor], conf: AdaptConf) -> None:
    """The other end. Raises RuntimeError, as torch does, for names that do not fit, and UsageError where `state` was
    trained on other weights than those that `model` has."""
    for name, value in model.state_dict().items():
        if name.endswith(BASE) and name in state and not torch.equal(state[name].cpu(), value.cpu()):
            raise UsageError(
                "the weights beneath this adaptation are not those that it was trained on: `pretrained:` or `init_from:` is "
                "another model now. Put the old one back (a hub model's `revision:` keeps it), or train anew with --redo"
            )
    missing, unexpected = model.load_state_dict(state, strict=False)
    left_out = _left_out(model, conf)
    _all_fit([name for name in missing if not _belongs(name, left_out)], unexpected)


def merge(model: nn.Module) -> None:
    """Add low-rank updates to the weights they belong to, in place: the same outputs, the plain model's names.

    Four-bit weights become float32. Raises UsageError for bottleneck adapters, which no weight of the plain model can
    take up.
    """
    if any(isinstance(module, WithBottleneck) for module in model.modules()):
        raise UsageError("bottleneck adapters cannot be merged into the model: keep the experiment, which holds both")
    for parent, name, module in list(_children(model)):
        if four_bit.is_four_bit(module):
            setattr(parent, name, four_bit.dequantize(module))
    for parent, name, module in list(_children(model)):
        if hasattr(module, "lora_A"):
            lora: Any = module
            lora.merge(safe_merge=True)
            setattr(parent, name, lora.get_base_layer())
    for owner in model.modules():
        owner._buffers.pop(BASE, None)


@dataclass(frozen=True)
class _Layer:
    name: str  # dotted
    parent: nn.Module
    last: str  # part of the name
    module: nn.Linear


def _add_lora(model: nn.Module, conf: AdaptConf, names: list[str]) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    try:
        options: dict[str, Any] = {"r": conf.rank, "lora_alpha": conf.alpha, "lora_dropout": conf.dropout, **conf.native}
        config = LoraConfig(target_modules=names, **options)
        meta = any(parameter.is_meta for parameter in model.parameters())
        inject_adapter_in_model(config, model, low_cpu_mem_usage=meta)
    except (TypeError, ValueError) as error:
        raise UsageError(f"adapt: PEFT refuses: {str(error).splitlines()[0]}") from None


def _targets(model: nn.Module, targets: Sequence[str], trained: Collection[nn.Parameter]) -> list[_Layer]:
    """The linear layers that `targets` name, but those trained in full. Raises UsageError for a target that names none."""
    layers = list(_linear_layers(model))
    found: dict[str, _Layer] = {}
    for target in targets:
        matching = [one for one in layers if any(_ends(one.name, ending) for ending in GROUPS.get(target, (target,)))]
        if not matching:
            others = [name for name, _ in model.named_modules() if _ends(name, target)]
            names = {one.last for one in layers}
            raise UsageError(
                f"adapt: targets: {target!r} is no linear layer but a {type(model.get_submodule(others[0])).__name__}"
                if others
                else f"adapt: targets: no linear layer is called {target!r}{nearest(target, [*GROUPS, *names])}"
            )
        found |= {one.name: one for one in matching}
    full, shared = {id(parameter) for parameter in trained}, _shared(model)
    for one in found.values():
        if id(one.module.weight) in shared:
            raise UsageError(f"adapt: targets: {one.name} shares its weights with another layer, which would change with it")
    left = [one for one in found.values() if id(one.module.weight) not in full]
    if found and not left:
        raise UsageError(f"adapt: targets: all of {', '.join(targets)} is trained in full already (train)")
    return left


def _quantizable(model: nn.Module, trained: Collection[nn.Parameter]) -> list[_Layer]:
    """Linear layers that stay as they are. Raises UsageError where there is none."""
    kept = {id(parameter) for parameter in trained} | _shared(model)
    layers = [one for one in _linear_layers(model) if id(one.module.weight) not in kept]
    if not layers:
        raise UsageError("adapt: kind: qlora: the model has no linear layer to keep in four bits")
    return layers


def _parameters(model: nn.Module, part: str) -> list[nn.Parameter]:
    """Those whose dotted names have `part`. Raises UsageError where there are none."""
    every = list(model.named_parameters(remove_duplicate=False))
    matching = [parameter for name, parameter in every if fnmatchcase(f".{name}.", f"*.{part}.*")]
    if not matching:
        pieces = {piece for name, _ in every for piece in name.split(".")}
        raise UsageError(f"adapt: train: {part!r} is part of no parameter's name{nearest(part, pieces)}")
    return matching


def _ends(name: str, ending: str) -> bool:
    return fnmatchcase(f".{name}", f"*.{ending}")


def _linear_layers(model: nn.Module) -> Iterator[_Layer]:
    for prefix, parent in model.named_modules():
        for last, module in parent.named_children():
            if isinstance(module, nn.Linear):
                yield _Layer(f"{prefix}.{last}".lstrip("."), parent, last, module)


def _children(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for parent in model.modules():
        for name, module in parent.named_children():
            yield parent, name, module


def _shared(model: nn.Module) -> set[int]:
    """Parameters that stand in several places, as a decoder's embeddings in its output layer."""
    times = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    return {parameter for parameter, count in times.items() if count > 1}


def _fingerprint(weights: Mapping[str, Tensor]) -> Tensor:
    """(8,) bytes of a hash over samples of the matrices among `weights`; zeros on the meta device.

    Vectors do not count: some checkpoints lack one (the mask's embedding), which is then drawn anew at each loading.
    """
    digest = hashlib.sha256()
    for name, weight in sorted(weights.items()):
        if weight.is_meta:
            return torch.zeros(8, dtype=torch.uint8, device="meta")
        if weight.ndim > 1:
            values = weight.detach().flatten()
            sample = values[:: max(1, len(values) // 16)].float().cpu()
            digest.update(f"{name} {tuple(weight.shape)}".encode() + sample.numpy().tobytes())
    return torch.frombuffer(bytearray(digest.digest()[:8]), dtype=torch.uint8)


def _frozen_parameters(model: nn.Module, trained: Collection[nn.Parameter]) -> dict[str, nn.Parameter]:
    """By the names of the plain model."""
    full = {id(parameter) for parameter in trained}
    return {_plain(name): parameter for name, parameter in model.named_parameters() if id(parameter) not in full}


def _plain(name: str) -> str:
    """A name of the adapted model as the plain model has it."""
    return name.replace(".base_layer.", ".")


def _all_fit(missing: Collection[str], unexpected: Collection[str]) -> None:
    if missing or unexpected:
        first = ", ".join(sorted([*missing, *unexpected])[:3])
        raise RuntimeError(f"{len(missing)} names missing, {len(unexpected)} unexpected, as {first}")


def _left_out(model: nn.Module, conf: AdaptConf) -> set[str]:
    """Names that are not saved."""
    return _again(model) | (set() if conf.kind == "full" else _frozen(model))


def _again(model: nn.Module) -> set[str]:
    """Further names of parameters that stand in several places."""
    first = {name for name, _ in model.named_parameters()}
    return {name for name, _ in model.named_parameters(remove_duplicate=False)} - first


def _frozen(model: nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters(remove_duplicate=False) if not parameter.requires_grad}


def _belongs(name: str, frozen: set[str]) -> bool:
    """Whether a state-dict entry is a frozen parameter or, as bitsandbytes' statistics, hangs below one."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in frozen for end in range(1, len(parts) + 1))
