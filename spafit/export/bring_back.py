"""An adapter as the stratification that it is: exact counts, and what two boundaries cannot express, layer by layer.

What spafit exported says itself what it is. Of any other LoRA adapter every tensor is compared with what each recipe
would train in its layer; the boundaries and recipes that differ in the fewest values are taken, and what still differs
is said. No torch.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spafit import access
from spafit.counting import count
from spafit.errors import SpafitError
from spafit.export.adapter_source import AdapterError, Files
from spafit.models.anatomy import Anatomy, Tensor
from spafit.models.load import load_anatomy
from spafit.models.registry import Model, get_model
from spafit.plan import check, decide_by_recipe, lora_size
from spafit.plan import decide as decided
from spafit.stratification import (
    WITHOUT_LORA,
    HeadRecipe,
    LoraSettings,
    Method,
    Recipe,
    Stratification,
    method_of,
    preset,
)

SCHEMA_VERSION = 1
_PAIR = re.compile(r"(.+)\.lora_([AB])(?:\.\w+)?\.weight")
_INSERTED = re.compile(r"\.(base_layer|modules_to_save(\.\w+)?)(?=\.)")
_SHOWN = 3


@dataclass(frozen=True)
class Adapter:
    """What an adapter trains, by the anatomy's tensors."""

    anatomy: Anatomy
    ranks: dict[Tensor, int]
    """Of the LoRA pair beside a matrix of a layer."""
    trained: frozenset[Tensor]
    """What is stored as it is: biases, the head, whole modules."""
    beyond: dict[str, int]
    """What no stratum has, by what it is, with its number of values."""


@dataclass(frozen=True)
class Part:
    """One row of the model: what the adapter trains there, and what the stratification would."""

    row: str
    layer: int | None
    ranks: dict[str, int]
    """By the roles of the matrix."""
    bias: int
    lora: int
    weight: int
    as_strata: int
    """Values that the stratification trains there."""
    differences: tuple[str, ...]
    """What the stratification has otherwise."""

    @property
    def trainable(self) -> int:
        """Values that the adapter trains there."""
        return self.bias + self.lora + self.weight

    @property
    def label(self) -> str:
        """The row's name."""
        return self.row if self.layer is None else f"layer {self.layer}"


