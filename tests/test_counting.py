"""Counts: exact integers, rows that add up, and boundaries that change only what lies between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.counting import RECIPES, Counts, by_role, count, notices, recipe_table, tensor_table, triangle
from spafit.models.load import load_anatomy
from spafit.plan import prefix_depth
from spafit.stratification import (
    HeadRecipe,
    LoraSettings,
    Method,
    Recipe,
    Role,
    Stratification,
    StratificationError,
    preset,
)
from tests.strategies import stratifications
from tests.tiny import FAMILIES, tiny_anatomy

LAYERS = 3
a_family = st.sampled_from(FAMILIES)
a_stratification = stratifications(LAYERS)


def test_bert_large_cased_counts() -> None:
    bert = load_anatomy("bert-large-cased")
    expected = {
        Method.FULL: 333_581_314,
        Method.BITFIT: 274_434,
        Method.PROBE: 2_050,
        # 24 layers, four matrices of 1,024 x 1,024 each, rank 8
        Method.LORA: 24 * 4 * 8 * 2_048 + 2_050,
    }
    assert {method: count(bert, preset(method, 24)).trainable for method in expected} == expected
    spafit = count(bert, preset("spafit", 24, 4, 9))
    lora = 15 * 4 * 8 * 2_048
    assert (
        spafit.trainable == 20 * 11_264 + lora + 1_024 + 2_050
    )  # 20 layers' biases, 15 layers' pairs, pooler bias, head
    assert (spafit.base_total, spafit.total) == (333_581_314, 333_581_314 + lora)
    assert spafit.percent == 100 * spafit.trainable / spafit.total
    assert spafit.inert == 20 * 1_024


def test_the_corners_of_the_triangle_are_what_they_are_called() -> None:
    bert = load_anatomy("bert-base-cased")
    head_and_pooler_bias = 768 + 2 * 768 + 2
    assert count(bert, preset("spafit", 12, 12, 12)).trainable == head_and_pooler_bias
    in_layers = count(bert, preset("bitfit", 12)).trainable - 768  # BitFit trains the bias of the embeddings' norm too
    assert count(bert, preset("spafit", 12, 0, 12)).trainable == in_layers


@given(family=a_family, stratification=a_stratification)
def test_rows_add_up(family: str, stratification: Stratification) -> None:
    model = tiny_anatomy(family)
    counts = count(model, stratification)
    assert counts.trainable == sum(row.bias + row.lora + row.weight for row in counts.rows)
    assert counts.base_total == model.num_parameters
    assert counts.total - counts.base_total == sum(row.lora for row in counts.rows)
    assert [row.layer for row in counts.layers] == [1, 2, 3]
    document = counts.to_dict()
    parts = [document["embeddings"], *document["layers"], document["head"]]
    for key in ("trainable", "total", "inert"):
        assert document[key] == sum(part[key] for part in parts)
    assert all(part["trainable"] == part["bias"] + part["lora"] + part["weight"] for part in parts)
    frame = counts.frame()
    assert list(frame["label"]) == ["embeddings", "layer 1", "layer 2", "layer 3", "head"]
    assert (frame["trainable"].sum(), frame["total"].sum()) == (counts.trainable, counts.total)


@given(family=a_family, stratification=a_stratification)
def test_every_table_tells_the_same(family: str, stratification: Stratification) -> None:
    model = tiny_anatomy(family)
    counts = count(model, stratification)
    tensors, roles = tensor_table(model, stratification), by_role(model, stratification)
    assert len(tensors) == len(model.tensors)
    assert tensors.loc[tensors["trained"], "size"].sum() + tensors["lora"].sum() == counts.trainable
    assert tensors["inert"].sum() == counts.inert
    for column in ("bias", "lora", "weight", "trainable", "total"):
        by_layer = roles.groupby(roles["layer"].fillna(0))[column].sum()
        assert list(by_layer)[1:] == [getattr(row, column) for row in counts.layers]
        assert roles[column].sum() == sum(getattr(row, column) for row in counts.rows)


@given(family=a_family, stratification=a_stratification)
def test_the_triangle_holds_what_counting_says(family: str, stratification: Stratification) -> None:
    model = tiny_anatomy(family)
    cells = triangle(model, stratification)
    assert cells.shape == (LAYERS + 1, LAYERS + 1)
    for n1 in range(LAYERS + 1):
        for n2 in range(LAYERS + 1):
            expected = count(model, stratification.with_boundaries(n1, n2)).trainable if n1 <= n2 else -1
            assert cells[n1, n2] == expected


@given(family=a_family, stratification=a_stratification)
def test_the_table_for_the_browser_holds_what_counting_says(family: str, stratification: Stratification) -> None:
    model = tiny_anatomy(family)
    document = recipe_table(model, stratification.lora).to_dict()
    for row in count(model, stratification).layers:
        assert document["layers"][row.layer - 1][row.recipe] == [row.bias, row.lora, row.weight, row.total]


def changed_layers(before: Counts, after: Counts) -> set[int]:
    return {a.layer for a, b in zip(before.layers, after.layers, strict=True) if a != b}


@given(family=a_family, stratification=a_stratification, data=st.data())
def test_moving_a_boundary_changes_only_the_layers_between(
    family: str, stratification: Stratification, data: st.DataObject
) -> None:
    model = tiny_anatomy(family)
    n1, n2 = stratification.n1, stratification.n2
    if data.draw(st.booleans()):
        new = data.draw(st.integers(0, n2))
        moved, between = stratification.with_boundaries(new, n2), range(min(new, n1) + 1, max(new, n1) + 1)
    else:
        new = data.draw(st.integers(n1, LAYERS))
        moved, between = stratification.with_boundaries(n1, new), range(min(new, n2) + 1, max(new, n2) + 1)
    before, after = count(model, stratification), count(model, moved)
    assert changed_layers(before, after) <= set(between)
    assert (before.embeddings, before.head) == (after.embeddings, after.head)


@given(family=a_family, boundaries=st.tuples(*[st.integers(0, LAYERS)] * 2), rank=st.integers(1, 8))
def test_raising_a_boundary_of_spafit_never_trains_more(family: str, boundaries: tuple[int, int], rank: int) -> None:
    cells = triangle(tiny_anatomy(family), preset("spafit", LAYERS, lora=LoraSettings(rank=rank)))
    n1, n2 = sorted(boundaries)
    if n1 < n2:
        assert cells[n1, n2] >= cells[n1 + 1, n2]
    if n2 < LAYERS:
        assert cells[n1, n2] >= cells[n1, n2 + 1]


@given(family=a_family, stratification=a_stratification)
def test_a_richer_recipe_never_trains_less(family: str, stratification: Stratification) -> None:
    table = recipe_table(tiny_anatomy(family), stratification.lora)
    columns = {recipe: table.trainable[:, RECIPES.index(recipe)] for recipe in RECIPES}
    assert (columns[Recipe.FROZEN] == 0).all()
    assert (columns[Recipe.BIAS] + columns[Recipe.LORA] == columns[Recipe.LORA_BIAS]).all()
    assert (columns[Recipe.FULL] == table.base).all()


@pytest.mark.parametrize("n2", [1, LAYERS])
@pytest.mark.parametrize(
    ("third", "trained"),
    [(Recipe.FROZEN, 0), (Recipe.BIAS, 16), (Recipe.LORA, 0), (Recipe.LORA_BIAS, 16), (Recipe.FULL, 32)],
)
def test_the_final_norm_follows_stratum_3_even_when_it_is_empty(third: Recipe, trained: int, n2: int) -> None:
    strata = Stratification(LAYERS, 1, n2, (Recipe.FULL, Recipe.FULL, third), head=HeadRecipe(fresh=Recipe.FROZEN))
    assert count(tiny_anatomy("gpt2"), strata).head.trainable == trained


@pytest.mark.parametrize(
    ("family", "head", "bias", "weight"),
    [
        ("bert", HeadRecipe(Recipe.FROZEN, Recipe.FULL), 2, 32),
        ("bert", HeadRecipe(Recipe.BIAS, Recipe.BIAS), 18, 0),
        ("bert", HeadRecipe(Recipe.FULL, Recipe.FROZEN), 16, 256),
        ("modernbert", HeadRecipe(Recipe.FULL, Recipe.FROZEN), 0, 256 + 16),
        ("opt", HeadRecipe(Recipe.BIAS, Recipe.FROZEN), 0, 0),  # its output projection has no bias
        ("opt", HeadRecipe(Recipe.FULL, Recipe.FROZEN), 0, 128),
        ("deberta-v2", HeadRecipe(Recipe.FROZEN, Recipe.FULL), 18, 256 + 32),  # its pooler is fresh
    ],
)
def test_the_head_trains_by_its_own_recipes(family: str, head: HeadRecipe, bias: int, weight: int) -> None:
    row = count(tiny_anatomy(family), Stratification(LAYERS, 1, 2, (Recipe.FROZEN,) * 3, head=head)).head
    assert (row.bias, row.weight) == (bias, weight)


def test_fused_matrices_are_adapted_whole_by_any_of_their_roles() -> None:
    for role in (Role.QUERY, Role.KEY, Role.VALUE):
        settings = LoraSettings(rank=2, targets=(role,))
        counts = count(tiny_anatomy("gpt2"), preset("lora", LAYERS, lora=settings))
        assert [row.lora for row in counts.layers] == [2 * (16 + 48)] * LAYERS


def test_the_rank_must_fit_the_matrices_it_is_put_on() -> None:
    model = tiny_anatomy("llama")  # its keys and values are 8 x 16
    assert count(model, preset("spafit", LAYERS, 1, 1, LoraSettings(rank=8))).trainable
    with pytest.raises(
        StratificationError, match=r"rank is 9 but the key matrix .* is 8 x 16; choose a rank from 1 to 8"
    ):
        count(model, preset("spafit", LAYERS, 1, 1, LoraSettings(rank=9)))
    with pytest.raises(StratificationError, match="rank"):  # no layer has LoRA, but a drag would put it there
        triangle(model, preset("spafit", LAYERS, 3, 3, LoraSettings(rank=9)))
    assert count(model, preset("spafit", LAYERS, 1, 1, LoraSettings(rank=16, targets=(Role.QUERY,)))).trainable
    assert count(model, preset("bitfit", LAYERS, lora=LoraSettings(rank=999))).trainable


def test_another_depth_is_refused() -> None:
    for function in (count, triangle, tensor_table, by_role):
        with pytest.raises(StratificationError, match="for 4 layers but tiny bert has 3"):
            function(tiny_anatomy("bert"), preset("spafit", 4))


def test_models_without_biases_say_that_bias_strata_train_nothing() -> None:
    said = notices(tiny_anatomy("llama"), preset("spafit", LAYERS, 1, 2))
    assert "layer 2 (stratum 2) train nothing" in said[0]
    assert "layer 3 (stratum 3) train their LoRA adapters only" in said[1]
    assert notices(tiny_anatomy("llama"), preset("lora", LAYERS)) == []
    assert count(tiny_anatomy("llama"), preset("bitfit", LAYERS)).trainable == 2 * 16  # its score alone


def test_inert_and_fused_parts_are_named() -> None:
    (said,) = notices(tiny_anatomy("bert"), preset("bitfit", LAYERS))
    assert said.startswith("48 of the trained values are key biases")
    said = notices(tiny_anatomy("gpt2"), preset("lora", LAYERS, lora=LoraSettings(targets=(Role.QUERY,))))
    assert "adapts all three" in said[0]
    assert notices(tiny_anatomy("gpt2"), preset("lora", LAYERS)) == []


def test_126_layers() -> None:
    llama = load_anatomy("llama-3.1-405b")
    strategy = preset("spafit", 126)
    cells = triangle(llama, strategy)
    assert np.count_nonzero(cells >= 0) == 127 * 128 // 2
    assert cells[strategy.n1, strategy.n2] == count(llama, strategy).trainable
    # rank 8 on query and output (16,384 wide) and on key and value (1,024 wide), and the two rows of the score
    assert cells[0, 0] == 126 * 8 * (2 * 32_768 + 2 * 17_408) + 2 * 16_384
    assert cells[126, 126] == 2 * 16_384


def test_the_prefix_reaches_to_the_lowest_trained_layer() -> None:
    spafit = preset("spafit", LAYERS, 1, 2)
    assert prefix_depth(tiny_anatomy("bert"), spafit) == 1
    assert prefix_depth(tiny_anatomy("llama"), spafit) == 2  # its stratum of biases has none
    assert prefix_depth(tiny_anatomy("bert"), preset("bitfit", LAYERS)) == 0
    assert prefix_depth(tiny_anatomy("bert"), preset("probe", LAYERS)) == LAYERS
    assert prefix_depth(tiny_anatomy("bert"), Stratification(LAYERS, 2, 2, embeddings=Recipe.BIAS)) == 0
