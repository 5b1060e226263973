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
    device = trainable[0].device
    used = [group for group in groups if group["params"]]
    if device.type != "cuda":
        return torch.optim.AdamW(used, lr=learning_rate, fused=device.type == "cpu")
    rate = torch.tensor(learning_rate, device=device)  # where a step that is replayed finds another one
    return torch.optim.AdamW(used, lr=rate, fused=True, capturable=True)


def schedule(step: int, total: int, warmup: float) -> float:
    """Return the share of the peak learning rate at `step` (0-based) of `total`: linear up from 0, then down to 0."""
    rising = round(warmup * total)
    if step < rising:
        return (step + 1) / (rising + 1)
    return (total - step) / max(1, total - rising)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every parameter group this learning rate."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(learning_rate)
        else:
            group["lr"] = learning_rate
