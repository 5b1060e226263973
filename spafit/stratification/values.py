"""A stratification and its parts: values that are checked when they are made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, Self, TypeVar

from spafit.errors import SpafitError
from spafit.quantities import whole_number
from spafit.stratification.kinds import MATRIX_ROLES, WITHOUT_LORA, Method, Recipe, Role

SCHEMA_VERSION = 1
MAX_LAYERS = 1024
"""More layers than any published Transformer has; a bound for what comes out of links and files."""
MAX_RANK = 2**20
"""No matrix has this rank; a bound as above, so that counts stay within 64 bits."""
DEFAULT_LORA_TARGETS = (Role.QUERY, Role.KEY, Role.VALUE, Role.ATTENTION_OUTPUT)
SPAFIT_RECIPES = (Recipe.FROZEN, Recipe.BIAS, Recipe.LORA_BIAS)
NAMED = {
    "embeddings": "embeddings",
    "pooler": "head.pretrained_pooler",
    "fresh": "head.fresh",
    "rank": "lora.rank",
    "alpha": "lora.alpha",
    "dropout": "lora.dropout",
    "targets": "lora.targets",
}
"""What a name tells when it is not as usual, beside the strata: its key there -> where a stratification has it."""


class StratificationError(SpafitError):
    """A stratification that cannot exist, said in one sentence."""


Choice = TypeVar("Choice", bound=StrEnum)


def one_of(kind: type[Choice], value: object, what: str, allowed: Iterable[Choice]) -> Choice:
    """Return ``value`` as a member of ``kind`` that is allowed here; raise a sentence listing what is."""
    options = tuple(allowed)
    try:
        member = kind(str(value))
    except ValueError:
        member = None
    if member is None or member not in options:
        raise StratificationError(f"{what} cannot be {str(value)!r}; choose one of {', '.join(options)}.")
    return member


def _whole(value: object, what: str, low: int, high: int | None = None) -> int:
    return whole_number(value, what, low, high, StratificationError)


def check_depth(num_layers: int) -> int:
    """Return a number of layers that can be; raise `StratificationError` otherwise."""
    return _whole(num_layers, "The number of layers", 1, MAX_LAYERS)


def _real(value: object, what: str, *, above: float | None = None, low: float = 0.0, below: float = math.inf) -> float:
    """Return ``value`` as a finite float inside its bounds."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value < below
    if good and (value > above if above is not None else value >= low):
        return float(value)
    start = f"above {above:g}" if above is not None else f"at least {low:g}"
    end = "" if below == math.inf else f" and below {below:g}"
    raise StratificationError(f"{what} is {value!r} but must be a number {start}{end}.")


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """How LoRA adapters are made: A is (rank x in), B is (out x rank), their product scaled by alpha / rank."""

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[Role, ...] = DEFAULT_LORA_TARGETS
    """Roles whose weight matrix gets an adapter; kept in the order of `MATRIX_ROLES`, each once."""

    def __post_init__(self) -> None:
        _whole(self.rank, "The LoRA rank", 1, MAX_RANK)
        object.__setattr__(self, "alpha", _real(self.alpha, "LoRA alpha", above=0.0))
        object.__setattr__(self, "dropout", _real(self.dropout, "LoRA dropout", below=1.0))
        if isinstance(self.targets, str) or not isinstance(self.targets, Iterable):
            raise StratificationError(f"LoRA targets are a list of roles out of {', '.join(MATRIX_ROLES)}.")
        chosen = {one_of(Role, target, "A LoRA target", MATRIX_ROLES) for target in self.targets}
        if not chosen:
            raise StratificationError(f"LoRA needs at least one target; choose from {', '.join(MATRIX_ROLES)}.")
        object.__setattr__(self, "targets", tuple(role for role in MATRIX_ROLES if role in chosen))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON types."""
        return {"rank": self.rank, "alpha": self.alpha, "dropout": self.dropout, "targets": list(self.targets)}


@dataclass(frozen=True, slots=True)
class HeadRecipe:
    """What trains above layer L: a pooler the checkpoint brings along, and the parts it does not carry."""

    pretrained_pooler: Recipe = Recipe.BIAS
    fresh: Recipe = Recipe.FULL

    def __post_init__(self) -> None:
        for name, what in (("pretrained_pooler", "The pooler's recipe"), ("fresh", "The fresh head's recipe")):
            object.__setattr__(self, name, one_of(Recipe, getattr(self, name), what, WITHOUT_LORA))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipes as JSON types."""
        return {"pretrained_pooler": self.pretrained_pooler.value, "fresh": self.fresh.value}


