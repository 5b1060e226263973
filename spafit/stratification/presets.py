"""The presets: named points of the space of stratifications, as the field and the paper know them."""

from __future__ import annotations

from spafit.stratification.kinds import Method, Recipe
from spafit.stratification.values import (
    HeadRecipe,
    LoraSettings,
    Stratification,
    StratificationError,
    check_depth,
    method_of,
    one_of,
)

_RATES = {recipe: Method(recipe.description.rate) for recipe in Recipe}


def default_boundaries(num_layers: int) -> tuple[int, int]:
    """Return SPAFIT's boundaries at thirds of the depth: (2, 4) for 6 layers, (8, 16) for 24."""
    return round(num_layers / 3), round(2 * num_layers / 3)


def preset(
    method: Method | str,
    num_layers: int,
    n1: int | None = None,
    n2: int | None = None,
    lora: LoraSettings | None = None,
) -> Stratification:
    """Return a named point of the space.

    Every preset but SPAFIT uses one recipe in all three strata, so the final norm follows from stratum 3 as always.

    Args:
        method: which point.
        num_layers: depth L of the model.
        n1: boundary 1, for SPAFIT only; thirds of the depth when left out.
        n2: boundary 2, likewise.
        lora: LoRA settings; rank 8, alpha 16 on query, key, value and attention output when left out.

    Raises:
        StratificationError: unknown method, boundaries out of order or range, or given to a method that has none.
    """
    chosen = one_of(Method, method, "The method", Method)
    lora = lora or LoraSettings()
    if chosen.point is None:
        third, two_thirds = default_boundaries(check_depth(num_layers))
        if n1 is None:
            n1 = third if n2 is None else min(third, n2)
        return Stratification(num_layers, n1, max(two_thirds, n1) if n2 is None else n2, lora=lora)
    if n1 is not None or n2 is not None:
        raise StratificationError(f"Only SPAFIT has boundaries to choose; leave them out for {chosen.written}.")
    point, recipe = chosen.point, chosen.point.recipe
    n1, n2 = point.boundaries(num_layers)
    return Stratification(
        num_layers, n1, n2, (recipe, recipe, recipe), point.embeddings, HeadRecipe(point.pooler), lora
    )


def learning_rate_method(stratification: Stratification) -> Method:
    """Return the preset whose recorded learning rate suits a stratification.

    A preset has its own; SPAFIT and any other combination take that of the recipe that trains what the recipes of the
    non-empty strata and the embeddings train together, or else of the one among them that wants the smallest rate.
    """
    method = method_of(stratification)
    if method and method.point:
        return method
    recipes = {stratum.recipe for stratum in stratification.strata() if stratum.size} | {stratification.embeddings}
    together = [
        recipe
        for recipe in Recipe
        if recipe.has_lora == any(r.has_lora for r in recipes)
        and recipe.description.biases == frozenset().union(*(r.description.biases for r in recipes))
        and recipe.description.weights == frozenset().union(*(r.description.weights for r in recipes))
    ]
    return _RATES[next(iter(together), max(recipes, key=lambda recipe: recipe.order))]
