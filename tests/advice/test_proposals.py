"""Boundaries out of scores: the best split within the budget, or the honest answer that there is none."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.advice.rules import BEYOND, last_quarter, random_cell, reversed_scores, thirds
from spafit.advice.split import BUDGETS, DOES_NOT_FIT, propose, trainable_parameters, within
from spafit.counting import count
from spafit.maps.cells import cells
from spafit.stratification import Recipe, preset
from tests.tiny import tiny_anatomy

SCORES = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=9)


def test_a_clear_staircase_gives_its_own_steps() -> None:
    found = propose([0.1, 0.2, 1.0, 1.1, 3.0, 3.2], cells("all", 6))
    assert found.cell == (2, 4)
    assert found.means == pytest.approx((0.15, 1.05, 3.1))


def test_a_layer_without_a_score_goes_where_it_trains_least() -> None:
    assert propose([None, 0.1, 1.0, 1.1, 3.0, 3.2], cells("all", 6)).cell == (2, 4)
    assert propose([None, 1.0, 5.0], cells("all", 3)).cell == (2, 3)
    assert propose([None, None], cells("all", 2)).reason == DOES_NOT_FIT


def test_the_budget_bounds_the_choice() -> None:
    assert propose([0, 0, 1, 1, 3, 4], [(5, 5), (0, 6), (4, 5)]).cell == (4, 5)
    assert propose([0, 1], []).cell is None


@pytest.mark.parametrize("scores", [[3, 2, 1], [1, 1, 1], [0, 5, 1]])
def test_scores_that_do_not_rise_do_not_fit(scores: list[float]) -> None:
    assert (propose(scores, cells("all", 3)).cell, propose(scores, cells("all", 3)).reason) == (None, DOES_NOT_FIT)


@given(SCORES, st.data())
def test_no_allowed_cell_has_more_uniform_runs(scores: list[float], data: st.DataObject) -> None:
    allowed = data.draw(st.lists(st.sampled_from(cells("all", len(scores))), min_size=1, unique=True))

    def spread(cell: tuple[int, int]) -> float:
        bounds = (0, *cell, len(scores))
        parts = [scores[a:b] for a, b in pairwise(bounds)]
        return sum(sum((x - sum(part) / len(part)) ** 2 for x in part) for part in parts if part)

    found = propose(scores, allowed)
    if found.cell is None:
        assert found.reason == DOES_NOT_FIT
        assert len(found.means) == 1 or any(b <= a for a, b in pairwise(found.means))
    else:
        assert found.cell in allowed
        assert spread(found.cell) <= min(map(spread, allowed)) + 1e-6
        assert list(found.means) == sorted(set(found.means))


@given(st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=9), st.sampled_from([0.5, 2.0, 8.0]))
def test_the_unit_of_a_score_does_not_matter(scores: list[float], unit: float) -> None:
    every = cells("all", len(scores))
    assert propose([unit * score for score in scores], every).cell == propose(scores, every).cell


def test_budgets_are_shares_of_what_trains_beside_the_fresh_head() -> None:
    anatomy = tiny_anatomy("bert", 3)
    trainable = trainable_parameters(anatomy)
    for cell in cells("all", 3):
        whole = preset("spafit", 3, *cell)
        frozen = replace(whole, head=replace(whole.head, fresh=Recipe.FROZEN))
        assert trainable[cell] == count(anatomy, frozen).trainable < count(anatomy, whole).trainable
    assert len(trainable) == 10
    most = trainable[0, 0]
    assert most == max(trainable.values())
    pooler_bias = trainable[3, 3]
    assert pooler_bias == 16  # nothing but the pretrained pooler's bias trains there
    allowed = [within(trainable, budget) for budget in BUDGETS]
    for budget, inside in zip(BUDGETS, allowed, strict=True):
        assert set(inside) == {cell for cell, parameters in trainable.items() if parameters / most <= budget}
    assert set(allowed[0]) < set(allowed[1]) < set(allowed[2]) < set(trainable)


def test_the_free_rules() -> None:
    assert thirds(24, cells("all", 24)).cell == (8, 16)
    assert last_quarter(24, cells("all", 24)).cell == (18, 18)
    assert last_quarter(6, cells("all", 6)).cell == (4, 4)
    assert last_quarter(1, cells("all", 1)).cell == (0, 0)
    assert (thirds(6, [(5, 5)]).cell, thirds(6, [(5, 5)]).reason) == (None, BEYOND)


def test_the_controls_are_the_same_every_time() -> None:
    allowed = cells("all", 6)
    assert random_cell(allowed, 3) == random_cell(list(reversed(allowed)), 3)
    assert len({random_cell(allowed, seed).cell for seed in range(30)}) > 5
    assert reversed_scores([1, 2, 3]) == [3, 2, 1]
