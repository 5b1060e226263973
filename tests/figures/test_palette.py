"""Colours that stand side by side are told apart, also by people who see no red or no green."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from spafit.palette import CURVE_COLORS, KIND_COLORS, RUN_COLORS
from spafit.stratification import Recipe

VISION = {
    "common": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
"""How linear RGB is seen, by Machado, Oliveira and Fernandes (2009) at full severity."""
SIDE_BY_SIDE = {
    "recipes": [recipe.color for recipe in Recipe],
    "SPAFIT's strata": [recipe.color for recipe in (Recipe.FROZEN, Recipe.BIAS, Recipe.LORA_BIAS)],
    "kinds of parameters": list(KIND_COLORS.values()),
    "curves of a run": list(CURVE_COLORS.values()),
    "compared runs": list(RUN_COLORS),
}
JUST_TOLD_APART = 10.0
"""In CIELAB, where 2.3 is the smallest difference that is seen between two patches that touch."""


def lab(color: str, vision: str) -> np.ndarray:
    """Return a colour as it is seen, in CIELAB (white D65)."""
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(VISION[vision] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(to_xyz @ seen / (0.9505, 1.0, 1.089), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("group", SIDE_BY_SIDE)
def test_colours_that_stand_side_by_side_are_told_apart(group: str, vision: str) -> None:
    distances = {
        (one, other): float(np.linalg.norm(lab(one, vision) - lab(other, vision)))
        for one, other in combinations(SIDE_BY_SIDE[group], 2)
    }
    assert {pair: round(far, 1) for pair, far in distances.items() if far < JUST_TOLD_APART} == {}


def test_red_and_green_of_the_same_lightness_would_be_found() -> None:
    green, red = "#4E9A3C", "#A9803A"
    assert np.linalg.norm(lab(green, "common") - lab(red, "common")) > 3 * JUST_TOLD_APART
    assert np.linalg.norm(lab(green, "deuteranopia") - lab(red, "deuteranopia")) < 3 * JUST_TOLD_APART
