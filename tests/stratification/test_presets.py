"""Presets: the points of the table, default boundaries, and whose learning rate a stratification takes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.stratification import (
    MAX_LAYERS,
    HeadRecipe,
    LoraSettings,
    Method,
    Recipe,
    Role,
    Stratification,
    StratificationError,
    default_boundaries,
    learning_rate_method,
    method_of,
    preset,
)
from spafit.training.rates import default_learning_rate, nearest_row

FROZEN, BIAS, LORA, LORA_BIAS, FULL = Recipe


@given(st.integers(1, MAX_LAYERS))
def test_default_boundaries_fit_every_depth(layers: int) -> None:
    n1, n2 = default_boundaries(layers)
    assert 0 <= n1 <= n2 <= layers
    assert preset(Method.SPAFIT, layers) == Stratification(layers, n1, n2)


@pytest.mark.parametrize(
    ("layers", "expected"), [(1, (0, 1)), (6, (2, 4)), (12, (4, 8)), (24, (8, 16)), (126, (42, 84))]
)
def test_default_boundaries_lie_at_thirds(layers: int, expected: tuple[int, int]) -> None:
    assert default_boundaries(layers) == expected


@pytest.mark.parametrize(
    ("method", "name", "bounds", "recipe", "embeddings", "pooler", "final_norm"),
    [
        (Method.FULL, "Full", (0, 0), FULL, FULL, FULL, FULL),
        (Method.BITFIT, "BitFit", (0, 6), BIAS, BIAS, BIAS, BIAS),
        (Method.LORA, "LoRA", (0, 0), LORA, FROZEN, FROZEN, FROZEN),
        (Method.PROBE, "Probe", (6, 6), FROZEN, FROZEN, FROZEN, FROZEN),
    ],
)
def test_presets_are_the_points_of_the_table(
    method: Method,
    name: str,
    bounds: tuple[int, int],
    recipe: Recipe,
    embeddings: Recipe,
    pooler: Recipe,
    final_norm: Recipe,
) -> None:
    s = preset(method, 6)
    assert (s.name, (s.n1, s.n2), s.embeddings) == (name, bounds, embeddings)
    assert set(s.layer_recipes()) == {recipe}
    assert s.head == HeadRecipe(pooler, FULL)
    assert s.final_norm is final_norm
    assert method_of(s) is method


def test_spafit_is_frozen_then_bias_then_both() -> None:
    s = preset("spafit", 24, 4, 9)
    assert s.name == "SPAFIT-4-9"
    assert [(t.first, t.last, t.recipe, t.span) for t in s.strata()] == [
        (1, 4, FROZEN, "layers 1–4"),
        (5, 9, BIAS, "layers 5–9"),
        (10, 24, LORA_BIAS, "layers 10–24"),
    ]
    assert (s.embeddings, s.head, s.final_norm) == (FROZEN, HeadRecipe(BIAS, FULL), BIAS)
    assert s.lora == LoraSettings(8, 16.0, 0.0, (Role.QUERY, Role.KEY, Role.VALUE, Role.ATTENTION_OUTPUT))


def test_corners_of_the_triangle_are_not_the_presets_near_them() -> None:
    assert preset("spafit", 6, 0, 0) != preset("lora", 6)
    assert preset("spafit", 6, 0, 6) != preset("bitfit", 6)
    assert preset("spafit", 6, 6, 6) != preset("probe", 6)


@pytest.mark.parametrize("method", Method)
def test_a_preset_has_its_own_recorded_learning_rate(method: Method) -> None:
    assert learning_rate_method(preset(method, 6)) is method
    assert default_learning_rate(preset(method, 6)) == nearest_row(None)["defaults"][method]


@pytest.mark.parametrize("recipes", itertools.combinations_with_replacement(Recipe, 3), ids="-".join)
def test_any_other_setting_takes_the_rate_of_what_its_strata_train_together(recipes: tuple[Recipe, ...]) -> None:
    """Full layers want the smallest rate, then adapters, with or without biases, then biases, then the head alone."""
    trained = {recipe for recipe in recipes if recipe is not FROZEN}
    expected = (
        Method.FULL
        if FULL in trained
        else Method.PROBE
        if not trained
        else {(BIAS,): Method.BITFIT, (LORA,): Method.LORA}.get(tuple(trained), Method.SPAFIT)
    )
    s = Stratification(6, 2, 4, recipes)  # ty: ignore[invalid-argument-type]
    assert learning_rate_method(s) is expected


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: preset("adapter", 6), "The method cannot be 'adapter'"),
        (lambda: preset("full", 6, 2, 4), "Only SPAFIT has boundaries"),
        (lambda: preset("spafit", "6"), "The number of layers is '6'"),
        (lambda: preset("probe", 0), "The number of layers is 0"),
    ],
)
def test_a_preset_that_cannot_be_is_refused_in_one_sentence(make, says: str) -> None:
    with pytest.raises(StratificationError, match=says):
        make()
