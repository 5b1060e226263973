"""A trained state as a PEFT adapter, or merged into a plain model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import peft
import torch
from peft.tuners.lora import LoraLayer
from peft.utils.constants import DUMMY_TARGET_MODULES
from torch import nn

from spafit.adapt import ADAPTER, lora_config, lora_modules, parameter_name
from spafit.errors import SpafitError
from spafit.export.head import head_modules, whole_weights
from spafit.models.anatomy import Anatomy
from spafit.plan import decide
from spafit.stratification import Stratification

Model = TypeVar("Model", bound=nn.Module)


def merge(model: Model) -> Model:
    """Add every LoRA adapter to its matrix and take it away, in place: a plain model with the same outputs remains."""
    for path, module in list(model.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, module.get_base_layer())
    return model


def save_peft_adapter(
    base: nn.Module,
    anatomy: Anatomy,
    stratification: Stratification,
    state: Mapping[str, torch.Tensor],
    folder: Path,
    base_name: str,
) -> None:
    """Write a trained state as a PEFT adapter that ``PeftModel.from_pretrained`` reads onto the base model.

    Every bias and the head go along: ``bias="all"`` with ``modules_to_save`` reloads them all, while peft's other
    settings silently lose some. ``base`` is the model as it was before training, fresh head included, and is used up;
    ``base_name`` is what PEFT users load it by.

    Raises:
        SpafitError: the stratification trains whole weights in layers or embeddings, which an adapter cannot hold.
    """
    if whole := whole_weights(anatomy, stratification):
        raise SpafitError(
            f"{stratification.name} trains whole weights ({len(whole)} matrices and norms outside the head), "
            "which an adapter cannot hold; export the merged model instead."
        )
    targets = lora_modules({tensor: decide(tensor, stratification) for tensor in anatomy.tensors})
    config = lora_config(targets, stratification) if targets else peft.LoraConfig(target_modules=DUMMY_TARGET_MODULES)
    config.bias = "all"
    config.task_type = peft.TaskType.SEQ_CLS
    config.modules_to_save = head_modules(anatomy, stratification)
    model = peft.get_peft_model(base, config, ADAPTER)
    own = {_unwrapped(name): parameter for name, parameter in model.named_parameters() if "original_module" not in name}
    with torch.no_grad():
        for name, value in state.items():
            own[name].copy_(value)
    config.base_model_name_or_path = base_name
    model.save_pretrained(str(folder), save_embedding_layers=False)


def _unwrapped(name: str) -> str:
    return parameter_name(name.removeprefix("base_model.model.").replace(f".modules_to_save.{ADAPTER}.", "."))
