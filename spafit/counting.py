"""How many parameters a stratification trains, row by row: the one source of every count shown (no torch).

Layers with equal tensors are counted once, so a model of 126 layers costs as little as one of six.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spafit.models.anatomy import Anatomy, Tensor
from spafit.plan import check, decide, decide_by_recipe, lora_size, recipe_for
from spafit.stratification import LoraSettings, Recipe, Role, Stratification

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
RECIPES = tuple(Recipe)
FUSED_ROLES = frozenset((Role.QUERY, Role.KEY, Role.VALUE))


@dataclass(frozen=True, slots=True)
class Row:
    """The embeddings, one layer, or the head. All counts are numbers of values.

    ``total`` counts everything in the row, adapters included; ``inert`` is the part of ``trainable`` whose gradient is
    always zero. The head has no single recipe, so its ``recipe`` is None.
    """

    row: str
    layer: int | None
    stratum: int | None
    recipe: Recipe | None
    bias: int
    lora: int
    weight: int
    total: int
    inert: int

    @property
    def trainable(self) -> int:
        """Values that train: biases, LoRA adapters and weights."""
        return self.bias + self.lora + self.weight

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON types, without the keys that do not apply to it."""
        place = {"layer": self.layer, "stratum": self.stratum, "recipe": self.recipe and self.recipe.value}
        return {key: value for key, value in place.items() if value is not None} | {
            "bias": self.bias,
            "lora": self.lora,
            "weight": self.weight,
            "trainable": self.trainable,
            "total": self.total,
            "inert": self.inert,
        }


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one stratification on one model. ``base_total`` leaves the adapters out."""

    model: str
    name: str
    base_total: int
    embeddings: Row
    layers: tuple[Row, ...]
    head: Row

    @property
    def rows(self) -> tuple[Row, ...]:
        """Embeddings, layers and head, from the bottom up."""
        return (self.embeddings, *self.layers, self.head)

    @property
    def trainable(self) -> int:
        """Values that train."""
        return sum(row.trainable for row in self.rows)

    @property
    def total(self) -> int:
        """All values, adapters included."""
        return sum(row.total for row in self.rows)

    @property
    def inert(self) -> int:
        """Values that are trained but cannot move the output."""
        return sum(row.inert for row in self.rows)

    @property
    def percent(self) -> float:
        """100 x trainable / total, unrounded (PEFT's convention)."""
        return 100 * self.trainable / self.total

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON types: what ``spafit count --json`` prints."""
        return {
            "schema": SCHEMA_VERSION,
            "model": self.model,
            "name": self.name,
            "total": self.total,
            "base_total": self.base_total,
            "trainable": self.trainable,
            "percent": self.percent,
            "inert": self.inert,
            "embeddings": self.embeddings.to_dict(),
            "layers": [row.to_dict() for row in self.layers],
            "head": self.head.to_dict(),
        }

    def frame(self) -> pd.DataFrame:
        """Return one line per row, embeddings first, head last; ``frozen`` is total - trainable."""
        import pandas as pd

        frame = pd.DataFrame(
            [
                {
                    "row": row.row,
                    "label": f"layer {row.layer}" if row.layer else row.row,
                    "layer": row.layer,
                    "stratum": row.stratum,
                    "recipe": row.recipe and row.recipe.value,
                    "bias": row.bias,
                    "lora": row.lora,
                    "weight": row.weight,
                    "trainable": row.trainable,
                    "frozen": row.total - row.trainable,
                    "total": row.total,
                    "inert": row.inert,
                }
                for row in self.rows
            ]
        )
        return frame.astype({"layer": "Int64", "stratum": "Int64"})


@dataclass(frozen=True, slots=True, eq=False)
class RecipeTable:
    """What every layer would hold under every recipe: int64 arrays of shape (layers, recipes), as in `RECIPES`."""

    bias: np.ndarray
    lora: np.ndarray
    weight: np.ndarray
    inert: np.ndarray
    base: np.ndarray
    """Values of each layer without adapters, shape (layers,)."""

    @property
    def trainable(self) -> np.ndarray:
        """Trained values, shape (layers, recipes)."""
        return self.bias + self.lora + self.weight

    def to_dict(self) -> dict[str, Any]:
        """Return what a browser needs to count during a drag: layers[i][recipe] = [bias, lora, weight, total]."""
        stacked = np.stack([self.bias, self.lora, self.weight, self.base[:, None] + self.lora], axis=-1)
        return {
            "columns": ["bias", "lora", "weight", "total"],
            "layers": [dict(zip(RECIPES, row, strict=True)) for row in stacked.tolist()],
        }


@functools.lru_cache(maxsize=256)
def recipe_table(anatomy: Anatomy, lora: LoraSettings) -> RecipeTable:
    """Return what each layer trains under each recipe, with these LoRA settings."""
    kinds = np.array(anatomy.layer_kinds)
    cells = np.zeros((anatomy.num_layers, len(RECIPES), 4), dtype=np.int64)
    base = np.zeros(anatomy.num_layers, dtype=np.int64)
    for kind in np.unique(kinds):
        tensors = anatomy.layers[kind]
        cells[kinds == kind] = [_sums(tensors, dict.fromkeys(tensors, recipe), lora) for recipe in RECIPES]
        base[kinds == kind] = sum(t.size for t in tensors)
    table = RecipeTable(*(cells[:, :, column] for column in range(4)), base)
    for array in (table.bias, table.lora, table.weight, table.inert, table.base):
        array.setflags(write=False)  # the cache hands the same arrays to everyone
    return table


def _sums(tensors: tuple[Tensor, ...], recipes: dict[Tensor, Recipe], lora: LoraSettings) -> tuple[int, int, int, int]:
    """Return (bias, lora, weight, inert) of tensors under the recipe of each."""
    bias = pairs = weight = inert = 0
    for tensor in tensors:
        decision = decide_by_recipe(tensor, recipes[tensor], lora)
        pairs += lora_size(tensor, lora.rank) if decision.lora else 0
        if decision.trained:
            inert += tensor.inert
            bias += tensor.size if tensor.kind == "bias" else 0
            weight += tensor.size if tensor.kind == "weight" else 0
    return bias, pairs, weight, inert


def _outer_row(name: str, tensors: tuple[Tensor, ...], stratification: Stratification, recipe: Recipe | None) -> Row:
    recipes = {tensor: recipe_for(tensor, stratification) for tensor in tensors}
    bias, lora, weight, inert = _sums(tensors, recipes, stratification.lora)
    return Row(name, None, None, recipe, bias, lora, weight, sum(t.size for t in tensors) + lora, inert)


def count(anatomy: Anatomy, stratification: Stratification) -> Counts:
    """Count what a stratification trains on a model.

    Raises:
        StratificationError: it is for another depth, or its LoRA rank is beyond a matrix.
    """
    check(anatomy, stratification)
    table = recipe_table(anatomy, stratification.lora)
    recipes = stratification.layer_recipes()
    chosen = (np.arange(anatomy.num_layers), np.array([RECIPES.index(recipe) for recipe in recipes]))
    bias, lora, weight, inert = (column[chosen] for column in (table.bias, table.lora, table.weight, table.inert))
    columns = (bias, lora, weight, table.base + lora, inert)
    layers = tuple(
        Row("layer", layer, stratification.stratum_of(layer), recipe, *values)
        for layer, (recipe, values) in enumerate(zip(recipes, np.stack(columns, axis=1).tolist(), strict=True), 1)
    )
    return Counts(
        anatomy.name,
        stratification.name,
        anatomy.num_parameters,
        _outer_row("embeddings", anatomy.embeddings, stratification, stratification.embeddings),
        layers,
        _outer_row("head", anatomy.head, stratification, None),
    )


def triangle(anatomy: Anatomy, stratification: Stratification) -> np.ndarray:
    """Return the trainable values for every pair of boundaries: int64 of shape (L + 1, L + 1), indexed [n1, n2].

    Everything but the boundaries is taken from ``stratification``. Cells with n1 > n2 do not exist and hold -1.
    """
    check(anatomy, stratification)
    trainable = recipe_table(anatomy, stratification.lora).trainable
    below = [
        np.concatenate([[0], np.cumsum(trainable[:, RECIPES.index(recipe)])]) for recipe in stratification.recipes
    ]  # below[s][n]: values in layers 1..n if all of them had stratum s's recipe
    outside = sum(
        _outer_row(name, tensors, stratification, None).trainable
        for name, tensors in (("embeddings", anatomy.embeddings), ("head", anatomy.head))
    )
    n1, n2 = np.ogrid[: anatomy.num_layers + 1, : anatomy.num_layers + 1]
    cells = outside + below[0][n1] + below[1][n2] - below[1][n1] + below[2][-1] - below[2][n2]
    return np.where(n1 <= n2, cells, -1)


def tensor_table(anatomy: Anatomy, stratification: Stratification) -> pd.DataFrame:
    """Return one line per tensor, bottom up: its place, roles (joined by "+"), name, shape and size, whether it is
    trained, the values of the LoRA adapter beside it, and how many of its trained values are inert."""
    import pandas as pd

    check(anatomy, stratification)
    lines = []
    for tensor in anatomy.tensors:
        decision = decide(tensor, stratification)
        lines.append(
            {
                "row": tensor.row,
                "layer": tensor.layer,
                "stratum": stratification.stratum_of(tensor.layer) if tensor.layer else None,
                "recipe": recipe_for(tensor, stratification).value,
                "role": "+".join(tensor.roles),
                "name": tensor.name,
                "shape": " x ".join(map(str, tensor.shape)),
                "kind": tensor.kind,
                "fresh": tensor.fresh,
                "size": tensor.size,
                "trained": decision.trained,
                "lora": lora_size(tensor, stratification.lora.rank) if decision.lora else 0,
                "inert": tensor.inert if decision.trained else 0,
            }
        )
    return pd.DataFrame(lines).astype({"layer": "Int64", "stratum": "Int64"})


def by_role(anatomy: Anatomy, stratification: Stratification) -> pd.DataFrame:
    """Return one line per row and role, bottom up: bias, lora, weight, trainable and total (adapters included)."""
    table = tensor_table(anatomy, stratification)
    trained = table["size"].where(table["trained"], 0)
    table = table.assign(
        bias=trained.where(table["kind"] == "bias", 0),
        weight=trained.where(table["kind"] == "weight", 0),
        trainable=trained + table["lora"],
        total=table["size"] + table["lora"],
    )
    rows = table.groupby(["row", "layer", "stratum", "role"], sort=False, dropna=False)
    return rows[["bias", "lora", "weight", "trainable", "total"]].sum().reset_index()


def notices(anatomy: Anatomy, stratification: Stratification) -> list[str]:
    """Return what a person should know about these counts, one sentence each; an empty list when there is nothing."""
    counts = count(anatomy, stratification)
    sentences = []
    for stratum in stratification.strata():
        if anatomy.has_biases or not stratum.size or not stratum.recipe.trains_bias:
            continue
        where = f"{anatomy.name} has no bias terms in its layers, so {stratum.span} (stratum {stratum.number})"
        trained = [counts.layers[layer - 1] for layer in stratum.layers]
        if not any(row.trainable for row in trained):
            sentences.append(f"{where} train nothing; give that stratum LoRA or full training instead.")
        elif not any(row.weight for row in trained):
            sentences.append(f"{where} train their LoRA adapters only.")
    if counts.inert:
        sentences.append(
            f"{counts.inert:,} of the trained values are key biases: they add the same score to every position, "
            "which softmax does not see, so they train without effect."
        )
    chosen = FUSED_ROLES.intersection(stratification.lora.targets)
    if anatomy.fused_qkv and stratification.uses_lora and 0 < len(chosen) < len(FUSED_ROLES):
        sentences.append(
            f"{anatomy.name} keeps query, key and value in one matrix, so choosing any of them adapts all three."
        )
    return sentences
