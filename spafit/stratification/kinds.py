"""The kinds of things: roles of tensors, recipes of strata, and named methods, each described in one place.

Whatever depends on a recipe (what trains, counts, estimates, default learning rate, colours, labels, the pictures, the
exported script) reads it off the description here, so a new recipe is a new entry and cannot be half known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Role(StrEnum):
    """What a tensor does in its layer, or below and above the layers; with the colour that charts give it."""

    label: str
    color: str

    def __new__(cls, value: str, color: str) -> Self:
        """Return the member; its label is its value in words."""
        role = str.__new__(cls, value)
        role._value_, role.color = value, color
        role.label = value.replace("_", " ").replace("ffn", "FFN")
        return role

    QUERY = "query", "#0072B2"
    KEY = "key", "#56B4E9"
    VALUE = "value", "#8C6BB1"
    ATTENTION_OUTPUT = "attention_output", "#CC79A7"
    FFN_IN = "ffn_in", "#E69F00"
    FFN_OUT = "ffn_out", "#D55E00"
    NORM = "norm", "#7F7F7F"
    EMBEDDING = "embedding", "#A9B8CC"
    POOLER = "pooler", "#B3A300"
    CLASSIFIER = "classifier", "#009E73"


MATRIX_ROLES = (Role.QUERY, Role.KEY, Role.VALUE, Role.ATTENTION_OUTPUT, Role.FFN_IN, Role.FFN_OUT)
"""The roles that a LoRA adapter can be put on, in the order they are written everywhere."""
_NONE: frozenset[Role] = frozenset()
_ALL = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Description:
    """Everything that is particular to one recipe."""

    label: str
    meaning: str
    """What is trained, to follow the layers' numbers and a colon."""
    color: str
    """Of Okabe and Ito's (2008), which people with any common colour vision deficiency can tell apart."""
    rate: str
    """Value of the `Method` whose recorded learning rate suits it."""
    biases: frozenset[Role] = _NONE
    """Roles whose bias trains."""
    weights: frozenset[Role] = _NONE
    """Roles whose weight trains."""
    lora: bool = False
    """Whether the target modules get a LoRA adapter."""


class Recipe(StrEnum):
    """What is trained in a stratum, the embeddings or a part of the head.

    Of those that train the same weights, the one that wants a smaller rate comes later.
    """

    description: Description

    def __new__(cls, value: str, description: Description) -> Self:
        """Return the member with its description."""
        recipe = str.__new__(cls, value)
        recipe._value_, recipe.description = value, description
        return recipe

    FROZEN = "frozen", Description("Frozen", "nothing is trained", "#A9B8CC", "probe")
    # Ben Zaken et al. 2022, arXiv 2106.10199
    BIAS = "bias", Description("BitFit", "only the bias terms are trained", "#E69F00", "bitfit", biases=_ALL)
    # Hu et al. 2021, arXiv 2106.09685
    LORA = (
        "lora",
        Description("LoRA", "low-rank adapters beside the target matrices are trained", "#56B4E9", "lora", lora=True),
    )
    LORA_BIAS = (
        "lora_bias",
        Description(
            "LoRA + BitFit", "low-rank adapters and the bias terms are trained", "#009E73", "spafit", _ALL, lora=True
        ),
    )
    FULL = "full", Description("Full", "every weight and bias is trained", "#CC79A7", "full", _ALL, _ALL)

    @property
    def label(self) -> str:
        """The name that a person reads."""
        return self.description.label

    @property
    def color(self) -> str:
        """The colour of everything that this recipe trains."""
        return self.description.color

    @property
    def has_lora(self) -> bool:
        """Whether the target modules get a LoRA adapter."""
        return self.description.lora

    @property
    def trains_bias(self) -> bool:
        """Whether any existing bias trains."""
        return bool(self.description.biases)

    @property
    def trains_weight(self) -> bool:
        """Whether any existing weight trains."""
        return bool(self.description.weights)

    @property
    def order(self) -> tuple[int, int]:
        """What recipes are ordered by: of two that train different weights, more of them wants the smaller rate."""
        return len(self.description.weights), tuple(Recipe).index(self)

    @property
    def without_lora(self) -> Recipe:
        """The recipe that trains the same where there is nothing to adapt; a test finds one for every recipe."""
        same = (self.description.biases, self.description.weights, False)
        return next(r for r in Recipe if (r.description.biases, r.description.weights, r.has_lora) == same)

    @property
    def idle(self) -> bool:
        """Whether it trains nothing in any model."""
        return not (self.trains_bias or self.trains_weight or self.has_lora)

    @property
    def needs_biases(self) -> bool:
        """Whether it trains nothing in a model without bias terms."""
        return self.trains_bias and not (self.trains_weight or self.has_lora)

    def trains(self, kind: str, roles: tuple[Role, ...]) -> bool:
        """Whether a ``bias`` or ``weight`` of these roles trains (adapters apart)."""
        return not (self.description.biases if kind == "bias" else self.description.weights).isdisjoint(roles)


WITHOUT_LORA = tuple(recipe for recipe in Recipe if not recipe.has_lora)
"""The recipes that embeddings and head can have: adapters belong to the layers."""


@dataclass(frozen=True, slots=True)
class Point:
    """A method without boundaries to choose: one recipe in every layer."""

    recipe: Recipe
    at_top: tuple[bool, bool]
    """Whether boundary 1 and 2 lie above the last layer, instead of below the first."""
    embeddings: Recipe
    pooler: Recipe

    def boundaries(self, num_layers: int) -> tuple[int, int]:
        """Return N1 and N2 on a model of this depth."""
        return num_layers * self.at_top[0], num_layers * self.at_top[1]


class Method(StrEnum):
    """The named points of the space; SPAFIT alone has boundaries to choose."""

    written: str
    """How it stands in a stratification's name."""
    label: str
    """How a person reads it."""
    point: Point | None

    def __new__(cls, value: str, written: str, label: str, point: Point | None) -> Self:
        """Return the member with what is known about it."""
        method = str.__new__(cls, value)
        method._value_, method.written, method.label, method.point = value, written, label, point
        return method

    SPAFIT = "spafit", "SPAFIT", "SPAFIT", None
    FULL = "full", "Full", "Full fine-tuning", Point(Recipe.FULL, (False, False), Recipe.FULL, Recipe.FULL)
    BITFIT = "bitfit", "BitFit", "BitFit", Point(Recipe.BIAS, (False, True), Recipe.BIAS, Recipe.BIAS)
    LORA = "lora", "LoRA", "LoRA", Point(Recipe.LORA, (False, False), Recipe.FROZEN, Recipe.FROZEN)
    PROBE = "probe", "Probe", "Linear probe", Point(Recipe.FROZEN, (True, True), Recipe.FROZEN, Recipe.FROZEN)
