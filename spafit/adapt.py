"""Applying a stratification to a real model: LoRA adapters through peft, and the one place that sets ``requires_grad``.

The adapters are injected into the model, which keeps its class; there is no PeftModel around it. None of peft's
``task_type``, ``modules_to_save`` and ``bias`` is used here, because each changes what trains or copies the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import peft
import torch
from torch import nn

from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy, Tensor
from spafit.plan import Decision, check, decide
from spafit.stratification import Stratification

ADAPTER = "default"
Model = TypeVar("Model", bound=nn.Module)


def apply(model: Model, anatomy: Anatomy, stratification: Stratification) -> Model:
    """Put LoRA adapters into ``model`` and decide what trains, in place; return the same model.

    LoRA adapters are drawn from torch's random state (A uniform, B zero), so seed it first.

    Raises:
        StratificationError: the stratification is for another depth, or its rank is beyond a matrix.
        SpafitError: the model is not the one the anatomy describes, or has adapters already.
    """
    check(anatomy, stratification)
    _check_same(model, anatomy)
    decisions = {tensor: decide(tensor, stratification) for tensor in anatomy.tensors}
    if targets := lora_modules(decisions):
        peft.inject_adapter_in_model(lora_config(targets, stratification), model, ADAPTER)
    for name, parameter in model.named_parameters():
        tensor = anatomy.by_name.get(parameter_name(name))
        parameter.requires_grad_(tensor is None or decisions[tensor].trained)
    return model


def lora_modules(decisions: Mapping[Tensor, Decision]) -> list[Tensor]:
    return [tensor for tensor, decision in decisions.items() if decision.lora]


def lora_config(targets: list[Tensor], stratification: Stratification) -> peft.LoraConfig:
    lora = stratification.lora
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # ty: ignore[invalid-argument-type]
        lora_dropout=lora.dropout,
        target_modules=[tensor.module for tensor in targets],  # in full: a suffix such as "dense" hits heads too
        fan_in_fan_out=targets[0].transposed,
        bias="none",
    )


def _check_same(model: nn.Module, anatomy: Anatomy) -> None:
    found = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    if any(".lora_" in name for name in found):
        raise SpafitError("This model has adapters already; load it afresh to stratify it differently.")
    expected = {tensor.name: tensor.shape for tensor in anatomy.tensors}
    if found != expected:
        differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise SpafitError(f"The model differs from the anatomy of {anatomy.name}, first in {differing[0]!r}.")


def parameter_name(name: str) -> str:
    """Return a parameter's name without the parts that peft puts in, as the anatomy and stored states have it.

    ``x.query.base_layer.weight`` is ``x.query.weight``; a pair is ``x.query.lora_A.weight`` and ``….lora_B.weight``.
    """
    return name.replace(".base_layer.", ".").replace(f".{ADAPTER}.", ".")


def trainable_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the trained parameters by `parameter_name`, detached and on the CPU (views of the live ones there)."""
    named = (
        (parameter_name(name), parameter) for name, parameter in model.named_parameters() if parameter.requires_grad
    )
    return {name: parameter.detach().cpu().contiguous() for name, parameter in named}


def load_trainable_state(model: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Copy stored trained parameters into a model with the same stratification applied.

    Raises:
        SpafitError: names or shapes differ from what trains in the model; nothing has been copied then.
    """
    own = {parameter_name(name): parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    if differing := sorted(own.keys() ^ state.keys()):
        where = "the stored state lacks" if differing[0] in own else "the model does not train"
        raise SpafitError(f"The stored parameters are of another stratification: {where} {differing[0]!r}.")
    for name, parameter in own.items():
        if parameter.shape != state[name].shape:
            shapes = f"{tuple(state[name].shape)}, in the model {tuple(parameter.shape)}"
            raise SpafitError(f"The stored parameter {name!r} has shape {shapes}.")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(state[name])
