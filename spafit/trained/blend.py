"""Between the pretrained and the trained model, layer by layer: the fader of "Try it", and knocking a layer out.

At 1 a layer is as it was trained, at 0 as it was before; in between, a LoRA adapter's product is scaled and every other
trained parameter interpolated. What did not train does not move, whatever the factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from spafit import adapt
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy


@dataclass(frozen=True)
class Factors:
    """How far each part of the model is from its pretrained (0) to its trained state (1)."""

    layers: Mapping[int, float] = field(default_factory=dict)
    """By 1-based layer; a layer left out is trained."""
    embeddings: float = 1.0
    head: float = 1.0

    def of(self, row: str, layer: int | None) -> float:
        """Return the factor of a row of the anatomy ("embeddings", "layer" or "head")."""
        return self.embeddings if row == "embeddings" else self.head if layer is None else self.layers.get(layer, 1.0)


class Blend:
    """A trained model that can be set anywhere between its two states, as often as wanted.

    Args:
        model: trained, with its LoRA adapters in place; it is changed in place.
        anatomy: the one that fits it.
        pretrained: the trained parameters' values before training, by the anatomy's names (LoRA's are not needed).
    """

    def __init__(self, model: nn.Module, anatomy: Anatomy, pretrained: Mapping[str, Tensor]) -> None:
        self.model = model
        self._layers = anatomy.num_layers
        self._moving: list[tuple[nn.Parameter, Tensor, Tensor, str, int | None]] = []
        self._adapters: list[tuple[LoraLayer, float, int | None]] = []
        for name, parameter in model.named_parameters():
            own = adapt.parameter_name(name)
            if parameter.requires_grad and own in anatomy.by_name:
                tensor = anatomy.by_name[own]
                trained = parameter.detach().clone()
                self._moving.append((parameter, pretrained[own].detach().clone(), trained, tensor.row, tensor.layer))
        for path, module in model.named_modules():
            if isinstance(module, LoraLayer):
                layer = anatomy.by_name[f"{path}.weight"].layer
                self._adapters.append((module, module.scaling[adapt.ADAPTER], layer))

    def set(self, factors: Factors) -> None:
        """Move the model's parts to these factors.

        Raises:
            SpafitError: a factor is not from 0 to 1, or for a layer that is not there; nothing has moved then.
        """
        wrong = sorted(set(factors.layers) - set(range(1, self._layers + 1)))
        if wrong:
            raise SpafitError(f"There is no layer {wrong[0]}; layers are numbered from 1 to {self._layers}.")
        every = (*factors.layers.values(), factors.embeddings, factors.head)
        if not all(0.0 <= factor <= 1.0 for factor in every):
            raise SpafitError("A factor must be a number from 0 (pretrained) to 1 (trained).")
        with torch.no_grad():
            for parameter, before, after, row, layer in self._moving:
                factor = factors.of(row, layer)
                # lerp is exact at both ends, so that 1 is the trained model to the last bit
                parameter.copy_(torch.lerp(before, after, factor))
        for module, scaling, layer in self._adapters:
            module.scaling[adapt.ADAPTER] = scaling * factors.of("layer", layer)
