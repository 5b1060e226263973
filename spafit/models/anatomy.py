"""The anatomy of a model: the table of its tensors, each with layer, role and shape (no torch at import).

`build` reads the tensors off the model class on torch's meta device: no weights, no network. `load` answers from the
bundled catalogue, the disk cache or a helper process, so that the calling process never imports torch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from spafit.errors import SpafitError
from spafit.quantities import whole_number
from spafit.stratification import Role

SCHEMA_VERSION = 1
MAX_LABELS = 10_000

RowName = Literal["embeddings", "layer", "head"]
Kind = Literal["weight", "bias"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One parameter of the sequence-classification model.

    ``name`` is as in ``AutoModelForSequenceClassification(...).named_parameters()``. ``layer`` is 1-based, None outside
    the layers. A fused query-key-value matrix has three roles. ``inert`` counts the values whose gradient is always
    zero: key biases that add the same score to every position, which softmax does not see.
    """

    name: str
    shape: tuple[int, ...]
    row: RowName
    layer: int | None
    roles: tuple[Role, ...]
    kind: Kind
    fresh: bool = False
    final_norm: bool = False
    adaptable: bool = False
    """Whether a LoRA adapter can sit beside it: the weight matrix of a linear map inside a layer."""
    transposed: bool = False
    """Whether the matrix is stored (in x out), as GPT-2's Conv1D does, instead of (out x in)."""
    inert: int = 0
    label_axis: int | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def fan(self) -> tuple[int, int]:
        """(in, out) of a weight matrix."""
        first, second = self.shape
        return (first, second) if self.transposed else (second, first)

    @property
    def module(self) -> str:
        """Path of the module that holds it."""
        return self.name.rpartition(".")[0]

    def at_layer(self, layer: int, layers_path: str) -> Self:
        """Return the same tensor of another layer."""
        old = f"{layers_path}.{(self.layer or 1) - 1}."
        return replace(self, layer=layer, name=f"{layers_path}.{layer - 1}." + self.name.removeprefix(old))