@dataclass(frozen=True, slots=True)
class Stratum:
    """One of the three strata: layers ``first`` to ``last``, 1-based and inclusive; empty when last < first."""

    number: int
    first: int
    last: int
    recipe: Recipe

    @property
    def size(self) -> int:
        """Number of layers."""
        return self.last - self.first + 1

    @property
    def layers(self) -> range:
        """The layers' numbers, 1-based."""
        return range(self.first, self.last + 1)

    @property
    def span(self) -> str:
        """The layers in words: ``layers 5–9``, ``layer 5`` or ``no layers``."""
        if self.size == 0:
            return "no layers"
        return f"layer {self.first}" if self.size == 1 else f"layers {self.first}–{self.last}"


@dataclass(frozen=True, slots=True)
class Stratification:
    """Which layer learns what.

    ``n1`` is the number of the last layer of stratum 1, ``n2`` of stratum 2 (the paper's N1 and N2), so stratum 1 is
    layers 1..n1, stratum 2 is n1+1..n2 and stratum 3 is n2+1..num_layers. Raises `StratificationError` when it cannot
    exist.
    """

    num_layers: int
    n1: int
    n2: int
    recipes: tuple[Recipe, Recipe, Recipe] = SPAFIT_RECIPES
    embeddings: Recipe = Recipe.FROZEN
    head: HeadRecipe = field(default_factory=HeadRecipe)
    lora: LoraSettings = field(default_factory=LoraSettings)

    def __post_init__(self) -> None:
        check_depth(self.num_layers)
        _whole(self.n1, "Boundary 1", 0, self.num_layers)
        _whole(self.n2, "Boundary 2", 0, self.num_layers)
        if self.n1 > self.n2:
            raise StratificationError(
                f"Boundary 1 is after layer {self.n1} but boundary 2 after layer {self.n2}; "
                "boundary 1 must come first or both at the same layer."
            )
        if isinstance(self.recipes, str) or not isinstance(self.recipes, Iterable) or len(tuple(self.recipes)) != 3:
            raise StratificationError(
                f"There are three strata, so three recipes are needed, each one of {', '.join(Recipe)}."
            )
        recipes = tuple(one_of(Recipe, r, f"The recipe of stratum {i}", Recipe) for i, r in enumerate(self.recipes, 1))
        object.__setattr__(self, "recipes", recipes)
        object.__setattr__(self, "embeddings", one_of(Recipe, self.embeddings, "The embeddings' recipe", WITHOUT_LORA))

    def stratum_of(self, layer: int) -> int:
        """Return the stratum (1, 2 or 3) of a 1-based layer."""
        _whole(layer, "The layer", 1, self.num_layers)
        return 1 if layer <= self.n1 else 2 if layer <= self.n2 else 3

    def recipe_of(self, layer: int) -> Recipe:
        """Return the recipe of a 1-based layer."""
        return self.recipes[self.stratum_of(layer) - 1]

    def layer_recipes(self) -> tuple[Recipe, ...]:
        """Return the recipe of every layer, layer 1 first."""
        return tuple(stratum.recipe for stratum in self.strata() for _ in stratum.layers)

    def strata(self) -> tuple[Stratum, Stratum, Stratum]:
        """Return the three strata from the first layer to the last; some may be empty."""
        first, second, third = self.recipes
        return (
            Stratum(1, 1, self.n1, first),
            Stratum(2, self.n1 + 1, self.n2, second),
            Stratum(3, self.n2 + 1, self.num_layers, third),
        )

    @property
    def final_norm(self) -> Recipe:
        """What the norm above layer L does: it follows stratum 3's recipe, even when stratum 3 is empty."""
        return self.recipes[2].without_lora

    @property
    def uses_lora(self) -> bool:
        """Whether any layer gets LoRA adapters."""
        return any(stratum.size and stratum.recipe.has_lora for stratum in self.strata())

    def with_boundaries(self, n1: int, n2: int) -> Self:
        """Return the same stratification with other boundaries."""
        return replace(self, n1=n1, n2=n2)

    @property
    def name(self) -> str:
        """A name that `parse_name` turns back: ``SPAFIT-4-9``, ``LoRA+rank=16``, ``Strata-2-4-frozen-bias-full``."""
        method = method_of(self)
        boundaries = () if method and method.point else (str(self.n1), str(self.n2))
        text = "-".join((method.written if method else "Strata", *boundaries, *(() if method else self.recipes)))
        return text + "".join(f"+{key}={_plain(value)}" for key, value in self.differences().items())

    def differences(self) -> dict[str, Any]:
        """Return what is not as its method usually has it, by the keys of `NAMED`."""
        method = method_of(self)
        usual = Stratification(self.num_layers, self.n1, self.n2, self.recipes)
        if method and method.point:
            usual = replace(usual, embeddings=method.point.embeddings, head=HeadRecipe(method.point.pooler))
        values = {key: attrgetter(path) for key, path in NAMED.items()}
        return {key: value(self) for key, value in values.items() if value(self) != value(usual)}

    def to_dict(self) -> dict[str, Any]:
        """Return the stratification as JSON types, with the schema version."""
        return {
            "schema": SCHEMA_VERSION,
            "name": self.name,
            "num_layers": self.num_layers,
            "n1": self.n1,
            "n2": self.n2,
            "recipes": [recipe.value for recipe in self.recipes],
            "embeddings": self.embeddings.value,
            "head": self.head.to_dict(),
            "lora": self.lora.to_dict(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the stratification that `to_dict` wrote; parts left out take their defaults.

        Raises:
            StratificationError: not a mapping, a newer schema, an unknown or missing key, or a value out of range.
        """
        known = {"schema", "name", "num_layers", "n1", "n2", "recipes", "embeddings", "head", "lora"}
        values = _mapping(document, "A stratification", known)
        schema = values.pop("schema", SCHEMA_VERSION)
        values.pop("name", None)
        if _whole(schema, "The stratification's schema version", 1) > SCHEMA_VERSION:
            raise StratificationError(
                f"This stratification was written by a newer version (schema {schema}); "
                f"this one reads up to schema {SCHEMA_VERSION}."
            )
        missing = sorted({"num_layers", "n1", "n2"} - values.keys())
        if missing:
            raise StratificationError(f"The stratification lacks {', '.join(missing)}.")
        if "head" in values:
            values["head"] = HeadRecipe(**_mapping(values["head"], "The head recipe", {"pretrained_pooler", "fresh"}))
        if "lora" in values:
            values["lora"] = LoraSettings(**_mapping(values["lora"], "LoRA", {"rank", "alpha", "dropout", "targets"}))
        return cls(**values)

    def to_json(self) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the stratification in JSON text; raises `StratificationError` when it is not one."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError also covers integers beyond Python's digit limit
            raise StratificationError(f"The stratification is not valid JSON ({error}).") from error
        return cls.from_dict(document)


def method_of(stratification: Stratification) -> Method | None:
    """Return the method with these strata, or None; head, embeddings and LoRA settings may differ from its preset."""
    if stratification.recipes == SPAFIT_RECIPES:
        return Method.SPAFIT
    strata = (stratification.n1, stratification.n2), set(stratification.recipes)
    points = {method: method.point for method in Method if method.point}
    return next((m for m, p in points.items() if (p.boundaries(stratification.num_layers), {p.recipe}) == strata), None)


def _plain(value: object) -> str:
    """Return a value as `parse_name` reads it: floats in full, without a trailing ``.0`` or a plus sign."""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and value < 1e15 else repr(value).replace("e+", "e")
    return ".".join(value) if isinstance(value, tuple) else str(value)


def _mapping(document: object, what: str, known: set[str]) -> dict[str, Any]:
    """Return a JSON object as a dict after refusing other types and unknown keys."""
    if not isinstance(document, Mapping):
        raise StratificationError(f"{what} must be a JSON object with the keys {', '.join(sorted(known))}.")
    unknown = sorted(str(key) for key in document.keys() - known)
    if unknown:
        raise StratificationError(
            f"{what} has the unknown key {unknown[0]!r}; known keys are {', '.join(sorted(known))}."
        )
    return dict(document)
