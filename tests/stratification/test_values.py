"""Stratifications: boundaries, strata, documents, and what cannot exist."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.stratification import (
    SCHEMA_VERSION,
    HeadRecipe,
    LoraSettings,
    Recipe,
    Role,
    Stratification,
    StratificationError,
    preset,
)
from tests.strategies import any_stratifications

FROZEN, BIAS, LORA, LORA_BIAS, FULL = Recipe


@given(any_stratifications())
def test_strata_cover_every_layer_once_in_order(s: Stratification) -> None:
    assert [layer for stratum in s.strata() for layer in stratum.layers] == list(range(1, s.num_layers + 1))
    assert [s.recipe_of(layer) for layer in range(1, s.num_layers + 1)] == list(s.layer_recipes())
    assert [stratum.size for stratum in s.strata()] == [s.n1, s.n2 - s.n1, s.num_layers - s.n2]


@given(any_stratifications())
def test_a_document_reads_back(s: Stratification) -> None:
    assert Stratification.from_json(s.to_json()) == s
    assert json.loads(s.to_json())["schema"] == SCHEMA_VERSION


@given(any_stratifications(), st.data())
def test_moving_a_boundary_changes_only_the_layers_it_passes(s: Stratification, data: st.DataObject) -> None:
    moved = s.with_boundaries(s.n1, data.draw(st.integers(s.n1, s.num_layers)))
    between = range(min(s.n2, moved.n2) + 1, max(s.n2, moved.n2) + 1)
    changed = {n for n in range(1, s.num_layers + 1) if s.stratum_of(n) != moved.stratum_of(n)}
    assert changed == set(between)


def test_the_final_norm_follows_stratum_3_even_when_it_is_empty() -> None:
    assert preset("spafit", 6, 6, 6).final_norm is BIAS
    assert preset("spafit", 6, 0, 0).embeddings is FROZEN


def test_targets_are_kept_once_and_in_one_order() -> None:
    assert LoraSettings(targets=("value", "query", "value")).targets == (Role.QUERY, Role.VALUE)  # ty: ignore


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
