"""Reading a model's tensors off its class on the meta device (imports torch and transformers)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging

from spafit.models.anatomy import Anatomy, Tensor, check_labels, kind_of
from spafit.models.config_keys import ignored_keys
from spafit.models.configs import UnsupportedModelError, architecture, family_of, read_config
from spafit.models.families import Family, positions_after_padding
from spafit.quantities import is_whole
from spafit.stratification import Role


def build_anatomy(
    config: PretrainedConfig | Mapping[str, Any] | str | Path, *, num_labels: int = 2, name: str | None = None
) -> Anatomy:
    """Build the anatomy of the model a configuration describes, without weights or network; imports torch.

    Args:
        config: a transformers configuration, its dict, or a folder or file that holds config.json.
        num_labels: size of the classification head; 1 for regression.
        name: what to call the model; the folder's name or the family's when left out.

    Raises:
        UnsupportedModelError: the family cannot be stratified, with the reason.
        SpafitError: the configuration is missing or broken.
    """
    check_labels(num_labels)
    if isinstance(config, str | Path):
        name = name or Path(config).resolve().name
        config = read_config(config)
    raw = config.to_dict() if isinstance(config, PretrainedConfig) else dict(config)
    family = family_of(raw)
    config = transformers_config(raw, num_labels)
    model = meta_model(config)
    _check_built(raw, family, config, model)
    tensors = [_tensor(path, parameter, model, family, config) for path, parameter in model.named_parameters()]
    order = {"embeddings": 0, "layer": 1, "head": 2}
    tensors.sort(key=lambda t: (order[t.row], t.layer or 0))
    layers = [t for t in tensors if t.layer is not None]
    fused = any(len(t.roles) > 1 for t in layers)
    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    first = {t.roles: t for t in reversed(layers) if t.adaptable}
    query_width = first[(Role.QUERY, Role.KEY, Role.VALUE)].fan[1] // 3 if fused else first[(Role.QUERY,)].fan[1]
    head_dim = query_width // heads
    if raw.get("head_dim") not in (None, head_dim):
        raise UnsupportedModelError(
            f"This configuration asks for heads of {raw['head_dim']!r} values, but this {family.label} has {head_dim}."
        )
    return Anatomy(
        name=name or family.label,
        family=family.key,
        num_layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        num_heads=heads,
        num_kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate_size=first[(Role.FFN_OUT,)].fan[0],
        vocab_size=config.vocab_size,
        max_length=_max_length(config, family),
        num_labels=num_labels,
        gated_ffn=family.gated_ffn,
        fused_qkv=fused,
        has_biases=any(t.kind == "bias" for t in layers),
        layers_path=family.layers,
        tensors=tuple(tensors),
    )


def anatomy_document(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the anatomy that a configuration describes as JSON types, for a helper process."""
    return build_anatomy(config).to_dict()


def transformers_config(raw: Mapping[str, Any], num_labels: int) -> PretrainedConfig:
    """Return the transformers configuration of a checked raw one; raises `UnsupportedModelError` when it is refused."""
    values = architecture(raw)
    try:
        return AutoConfig.for_model(values.pop("model_type"), **values, num_labels=num_labels)
    except Exception as error:  # what transformers raises here depends on the field
        raise UnsupportedModelError(
            f"transformers does not accept this configuration ({_first_line(error)})."
        ) from error


def meta_model(config: PretrainedConfig) -> torch.nn.Module:
    """Return the sequence-classification model of a configuration on the meta device: shapes without values."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with torch.device("meta"):
            return AutoModelForSequenceClassification.from_config(config, trust_remote_code=False)
    except Exception as error:  # a configuration from outside can fail anywhere in the model's constructor
        raise UnsupportedModelError(f"No model can be built from this configuration ({_first_line(error)}).") from error
    finally:
        logging.set_verbosity(verbosity)


def _check_built(raw: Mapping[str, Any], family: Family, config: PretrainedConfig, model: torch.nn.Module) -> None:
    """Raise `UnsupportedModelError` when a configuration asks for what the installed transformers does not build."""
    ignored = ignored_keys(raw, family, type(config), type(model))
    if ignored:
        asked = ", ".join(f"{key[:60]} {str(value)[:40]!r}" for key, value in list(ignored.items())[:3])
        raise UnsupportedModelError(
            f"transformers {transformers.__version__} does not build what this {family.label} asks for ({asked}), so "
            "another model would be trained under its name; a key that says nothing about the network can be taken out "
            "of config.json."
        )


def _max_length(config: PretrainedConfig, family: Family) -> int:
    """Return the most tokens a text may have; raises `UnsupportedModelError` when no text would fit."""
    rows = config.max_position_embeddings
    if family.reserved_positions is positions_after_padding and not is_whole(config.pad_token_id, 0, rows):
        raise UnsupportedModelError(
            f"{family.label} counts positions from its padding id on, and this configuration's pad_token_id is "
            f"{config.pad_token_id!r}."
        )
    length = rows - family.reserved_positions(config)
    if length < 1:
        raise UnsupportedModelError(f"This {family.label} has {rows} positions and no room in them for a text.")
    return length


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}".rstrip(".: ")


def _tensor(
    name: str, parameter: torch.nn.Parameter, model: torch.nn.Module, family: Family, config: PretrainedConfig
) -> Tensor:
    """Place one parameter; raises `UnsupportedModelError` when the family's entry does not describe it."""
    path, shape = name.rpartition(".")[0], tuple(parameter.shape)
    kind = kind_of(name)
    module = model.get_submodule(path)
    if path in family.embeddings:
        return Tensor(name, shape, "embeddings", None, (family.embeddings[path],), kind)
    if part := family.head.get(path):
        axis = 0 if part.labels else None
        return Tensor(name, shape, "head", None, (part.role,), kind, part.fresh, part.final_norm, label_axis=axis)
    number, _, inside = path.removeprefix(f"{family.layers}.").partition(".")
    roles = family.layer_modules.get(inside)
    if not path.startswith(f"{family.layers}.") or not number.isdecimal() or roles is None:
        raise UnsupportedModelError(
            f"This {family.label} has a parameter {name!r} that other models of the family lack; it has no known place."
        )
    conv1d = isinstance(module, Conv1D)
    inert = family.inert(config).get(inside, 0.0) if kind == "bias" else 0.0
    return Tensor(
        name,
        shape,
        "layer",
        int(number) + 1,
        roles,
        kind,
        adaptable=kind == "weight" and (conv1d or isinstance(module, torch.nn.Linear)),
        transposed=conv1d and kind == "weight",
        inert=round(inert * parameter.numel() / len(roles)),
    )
