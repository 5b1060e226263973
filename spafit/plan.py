"""What each tensor does under a stratification: the one place that decides it. Counting sums it, `adapt` applies it."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.models.anatomy import Anatomy, Tensor
from spafit.stratification import LoraSettings, Recipe, Stratification, StratificationError


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a tensor itself is trained, and whether a LoRA adapter is put beside it."""

    trained: bool
    lora: bool


def decide(tensor: Tensor, stratification: Stratification) -> Decision:
    """Return what ``tensor`` does under ``stratification``."""
    return decide_by_recipe(tensor, recipe_for(tensor, stratification), stratification.lora)


def recipe_for(tensor: Tensor, stratification: Stratification) -> Recipe:
    """Return the recipe that applies to a tensor: its layer's, the embeddings', or its part of the head's."""
    if tensor.layer is not None:
        return stratification.recipe_of(tensor.layer)
    if tensor.row == "embeddings":
        return stratification.embeddings
    if tensor.fresh:
        return stratification.head.fresh
    return stratification.final_norm if tensor.final_norm else stratification.head.pretrained_pooler


def decide_by_recipe(tensor: Tensor, recipe: Recipe, lora: LoraSettings) -> Decision:
    """Return what a tensor does when ``recipe`` applies to it."""
    return Decision(recipe.trains(tensor.kind, tensor.roles), recipe.has_lora and takes_lora(tensor, lora))


def takes_lora(tensor: Tensor, lora: LoraSettings) -> bool:
    """Whether the LoRA targets name this tensor; one role of a fused matrix is enough, and adapts the whole of it."""
    return tensor.adaptable and any(role in lora.targets for role in tensor.roles)


def lora_size(tensor: Tensor, rank: int) -> int:
    """Return the number of values in the adapter beside a weight matrix: A (rank x in) and B (out x rank)."""
    return rank * sum(tensor.fan)


def check(anatomy: Anatomy, stratification: Stratification) -> None:
    """Raise `StratificationError` unless the stratification fits the model: its depth, and a rank its matrices have.

    The rank is checked as soon as any stratum has a LoRA recipe, empty or not, so that moving a boundary cannot make a
    setting invalid.
    """
    if stratification.num_layers != anatomy.num_layers:
        raise StratificationError(
            f"The stratification is for {stratification.num_layers} layers but {anatomy.name} has {anatomy.num_layers}."
        )
    if not any(recipe.has_lora for recipe in stratification.recipes):
        return
    distinct = (tensor for layer in sorted(set(anatomy.layer_kinds)) for tensor in anatomy.layers[layer])
    adapted: dict[tuple[int, int], Tensor] = {}
    for tensor in distinct:
        if takes_lora(tensor, stratification.lora):
            adapted.setdefault(tensor.fan, tensor)
    for fan, tensor in adapted.items():
        if stratification.lora.rank > min(fan):
            roles = " + ".join(tensor.roles)
            raise StratificationError(
                f"The LoRA rank is {stratification.lora.rank} but the {roles} matrix of {anatomy.name} is "
                f"{fan[1]:,} x {fan[0]:,}; choose a rank from 1 to {min(min(f) for f in adapted):,}."
            )


def prefix_depth(anatomy: Anatomy, stratification: Stratification) -> int:
    """Return how many layers from the bottom have nothing trained in or below them, embeddings included.

    Those layers give the same output for the same input throughout a training, and gradients never reach them. The
    depth is N1 for SPAFIT, more where a stratum of biases has none, and 0 where an embedding trains.
    """
    if any(decide(tensor, stratification).trained for tensor in anatomy.embeddings):
        return 0
    for depth, (tensors, recipe) in enumerate(zip(anatomy.layers, stratification.layer_recipes(), strict=True)):
        decisions = (decide_by_recipe(tensor, recipe, stratification.lora) for tensor in tensors)
        if any(decision.trained or decision.lora for decision in decisions):
            return depth
    return anatomy.num_layers
