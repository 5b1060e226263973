"""AdamW over what trains, and the learning rate's way up and down."""

from __future__ import annotations

import torch
from torch import nn


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), fused, over the parameters that require gradients.

    Weight decay applies to matrices; biases and norms (one axis) have none, as BERT's own fine-tuning does.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    fused = trainable[0].device.type in ("cpu", "cuda")
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=learning_rate, fused=fused)


def schedule(step: int, total: int, warmup: float) -> float:
    """Return the share of the peak learning rate at `step` (0-based) of `total`: linear up from 0, then down to 0."""
    rising = round(warmup * total)
    if step < rising:
        return (step + 1) / (rising + 1)
    return (total - step) / max(1, total - rising)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every parameter group this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