@dataclass(frozen=True)
class Anatomy:
    """Every tensor of a model, embeddings first, then layer by layer, then the head.

    Sizes are in values (hidden, feed-forward width), tokens (``max_length``) or counts. ``layers_path`` is the module
    path of the layer list in the sequence-classification model.
    """

    name: str
    family: str
    num_layers: int
    hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    max_length: int
    num_labels: int
    gated_ffn: bool
    fused_qkv: bool
    has_biases: bool
    """Whether any layer has a bias term."""
    layers_path: str
    tensors: tuple[Tensor, ...] = field(repr=False)

    def __hash__(self) -> int:
        return hash((self.name, self.family, self.num_layers, self.num_labels, len(self.tensors)))

    @functools.cached_property
    def embeddings(self) -> tuple[Tensor, ...]:
        """The tensors below layer 1, or shared by all layers."""
        return tuple(t for t in self.tensors if t.row == "embeddings")

    @functools.cached_property
    def layers(self) -> tuple[tuple[Tensor, ...], ...]:
        """The tensors of each layer, layer 1 first."""
        layers: list[list[Tensor]] = [[] for _ in range(self.num_layers)]
        for tensor in self.tensors:
            if tensor.layer is not None:
                layers[tensor.layer - 1].append(tensor)
        return tuple(map(tuple, layers))

    @functools.cached_property
    def head(self) -> tuple[Tensor, ...]:
        """The tensors above layer L."""
        return tuple(t for t in self.tensors if t.row == "head")

    @functools.cached_property
    def layer_kinds(self) -> tuple[int, ...]:
        """For each layer the index (0-based) of the first layer with the same tensors, which is all counting visits."""
        first: dict[tuple, int] = {}
        alike = (tuple(t.at_layer(1, self.layers_path) for t in tensors) for tensors in self.layers)
        return tuple(first.setdefault(tensors, index) for index, tensors in enumerate(alike))

    @property
    def num_parameters(self) -> int:
        """Number of values in all tensors."""
        return sum(t.size for t in self.tensors)

    @functools.cached_property
    def by_name(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {t.name: t for t in self.tensors}

    def with_labels(self, num_labels: int) -> Self:
        """Return the same model with a head for another number of labels (1 for regression)."""
        check_labels(num_labels)
        if num_labels == self.num_labels:
            return self

        def resized(tensor: Tensor) -> Tensor:
            if tensor.label_axis is None:
                return tensor
            shape = list(tensor.shape)
            shape[tensor.label_axis] = num_labels
            return replace(tensor, shape=tuple(shape))

        return replace(self, num_labels=num_labels, tensors=tuple(map(resized, self.tensors)))

    def with_fresh_pooler(self) -> Self:
        """Return the same model read from a checkpoint that was saved without its pooler, which then starts fresh."""
        tensors = (replace(t, fresh=True) if Role.POOLER in t.roles and t.row == "head" else t for t in self.tensors)
        return replace(self, tensors=tuple(tensors))

    def to_dict(self) -> dict[str, Any]:
        """Return the anatomy as compact JSON types: equal layers are written once, with the numbers they stand for."""
        groups: dict[int, list[int]] = {}
        for index, first in enumerate(self.layer_kinds):
            groups.setdefault(first, []).append(index + 1)
        scalars = {key: getattr(self, key) for key in _SCALARS}
        return {
            "schema": SCHEMA_VERSION,
            **scalars,
            "embeddings": [_pack(t, "") for t in self.embeddings],
            "layers": [
                {
                    "numbers": _ranges(numbers),
                    "tensors": [_pack(t, f"{self.layers_path}.{first}.") for t in self.layers[first]],
                }
                for first, numbers in groups.items()
            ],
            "head": [_pack(t, "") for t in self.head],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the anatomy that `to_dict` wrote; raises `SpafitError` when it is not one or is of a newer schema."""
        try:
            if document["schema"] != SCHEMA_VERSION:
                raise SpafitError(
                    f"This anatomy has schema {document['schema']!r}; this version reads schema {SCHEMA_VERSION}."
                )
            path = document["layers_path"]
            layers: dict[int, tuple[Tensor, ...]] = {}
            for group in document["layers"]:
                for first, last in group["numbers"]:
                    for layer in range(first, last + 1):
                        prefix = f"{path}.{layer - 1}."
                        layers[layer] = tuple(_unpack(packed, prefix, "layer", layer) for packed in group["tensors"])
            tensors = (
                *(_unpack(packed, "", "embeddings", None) for packed in document["embeddings"]),
                *(tensor for layer in sorted(layers) for tensor in layers[layer]),
                *(_unpack(packed, "", "head", None) for packed in document["head"]),
            )
            return cls(**{key: document[key] for key in _SCALARS}, tensors=tensors)
        except SpafitError:
            raise
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise SpafitError(f"This is not an anatomy as spafit writes them ({error!r}).") from error


_SCALARS = tuple(f for f in Anatomy.__dataclass_fields__ if f != "tensors")
_DEFAULTS = {
    name: Tensor.__dataclass_fields__[name].default
    for name in ("fresh", "final_norm", "adaptable", "transposed", "inert", "label_axis")
}


def _pack(tensor: Tensor, prefix: str) -> list[Any]:
    """Return [name below prefix, shape, roles joined by +, {what differs from a plain tensor}]."""
    extra = {key: getattr(tensor, key) for key, usual in _DEFAULTS.items() if getattr(tensor, key) != usual}
    packed = [tensor.name.removeprefix(prefix), list(tensor.shape), "+".join(tensor.roles)]
    return [*packed, extra] if extra else packed


_ROLES = functools.cache(lambda text: tuple(Role(role) for role in text.split("+")))


def _unpack(packed: list[Any], prefix: str, row: RowName, layer: int | None) -> Tensor:
    name, shape, roles = packed[:3]
    extra = packed[3] if len(packed) > 3 else {}
    return Tensor(prefix + name, tuple(shape), row, layer, _ROLES(roles), kind_of(name), **extra)


def _ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Return ascending numbers as inclusive [first, last] ranges."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def kind_of(name: str) -> Kind:
    """Return "bias" for a parameter named ``bias`` or ``*.bias`` (BitFit's rule), else "weight"."""
    return "bias" if name.rpartition(".")[2] == "bias" else "weight"


def check_labels(num_labels: int) -> None:
    """Raise `SpafitError` unless the number of labels is a whole number from 1 to 10,000."""
    whole_number(num_labels, "The number of labels (1 for regression)", 1, MAX_LABELS)
