"""AdamW and its learning rate over a run."""

from __future__ import annotations

import math

import torch

from cyasr.experiment import TrainConf


def make_optimizer(system: torch.nn.Module, conf: TrainConf) -> torch.optim.Optimizer:
    """AdamW; biases and norms (fewer than two dimensions) do not decay."""
    trained = [parameter for parameter in system.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "weight_decay": conf.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=conf.lr, betas=(conf.betas[0], conf.betas[1]), fused=conf.precision != "fp16")


def learning_rate(conf: TrainConf, share: float) -> float:
    """The rate at `share` (0..1) of the run: linear warm-up, then the conf's schedule down to final_lr * lr."""
    if share < conf.warmup:
        return conf.lr * max(share, 1e-4) / conf.warmup
    after = min(1.0, (share - conf.warmup) / (1 - conf.warmup))
    shape = {
        "constant": 1.0,
        "linear": 1 - after,
        "cosine": (1 + math.cos(math.pi * after)) / 2,
        "sqrt": math.sqrt(max(conf.warmup, 1e-3) / max(share, conf.warmup, 1e-3)),
    }[conf.schedule]
    if conf.schedule in {"linear", "cosine"}:
        shape = conf.final_lr + (1 - conf.final_lr) * shape
    return conf.lr * shape
