"""Reading a model's config.json from outside: bounded, never running its code, refused with the reason (no torch)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spafit.errors import SpafitError
from spafit.files import read_at_most
from spafit.models.families import BY_MODEL_TYPE, FAMILIES, Family
from spafit.quantities import whole_number
from spafit.stratification import MAX_LAYERS

MAX_CONFIG_BYTES = 1_000_000
MAX_WIDTH = 131_072
BOUNDS = {
    ("num_hidden_layers", "n_layer", "n_layers"): MAX_LAYERS,
    ("hidden_size", "dim", "n_embd", "embedding_size", "word_embed_proj_dim", "pooler_hidden_size"): MAX_WIDTH,
    ("head_dim", "attention_head_size"): MAX_WIDTH,
    ("intermediate_size", "hidden_dim", "n_inner", "ffn_dim"): 8 * MAX_WIDTH,
    ("num_attention_heads", "n_heads", "n_head", "num_key_value_heads"): MAX_WIDTH,
    ("vocab_size",): 4_000_000,
    ("max_position_embeddings", "n_positions", "n_ctx", "position_buckets"): 16_777_216,
    ("type_vocab_size",): 1_000_000,
}
"""The most that a size in a configuration may be, by the names that families give it."""
MAY_BE_ZERO = {"type_vocab_size"}

NOT_ARCHITECTURE = {
    "num_labels",
    "id2label",
    "label2id",
    "problem_type",
    "architectures",
    "torch_dtype",
    "dtype",
    "transformers_version",
    "_name_or_path",
    "_attn_implementation",
    "gradient_checkpointing",
    "use_cache",
    "task_specific_params",
}
"""Keys that say nothing about a base model's tensors, or that we decide ourselves."""


class UnsupportedModelError(SpafitError):
    """A model whose layers cannot be stratified here, with the reason."""


def config_file(folder_or_file: str | Path) -> Path:
    """Return the path of config.json in a folder (or the file itself); raises `SpafitError` when there is none."""
    path = Path(folder_or_file)
    file = path / "config.json" if path.is_dir() else path
    if not path.exists():
        raise SpafitError(f"There is no folder or file {str(path)!r}.")
    if not file.is_file():
        raise SpafitError(_no_model(path))
    return file


def _no_model(folder: Path) -> str:
    """Return what a folder without a config.json is instead of a model, as far as its files tell."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        return adapter_sentence(str(folder), read_at_most(adapter, MAX_CONFIG_BYTES))
    inside = sorted(path.parent.name for path in folder.glob("*/config.json"))
    models = [name for name in inside if "Transformer" in name] or inside
    if (folder / "modules.json").is_file() and models:
        return (
            f"The folder {str(folder)!r} is a sentence-transformers model; its Transformer, which can be trained here, "
            f"is in {str(folder / models[0])!r}."
        )
    hint = f"; there is one in {str(folder / models[0])!r}" if models else ""
    return f"The folder {str(folder)!r} has no config.json, so it is not a model{hint}."


def adapter_sentence(name: str, text: bytes) -> str:
    """Return what to do about an adapter, out of its adapter_config.json: name the model that it was made for."""
    try:
        base = json.loads(text)["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError):
        base = None
    if not isinstance(base, str) or not base:
        return f"{name!r} is an adapter, not a model, and does not say of which model."
    return f"{name!r} is an adapter of {base[:120]!r}, not a model of its own; name {base[:120]!r} instead."


def read_config(folder_or_file: str | Path) -> dict[str, Any]:
    """Return the configuration in a folder or file.

    Raises:
        SpafitError: missing, unreadable, too large, not JSON, or not a JSON object.
    """
    file = config_file(folder_or_file)
    what = f"{file.name} in {str(file.parent)!r}"
    return parse_config(read_at_most(file, MAX_CONFIG_BYTES + 1, what), what)


def parse_config(text: bytes | str, what: str = "The configuration") -> dict[str, Any]:
    """Return a configuration from JSON text; ``what`` names it in the errors (`SpafitError`)."""
    if len(text) > MAX_CONFIG_BYTES:
        raise SpafitError(f"{what} is larger than {MAX_CONFIG_BYTES:,} bytes, too large for a configuration.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpafitError(f"{what} is not valid JSON ({str(error)[:200]}).") from error
    if not isinstance(document, dict):
        raise SpafitError(f"{what} must be a JSON object, not a {type(document).__name__}.")
    return document


def family_of(config: Mapping[str, Any]) -> Family:
    """Return the family of a configuration that can be stratified.

    Raises:
        UnsupportedModelError: it names code of its own, is quantised, has no or an unknown model type, shares its
            layers, has an encoder and a decoder, or is outside the bounds; the sentence says which.
    """
    if config.get("auto_map"):
        raise UnsupportedModelError(
            "This configuration asks to run code of its own (auto_map), which is never done here; "
            "use a model that transformers knows."
        )
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not model_type:
        raise UnsupportedModelError(_no_model_type(config))
    if model_type == "albert":
        raise UnsupportedModelError(
            "ALBERT uses one layer's weights at every depth, so its layers cannot be given different recipes."
        )
    if config.get("is_encoder_decoder"):
        raise UnsupportedModelError(
            f"{model_type[:60]} has an encoder and a decoder; strata are defined for a single stack of layers."
        )
    family = BY_MODEL_TYPE.get(model_type)
    if family is None:
        known = ", ".join(family.label for family in FAMILIES)
        raise UnsupportedModelError(f"The family {model_type[:60]!r} is not supported; supported families are {known}.")
    if config.get("add_cross_attention"):
        raise UnsupportedModelError(
            "This configuration has cross-attention; strata are defined for a single stack of layers."
        )
    if config.get("quantization_config"):
        raise UnsupportedModelError("This model's weights are quantised; use the model it was made from.")
    kernel = config.get("conv_kernel_size", 0)
    if family.key == "deberta-v2" and isinstance(kernel, int) and kernel > 0:
        raise UnsupportedModelError(
            "This DeBERTa has a convolution between its first two layers, which belongs to no single layer; "
            "DeBERTa-v3 models have none."
        )
    _check_bounds(config)
    return family


def _no_model_type(config: Mapping[str, Any]) -> str:
    """Return what to add to a configuration without a model_type, where its architectures say it."""
    named = config.get("architectures")
    first = str(named[0]) if isinstance(named, list) and named else ""
    plain = re.sub("[^a-z0-9]", "", first.lower())
    fitting = [kind for kind in BY_MODEL_TYPE if plain.startswith(re.sub("[^a-z0-9]", "", kind))]
    if not fitting:
        return "The configuration has no model_type, so its family is unknown."
    return (
        f"The configuration has no model_type, so its family is unknown; for {first[:60]} add "
        f'"model_type": "{max(fitting, key=len)}" to config.json.'
    )


def _check_bounds(config: Mapping[str, Any]) -> None:
    for keys, most in BOUNDS.items():
        for key in keys:
            value = config.get(key)
            if value is None or (value == 0 and key in MAY_BE_ZERO):
                continue
            least = -1 if key == "position_buckets" else 1
            whole_number(value, f"The configuration's {key}", least, most, UnsupportedModelError)


def architecture(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a configuration that decides which tensors a model has."""
    return {key: value for key, value in config.items() if key not in NOT_ARCHITECTURE}
