"""Stratifications: boundaries, presets, names and documents."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.stratification import (
    MATRIX_ROLES,
    MAX_LAYERS,
    SCHEMA_VERSION,
    WITHOUT_LORA,
    HeadRecipe,
    LoraSettings,
    Method,
    Recipe,
    Role,
    Stratification,
    StratificationError,
    default_boundaries,
    method_of,
    parse_name,
    preset,
)

loras = st.builds(
    LoraSettings,
    rank=st.integers(1, 4096),
    alpha=st.floats(1e-6, 1e30, exclude_min=True),
    dropout=st.floats(0, 1, exclude_max=True),
    targets=st.lists(st.sampled_from(MATRIX_ROLES), min_size=1).map(tuple),
)
heads = st.builds(HeadRecipe, st.sampled_from(WITHOUT_LORA), st.sampled_from(WITHOUT_LORA))


@st.composite
def stratifications(draw: st.DrawFn) -> Stratification:
    """Any stratification of 1 to 130 layers."""
    layers = draw(st.integers(1, 130))
    n1, n2 = sorted((draw(st.integers(0, layers)), draw(st.integers(0, layers))))
    recipes = tuple(draw(st.sampled_from(Recipe)) for _ in range(3))
    return Stratification(layers, n1, n2, recipes, draw(st.sampled_from(WITHOUT_LORA)), draw(heads), draw(loras))


@given(stratifications())
def test_strata_cover_every_layer_once_in_order(s: Stratification) -> None:
    assert [layer for stratum in s.strata() for layer in stratum.layers] == list(range(1, s.num_layers + 1))
    assert [s.recipe_of(layer) for layer in range(1, s.num_layers + 1)] == list(s.layer_recipes())
    assert [stratum.size for stratum in s.strata()] == [s.n1, s.n2 - s.n1, s.num_layers - s.n2]


@given(stratifications())
def test_a_name_parses_back(s: Stratification) -> None:
    assert parse_name(s.name, s.num_layers) == s


@given(stratifications())
def test_a_document_reads_back(s: Stratification) -> None:
    assert Stratification.from_json(s.to_json()) == s
    assert json.loads(s.to_json())["schema"] == SCHEMA_VERSION


@given(stratifications(), st.data())
def test_moving_a_boundary_changes_only_the_layers_it_passes(s: Stratification, data: st.DataObject) -> None:
    moved = s.with_boundaries(s.n1, data.draw(st.integers(s.n1, s.num_layers)))
    between = range(min(s.n2, moved.n2) + 1, max(s.n2, moved.n2) + 1)
    changed = {n for n in range(1, s.num_layers + 1) if s.stratum_of(n) != moved.stratum_of(n)}
    assert changed == set(between)


@given(st.text(max_size=40), st.integers(1, 30))
def test_any_text_is_a_name_or_a_sentence(text: str, layers: int) -> None:
    try:
        parsed = parse_name(text, layers)
    except StratificationError as error:
        assert str(error).endswith(".") and "\n" not in str(error).replace(text, "")
    else:
        assert parsed.num_layers == layers


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


FROZEN, BIAS, LORA, LORA_BIAS, FULL = Recipe


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


def test_the_final_norm_follows_stratum_3_even_when_it_is_empty() -> None:
    assert preset("spafit", 6, 6, 6).final_norm is BIAS
    assert preset("spafit", 6, 0, 0).embeddings is FROZEN


def test_corners_of_the_triangle_are_not_the_presets_near_them() -> None:
    assert preset("spafit", 6, 0, 0) != preset("lora", 6)
    assert preset("spafit", 6, 0, 6) != preset("bitfit", 6)
    assert preset("spafit", 6, 6, 6) != preset("probe", 6)


def test_targets_are_kept_once_and_in_one_order() -> None:
    assert LoraSettings(targets=("value", "query", "value")).targets == (Role.QUERY, Role.VALUE)  # ty: ignore


def test_other_settings_are_told_in_the_name() -> None:
    s = replace(preset("spafit", 6), embeddings=BIAS, lora=LoraSettings(rank=4, alpha=0.5))
    assert s.name == "SPAFIT-2-4+embeddings=bias+rank=4+alpha=0.5"
    assert replace(s, recipes=(FROZEN, LORA, FULL)).name == (
        "Strata-2-4-frozen-lora-full+embeddings=bias+rank=4+alpha=0.5"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Stratification(6, 4, 2), "Boundary 1 is after layer 4 but boundary 2 after layer 2"),
        (lambda: Stratification(6, -1, 2), "Boundary 1 is -1 but must be a whole number from 0 to 6"),
        (lambda: Stratification(6, 1, 7), "Boundary 2 is 7 but must be a whole number from 0 to 6"),
        (lambda: Stratification(6, 1, 2.5), "Boundary 2 is 2.5"),
        (lambda: Stratification(6, True, 2), "Boundary 1 is True"),
        (lambda: Stratification(0, 0, 0), "The number of layers is 0"),
        (lambda: Stratification(6, 1, 2, ("frozen", "bias")), "three recipes are needed"),
        (lambda: Stratification(6, 1, 2, "full"), "three recipes are needed"),
        (lambda: Stratification(6, 1, 2, ("frozen", "bias", "lorra")), "The recipe of stratum 3 cannot be 'lorra'"),
        (lambda: Stratification(6, 1, 2, embeddings="lora"), "The embeddings' recipe cannot be 'lora'"),
        (lambda: HeadRecipe(fresh="lora_bias"), "The fresh head's recipe cannot be 'lora_bias'"),
        (lambda: LoraSettings(rank=0), "The LoRA rank is 0 but must be a whole number from 1"),
        (lambda: LoraSettings(rank=2**63), "The LoRA rank is 9223372036854775808 but"),
        (lambda: LoraSettings(alpha=0), "LoRA alpha is 0 but must be a number above 0"),
        (lambda: LoraSettings(alpha=float("nan")), "LoRA alpha is nan"),
        (lambda: LoraSettings(dropout=1.0), "LoRA dropout is 1.0 but must be a number at least 0 and below 1"),
        (lambda: LoraSettings(targets=()), "LoRA needs at least one target"),
        (lambda: LoraSettings(targets="query"), "LoRA targets are a list of roles"),
        (lambda: LoraSettings(targets=("norm",)), "A LoRA target cannot be 'norm'"),
        (lambda: preset("adapter", 6), "The method cannot be 'adapter'"),
        (lambda: preset("full", 6, 2, 4), "Only SPAFIT has boundaries"),
        (lambda: parse_name("SPAFIT", 6), "is incomplete"),
        (lambda: parse_name("SPAFIT-2-9", 6), "Boundary 2 is 9"),
        (lambda: parse_name("Adapter", 6), "names no stratification"),
        (lambda: parse_name("LoRA+rank=x", 6), "rank is 'x' but must be a number"),
        (lambda: parse_name("LoRA+colour=red", 6), "A name cannot change 'colour'"),
        (lambda: Stratification.from_json("{"), "not valid JSON"),
        (lambda: Stratification.from_json("[]"), "must be a JSON object"),
        (lambda: Stratification.from_json("9" * 5000), "not valid JSON"),
        (lambda: Stratification.from_json("[" * 100_000), "not valid JSON"),
        (lambda: Stratification.from_dict({"num_layers": 6}), "lacks n1, n2"),
        (lambda: Stratification.from_dict({"schema": 99, "num_layers": 6, "n1": 1, "n2": 2}), "newer version"),
        (lambda: Stratification.from_dict({"num_layers": 6, "n1": 1, "n2": 2, "n3": 3}), "unknown key 'n3'"),
        (lambda: preset("spafit", 6).stratum_of(7), "The layer is 7"),
    ],
)
def test_what_cannot_exist_is_refused_in_one_sentence(make, says: str) -> None:
    with pytest.raises(StratificationError) as caught:
        make()
    assert says in str(caught.value)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
