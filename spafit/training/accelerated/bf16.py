"""Frozen weights kept in bf16 too, for autocast on a GPU, which otherwise converts them again in every forward pass."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class FrozenBf16Weights:
    """bf16 copies of the frozen matrices of a model, used by its linear modules until `remove`."""

    def __init__(self, model: nn.Module) -> None:
        self._patched: list[nn.Module] = []
        for module in model.modules():
            if type(module) is nn.Linear and not module.weight.requires_grad:
                module.forward = _linear(module)
                self._patched.append(module)

    def remove(self) -> None:
        """Give the modules their own weights back."""
        for module in self._patched:
            module.__dict__.pop("forward", None)
        self._patched.clear()


def _linear(module: nn.Linear) -> Callable[..., Tensor]:
    rounded = module.weight.detach().to(torch.bfloat16)

    def forward(x: Tensor) -> Tensor:
        return nn.functional.linear(x, rounded, module.bias)

    return forward