@dataclass(frozen=True)
class Brought:
    """An adapter that was brought back."""

    name: str
    model: str
    """Key of its base model."""
    num_labels: int
    stratification: Stratification
    parts: tuple[Part, ...]
    """Embeddings, layers, head."""
    beyond: dict[str, int]
    remarks: tuple[str, ...]

    @cached_property
    def trainable(self) -> int:
        """All values that the adapter trains."""
        return sum(part.trainable for part in self.parts) + sum(self.beyond.values())

    @property
    def exact(self) -> bool:
        """Whether the stratification trains just what the adapter does."""
        return not self.beyond and not any(part.differences for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as JSON types."""
        return {
            "schema": SCHEMA_VERSION,
            "name": self.name,
            "model": self.model,
            "num_labels": self.num_labels,
            "stratification": self.stratification.to_dict(),
            "exact": self.exact,
            "trainable": self.trainable,
            "parts": [
                {
                    "row": part.row,
                    "layer": part.layer,
                    "ranks": part.ranks,
                    "bias": part.bias,
                    "lora": part.lora,
                    "weight": part.weight,
                    "trainable": part.trainable,
                    "as_strata": part.as_strata,
                    "differences": list(part.differences),
                }
                for part in self.parts
            ],
            "beyond": self.beyond,
            "remarks": list(self.remarks),
        }


def bring_back(files: Files, base: str | None = None) -> Brought:
    """Return an adapter as a stratification of its base model.

    Args:
        files: what is known of it.
        base: its base model, where it does not say it or says it wrongly.

    Raises:
        AdapterError: no LoRA, no tensors, or made for another model.
        SpafitError: the base model is not known, not supported or out of reach.
    """
    kind = files.config.get("peft_type")
    if kind != "LORA":
        raise AdapterError(f"{files.name} is no LoRA adapter (its peft_type is {str(kind)[:40]!r}).")
    model = _base(files, base)
    own = _recorded(files)
    anatomy = load_anatomy(model.key, num_labels=len(files.record["labels"]) or 1 if own and files.record else 2)
    found = _adapter(files, anatomy if own else _with_labels(anatomy, files.shapes))
    stratification, remarks = (own, []) if own else _nearest(found, files.config)
    check(found.anatomy, stratification)
    if own:
        found = _as_recorded(found, own, files.name)
    parts = tuple(_parts(found, stratification))
    return Brought(files.name, model.key, found.anatomy.num_labels, stratification, parts, found.beyond, tuple(remarks))


def _base(files: Files, base: str | None) -> Model:
    named = base or files.config.get("base_model_name_or_path")
    if not isinstance(named, str) or not named.strip():
        raise AdapterError(f"{files.name} does not say which model it was made for; name its base model.")
    # A shared server does not look: what is said must not tell what there is on it.
    if base is None and Path(named).is_absolute() and (access.shared() or not Path(named).is_dir()):
        raise AdapterError(f"The base model of {files.name} was in a folder that is not here; name its base model.")
    try:
        return get_model(named)
    except SpafitError as error:
        raise AdapterError(f"The base model of {files.name} cannot be found: {error}") from error


def _recorded(files: Files) -> Stratification | None:
    """Return what the spafit.json of an exported adapter says of its stratification; None where there is none."""
    if files.record is None:
        return None
    try:
        labels = files.record["labels"]
        if not isinstance(labels, list):
            raise TypeError
        return Stratification.from_dict(files.record["spec"]["stratification"])
    except (KeyError, TypeError, SpafitError) as error:
        raise AdapterError(f"The spafit.json of {files.name} is not as spafit writes it.") from error


def _with_labels(anatomy: Anatomy, shapes: Mapping[str, tuple[int, ...]]) -> Anatomy:
    """Return the anatomy with as many outputs as the stored head has."""
    stored = {_plain(name, anatomy): shape for name, shape in shapes.items()}
    for tensor in anatomy.head:
        shape = stored.get(tensor.name)
        if tensor.label_axis is not None and shape is not None and len(shape) == len(tensor.shape):
            return anatomy.with_labels(shape[tensor.label_axis])
    return anatomy


def _plain(name: str, anatomy: Anatomy) -> str:
    """Return the name of a stored tensor as the anatomy has it, without what peft puts in or another class leaves."""
    plain = _INSERTED.sub("", name.removeprefix("base_model.model."))
    base, inside = anatomy.layers_path.split(".", 1)
    return f"{base}.{plain}" if plain.startswith(f"{inside}.") else plain


def _adapter(files: Files, anatomy: Anatomy) -> Adapter:
    """Sort an adapter's tensors. Raises `AdapterError` for those that the base model has no place for."""
    pairs: dict[str, dict[str, tuple[int, ...]]] = {}
    trained: set[Tensor] = set()
    beyond = Counter[str]()
    for name, shape in files.shapes.items():
        if ".original_module." in name:  # what modules_to_save replaced
            continue
        plain = _plain(name, anatomy)
        if pair := _PAIR.fullmatch(plain):
            pairs.setdefault(pair[1], {})[pair[2]] = shape
        elif tensor := anatomy.by_name.get(plain):
            axis = tensor.label_axis
            if axis is not None and len(shape) == len(tensor.shape) and shape[axis] != tensor.shape[axis]:
                raise AdapterError(
                    f"{files.name} names {tensor.shape[axis]} labels in its spafit.json, but its head has "
                    f"{shape[axis]} outputs."
                )
            if shape != tensor.shape:
                raise _other(files, anatomy, plain, shape, tensor.shape)
            trained.add(tensor)
        else:
            beyond[_called(plain)] += math.prod(shape)
    ranks: dict[Tensor, int] = {}
    for module, pair in pairs.items():
        tensor = anatomy.by_name.get(f"{module}.weight")
        a, b = pair.get("A", ()), pair.get("B", ())
        if tensor is None and module.startswith(f"{anatomy.layers_path}."):
            raise AdapterError(
                f"{files.name} was made for another model: {anatomy.name} has no {module}, which it adapts."
            )
        if tensor is None or not tensor.adaptable:
            beyond[f"LoRA beside {module.rpartition('.')[2]} outside the layers' matrices"] += math.prod(a) + (
                math.prod(b) if b else 0
            )
            continue
        if len(a) != 2 or len(b) != 2 or (a[1], b[0]) != tensor.fan or a[0] != b[1] or not a[0]:
            raise _other(files, anatomy, module, (b[0] if b else 0, a[-1] if a else 0), tensor.fan[::-1])
        ranks[tensor] = a[0]
    if not ranks and not trained:
        raise AdapterError(f"{files.name} stores no tensor that belongs to {anatomy.name}.")
    return Adapter(anatomy, ranks, frozenset(trained), dict(beyond))


def _called(name: str) -> str:
    """Return what a tensor is that is neither of a pair nor one of the model's."""
    if "lora_magnitude_vector" in name:
        return "DoRA's magnitudes"
    if "lora_embedding" in name:
        return "LoRA beside embeddings"
    if re.search(r"lora_[AB](\.\w+)?\.bias", name):
        return "biases of LoRA adapters"
    return f"{name} and the like"[:80] if len(name) < 60 else f"{name[:60]} …"


def _other(files: Files, anatomy: Anatomy, what: str, has: Iterable[int], wants: Iterable[int]) -> AdapterError:
    return AdapterError(
        f"{files.name} was made for another model: its {what} is for {' x '.join(map(str, has))}, that of "
        f"{anatomy.name} is {' x '.join(map(str, wants))}."
    )


def _as_recorded(found: Adapter, own: Stratification, name: str) -> Adapter:
    """Return an exported adapter without the biases that were stored along but did not train.

    Raises:
        AdapterError: its pairs are not those of the stratification that it says it is.
    """
    wanted = {t: own.lora.rank for t in found.anatomy.tensors if decided(t, own).lora}
    if wanted != found.ranks:
        raise AdapterError(f"{name} holds other LoRA adapters than {own.name}, which its spafit.json says it is.")
    trained = frozenset(t for t in found.anatomy.tensors if decided(t, own).trained)
    return replace(found, trained=trained)


def _nearest(found: Adapter, config: Mapping[str, Any]) -> tuple[Stratification, list[str]]:
    """Return the stratification that differs from an adapter in the fewest values, and what is to be said of it."""
    lora, remarks = _lora(found, config)
    anatomy = found.anatomy
    recipes = list(Recipe)
    costs = np.array([[_cost(found, tensors, r, lora) for r in recipes] for tensors in anatomy.layers])
    n1, n2, chosen = _boundaries(costs, recipes)
    shape = Stratification(anatomy.num_layers, n1, n2, chosen, lora=lora)
    method = method_of(shape)
    usual = preset(method, anatomy.num_layers) if method and method.point else shape
    poolers = [t for t in anatomy.head if not t.fresh and not t.final_norm]
    fresh = [t for t in anatomy.head if t.fresh]

    def best(tensors: Iterable[Tensor], first: Recipe) -> Recipe:
        return min((first, *WITHOUT_LORA), key=lambda recipe: _cost(found, tensors, recipe, lora))

    if not found.trained.intersection(fresh):
        remarks.append("The adapter stores no head for classes; one would be new and trained as a whole.")
        head = HeadRecipe(best(poolers, usual.head.pretrained_pooler))
    else:
        head = HeadRecipe(best(poolers, usual.head.pretrained_pooler), best(fresh, Recipe.FULL))
    return replace(shape, embeddings=best(anatomy.embeddings, usual.embeddings), head=head), remarks


def _cost(found: Adapter, tensors: Iterable[Tensor], recipe: Recipe, lora: LoraSettings) -> int:
    """Return how many values an adapter and a recipe train differently in these tensors."""
    total = 0
    for tensor in tensors:
        would = decide_by_recipe(tensor, recipe, lora)
        total += tensor.size * (would.trained != (tensor in found.trained))
        theirs, ours = found.ranks.get(tensor, 0), lora.rank if would.lora else 0
        if theirs != ours:
            total += lora_size(tensor, 1) * abs(theirs - ours)
    return total


def _boundaries(costs: np.ndarray, recipes: list[Recipe]) -> tuple[int, int, tuple[Recipe, Recipe, Recipe]]:
    """Return the boundaries and recipes of the least cost; of equals a method everywhere, then SPAFIT, then the rest.

    Args:
        costs: what each layer (row) costs under each recipe (column).
        recipes: of the columns.
    """
    layers = len(costs)
    sums = np.vstack([np.zeros(len(recipes), dtype=np.int64), np.cumsum(costs, axis=0)])
    spafit = Stratification(layers, 0, 0).recipes
    places = [(n1, n2) for n1 in range(layers + 1) for n2 in range(n1, layers + 1)]

    def total(n1: int, n2: int, chosen: tuple[Recipe, ...]) -> int:
        first, second, third = (recipes.index(recipe) for recipe in chosen)
        return int(sums[n1, first] + (sums[n2] - sums[n1])[second] + (sums[-1] - sums[n2])[third])

    def cheapest(n1: int, n2: int) -> tuple[Recipe, Recipe, Recipe]:
        first, second, third = (  # one without layers is what it is in SPAFIT
            recipes[int((sums[end] - sums[start]).argmin())] if start < end else usual
            for start, end, usual in zip((0, n1, n2), (n1, n2, layers), spafit, strict=True)
        )
        return first, second, third

    points = [preset(method, layers) for method in Method if method.point]
    known = [(p.n1, p.n2, p.recipes) for p in points]
    known += [(n1, n2, spafit) for n1, n2 in places]
    # Fewer strata first: a boundary that changes nothing is not drawn.
    free = sorted(places, key=lambda place: (len({0, *place, layers}), -place[0], place[1]))
    known += [(n1, n2, cheapest(n1, n2)) for n1, n2 in free]
    return min(known, key=lambda one: total(*one))


def _lora(found: Adapter, config: Mapping[str, Any]) -> tuple[LoraSettings, list[str]]:
    """Return the LoRA settings of most pairs, and what is to be said of others."""
    if not found.ranks:
        return LoraSettings(), []
    rank = Counter(found.ranks.values()).most_common(1)[0][0]
    layers = {tensor.layer for tensor in found.ranks}
    roles = Counter(role for tensor in found.ranks for role in dict.fromkeys(tensor.roles))
    each = max(roles.values()) if roles else 0
    targets = [role for role, times in roles.items() if 2 * times > len(layers)] or [
        role for role, times in roles.items() if times == each
    ]
    remarks = []
    alpha, dropout = config.get("lora_alpha"), config.get("lora_dropout")
    alpha = float(alpha) if isinstance(alpha, int | float) and alpha > 0 else 2.0 * rank
    if config.get("use_rslora"):
        alpha *= math.sqrt(rank)
        remarks.append(f"Its scale is alpha over the root of the rank (rsLoRA): shown as alpha {alpha:g}.")
    if config.get("alpha_pattern"):
        remarks.append("Some pairs have an alpha of their own, which a stratification has not; counts do not change.")
    dropout = float(dropout) if isinstance(dropout, int | float) and 0 <= dropout < 1 else 0.0
    return LoraSettings(rank, alpha, dropout, tuple(targets)), remarks


def _parts(found: Adapter, stratification: Stratification) -> Iterator[Part]:
    counts = count(found.anatomy, stratification)
    groups = (found.anatomy.embeddings, *found.anatomy.layers, found.anatomy.head)
    for row, tensors in zip(counts.rows, groups, strict=True):
        trained = [t for t in tensors if t in found.trained]
        ranks = {t: found.ranks[t] for t in tensors if t in found.ranks}
        yield Part(
            row.row,
            row.layer,
            _by_roles(ranks),
            sum(t.size for t in trained if t.kind == "bias"),
            sum(lora_size(t, rank) for t, rank in ranks.items()),
            sum(t.size for t in trained if t.kind == "weight"),
            row.trainable,
            tuple(_differences(found, tensors, stratification)),
        )


def _differences(found: Adapter, tensors: Iterable[Tensor], stratification: Stratification) -> Iterator[str]:
    """Say what an adapter trains in these tensors that the stratification does not, and the other way round."""
    has_head = any(tensor.fresh for tensor in found.trained)  # else a new one is as good as any
    unused: list[str] = []
    more, fewer = Counter[str](), Counter[str]()
    for tensor in tensors:
        would = decided(tensor, stratification)
        theirs, ours = found.ranks.get(tensor), stratification.lora.rank if would.lora else None
        if theirs and ours and theirs != ours:
            yield f"rank {theirs} on {_roles(tensor)}, not {ours}"
        elif theirs and not ours:
            yield f"rank {theirs} on {_roles(tensor)}, not adapted by the strata"
        elif ours and not theirs:
            unused.append(_roles(tensor))
        if would.trained != (tensor in found.trained) and (has_head or not tensor.fresh):
            (fewer if would.trained else more)[tensor.kind] += tensor.size
    if unused:
        yield f"no LoRA on {', '.join(dict.fromkeys(unused))}"
    for kind, values in more.items():
        yield f"trains {values:,} {_PLURAL[kind]} more than the strata"
    for kind, values in fewer.items():
        yield f"trains {values:,} {_PLURAL[kind]} less than the strata"


_PLURAL = {"bias": "bias values", "weight": "weights"}


def _by_roles(ranks: Mapping[Tensor, int]) -> dict[str, int]:
    """Return ranks by role; a matrix that shares its role with one of another rank goes by its name too."""
    named: dict[str, int] = {}
    for tensor, rank in ranks.items():
        roles = _roles(tensor)
        alone = named.get(roles, rank) == rank
        named[roles if alone else f"{roles} ({tensor.module.rpartition('.')[2]})"] = rank
    return named


def _roles(tensor: Tensor) -> str:
    return "+".join(role.value for role in tensor.roles)
