"""The recorded search that default learning rates come from. No torch."""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import Any

from spafit.stratification import Method, Recipe, Stratification, learning_rate_method, method_of

HEAD_ONLY = "head-only"
"""The rate of a stratification that trains in the head alone, but more there than the linear probe does."""


@cache
def learning_rates() -> dict[str, Any]:
    """Return the recorded search: for each number of steps, rates tried and their scores; machine, seeds and commit."""
    return json.loads(resources.files("spafit.training").joinpath("learning_rates.json").read_text("utf-8"))


def rate_key(strat: Stratification) -> str:
    """Return the method, or `HEAD_ONLY`, whose recorded rate suits a stratification."""
    recipes = {stratum.recipe for stratum in strat.strata() if stratum.size} | {strat.embeddings}
    if recipes == {Recipe.FROZEN} and method_of(strat) is not Method.PROBE:
        return HEAD_ONLY
    return learning_rate_method(strat).value


def nearest_row(steps: int | None) -> dict[str, Any]:
    """Return the row of the search whose number of steps is nearest, by its logarithm; None: the row with the most."""
    rows = learning_rates()["rows"]
    if steps is None:
        return max(rows, key=lambda row: row["steps"])
    return min(rows, key=lambda row: abs(math.log(row["steps"] / steps)))


def default_learning_rate(strat: Stratification, steps: int | None = None) -> float:
    """Return the peak learning rate for a stratification in a run of so many steps; None: of a number not known."""
    return float(nearest_row(steps)["defaults"][rate_key(strat)])


def rate_reason(strat: Stratification, steps: int | None) -> str:
    """Where `default_learning_rate` comes from."""
    row = nearest_row(steps)
    key = rate_key(strat)
    written = "training the head only" if key == HEAD_ONLY else Method(key).written
    return f"the best for {written} in the recorded search with {row['steps']} steps, which is nearest"
