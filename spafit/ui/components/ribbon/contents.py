"""What the ribbon needs to draw a model and to count during a drag, as JSON types (no streamlit)."""

import functools
from typing import Any

from spafit.costs import OPTIMIZERS
from spafit.counting import Row, count, recipe_table
from spafit.glossary import tip
from spafit.models.anatomy import Anatomy, Tensor
from spafit.palette import KIND_COLORS, KIND_LABELS, TEXT_ON_COLOR
from spafit.plan import decide, decide_by_recipe, recipe_for
from spafit.stratification import LoraSettings, Method, Recipe, Stratification, preset

RECIPES = {
    recipe.value: {
        "color": recipe.color,
        "text": TEXT_ON_COLOR,
        "label": recipe.label,
        "meaning": recipe.description.meaning,
        "idle": recipe.idle,
    }
    for recipe in Recipe
}


TIPS = {
    "trained": f"{tip('parameter')} {tip('trainable')}",
    "share": tip("trainable"),
    "saving": f"{tip('full')} {tip('optimizer_state')}",
}


def contents(anatomy: Anatomy, stratification: Stratification) -> dict[str, Any]:
    """Return what depends on model and stratification; the numbers are `counting`'s, the browser only adds them up."""
    counts = count(anatomy, stratification)
    full = count(anatomy, preset(Method.FULL, anatomy.num_layers)).trainable
    return {
        "model": anatomy.name,
        "n": anatomy.num_layers,
        "n1": stratification.n1,
        "n2": stratification.n2,
        "recipes": [recipe.value for recipe in stratification.recipes],
        "rank": stratification.lora.rank,
        "palette": RECIPES,
        "kinds": KIND_COLORS,
        "kind_labels": KIND_LABELS,
        "layers": _layers(anatomy, stratification.lora),
        "embeddings": _end(counts.embeddings, stratification.embeddings),
        "head": _end(counts.head, _head_recipe(anatomy, stratification)),
        "full": full,
        "optimizer_bytes": OPTIMIZERS["adamw"] * 4,
        "tips": TIPS,
    }


def _head_recipe(anatomy: Anatomy, stratification: Stratification) -> Recipe:
    """Return what colours the head, whose parts have recipes of their own: the most that trains anything in it."""
    training = {recipe_for(t, stratification) for t in anatomy.head if decide(t, stratification).trained}
    return max(training, key=lambda recipe: recipe.order, default=Recipe.FROZEN)


def _end(row: Row, recipe: Recipe) -> dict[str, Any]:
    """Return what is drawn of the embeddings or the head."""
    return {
        "bias": row.bias,
        "weight": row.weight,
        "trainable": row.trainable,
        "total": row.total,
        "recipe": recipe.value,
    }


@functools.lru_cache(maxsize=64)
def _layers(anatomy: Anatomy, lora: LoraSettings) -> dict[str, Any]:
    """Layers that are alike are described once: `kind` gives each layer's entry in `counts` and `parts`."""
    table = recipe_table(anatomy, lora).to_dict()["layers"]
    distinct = list(dict.fromkeys(anatomy.layer_kinds))
    return {
        "kind": [distinct.index(kind) for kind in anatomy.layer_kinds],
        "counts": [table[kind] for kind in distinct],
        "parts": [_parts(anatomy.layers[kind], lora) for kind in distinct],
    }


def _parts(tensors: tuple[Tensor, ...], lora: LoraSettings) -> list[dict[str, Any]]:
    """Return the modules of one layer: a matrix or a norm with its bias."""
    modules: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        modules.setdefault(tensor.module, []).append(tensor)
    repeated = [" + ".join(members[0].roles) for members in modules.values()]
    return [_part(members, lora, repeated) for members in modules.values()]


def _part(members: list[Tensor], lora: LoraSettings, all_labels: list[str]) -> dict[str, Any]:
    main = max(members, key=lambda tensor: len(tensor.shape))
    biases = [tensor for tensor in members if tensor.kind == "bias"]
    fan_in, fan_out = main.fan if len(main.shape) == 2 else (1, main.size)
    label = " + ".join(role.label for role in main.roles)
    fused = "one fused matrix" if len(main.roles) > 1 else ""
    several = main.module.rpartition(".")[2] if all_labels.count(" + ".join(main.roles)) > 1 and fan_in > 1 else ""
    return {
        "label": label,
        "note": fused or several,
        "in": fan_in,
        "out": fan_out,
        "bias": sum(tensor.size for tensor in biases),
        "inert": any(tensor.inert for tensor in biases),
        "trains": {recipe.value: _trains(members, recipe, lora) for recipe in Recipe},
    }


def _trains(members: list[Tensor], recipe: Recipe, lora: LoraSettings) -> str:
    """Return what trains under a recipe: any of ``w`` (weight), ``l`` (LoRA adapter) and ``b`` (bias)."""
    decisions = [(tensor, decide_by_recipe(tensor, recipe, lora)) for tensor in members]
    weight = any(decision.trained and tensor.kind == "weight" for tensor, decision in decisions)
    pair = any(decision.lora for _, decision in decisions)
    bias = any(decision.trained and tensor.kind == "bias" for tensor, decision in decisions)
    return "w" * weight + "l" * pair + "b" * bias
