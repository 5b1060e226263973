"""How much each part of a model changed in training: the norm of the change over the norm of what was there before.

Frobenius norms, per layer and kind. A LoRA adapter's change is its product BA times its scale, over the matrix that it
stands beside. Where what was there before is zero, the norm of the change itself is given and marked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from spafit import adapt
from spafit.models.anatomy import Anatomy
from spafit.training.events import Change
from spafit.training.failures import TrainingFailed

KINDS = ("bias", "lora", "weight")
_WHOLE = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Whole numbers of so many bytes."""


class Before:
    """What a model was before training: the values of what will train, and a checksum of everything else.

    The values are kept in the main memory, also where the model is on a GPU.
    """

    def __init__(self, model: nn.Module, anatomy: Anatomy) -> None:
        self._anatomy = anatomy
        self._values: dict[str, Tensor] = {}
        self._frozen: dict[str, int] = {}
        for name, parameter in model.named_parameters():
            own = adapt.parameter_name(name)
            if not parameter.requires_grad:
                self._frozen[name] = _checksum(parameter)
            elif own in anatomy.by_name:
                self._values[own] = parameter.detach().to("cpu", copy=True)

    def changes(self, model: nn.Module) -> list[Change]:
        """Return what training changed.

        Raises:
            TrainingFailed: something frozen is not what it was, so that the run was not what it says.
        """
        now = dict(model.named_parameters())
        moved = [name for name, checksum in self._frozen.items() if _checksum(now[name]) != checksum]
        if moved:
            more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
            raise TrainingFailed(
                f"Parameters that the setting freezes changed in training ({adapt.parameter_name(moved[0])}{more}), so "
                "this run's figures are not those of its setting."
            )
        return changes(model, self._anatomy, self._values)


def _checksum(parameter: Tensor) -> int:
    """Return the sum of a tensor's bits as whole numbers: exact, quick, and another when a number in it is another."""
    bits = parameter.detach().contiguous().view(_WHOLE[parameter.element_size()])
    return int(bits.sum(dtype=torch.int64))


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
                add(own, anatomy.by_name[own].kind, parameter.to(before.device) - before, before)
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
