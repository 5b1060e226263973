"""How much each part of a model changed in training: the norm of the change over the norm of what was there before.

Frobenius norms, per layer and kind. A LoRA adapter's change is its product BA times its scale, over the matrix that it
stands beside. Where what was there before is zero, the norm of the change itself is given and marked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from spafit import adapt
from spafit.models.anatomy import Anatomy

KINDS = ("bias", "lora", "weight")


@dataclass(frozen=True)
class Change:
    """The change of one kind of parameters in one row of the model."""

    row: str
    """embeddings, layer or head."""
    layer: int | None
    """1-based; None outside the layers."""
    kind: str
    """bias, lora or weight."""
    ratio: float
    """Norm of the change over the norm before; the norm of the change where `absolute`."""
    absolute: bool
    """Whether what was there before is zero, so that there is nothing to compare with."""


def changes(model: nn.Module, anatomy: Anatomy, pretrained: Mapping[str, Tensor]) -> list[Change]:
    """Return what changed, embeddings first, head last; what did not train has no entry.

    Args:
        model: trained, with its LoRA adapters in place.
        anatomy: the one that fits it.
        pretrained: the trained parameters' values before training, by the anatomy's names (see `blend`).
    """
    squares: dict[tuple[str, int | None, str], list[float]] = {}

    def add(name: str, kind: str, change: Tensor, before: Tensor) -> None:
        tensor = anatomy.by_name[name]
        sums = squares.setdefault((tensor.row, tensor.layer, kind), [0.0, 0.0])
        sums[0] += float(change.double().square().sum())
        sums[1] += float(before.double().square().sum())

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            own = adapt.parameter_name(name)
            if parameter.requires_grad and own in anatomy.by_name:
                before = pretrained[own]
                add(own, anatomy.by_name[own].kind, parameter - before, before)
        for path, module in model.named_modules():
            if isinstance(module, LoraLayer):
                weight = module.get_base_layer().weight
                assert isinstance(weight, Tensor)
                product = module.get_delta_weight(adapt.ADAPTER)
                add(f"{path}.weight", "lora", product, weight)
    place = {"embeddings": 0, "layer": 1, "head": 2}
    order = sorted(squares, key=lambda key: (place[key[0]], key[1] or 0, KINDS.index(key[2])))
    return [_change(key, *squares[key]) for key in order]


def _change(key: tuple[str, int | None, str], change: float, before: float) -> Change:
    ratio = math.sqrt(change / before) if before else math.sqrt(change)
    return Change(*key, ratio=ratio, absolute=before == 0.0)
