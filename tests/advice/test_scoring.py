"""A proposal is judged on runs that did not choose what it is compared with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.advice.scoring import ranking_caveat, score

MAP = {
    (0, 0): {0: 0.80, 1: 0.82, 2: 0.78},
    (1, 2): {0: 0.84, 1: 0.80, 2: 0.82},
    (2, 2): {0: 0.70, 1: 0.79, 2: 0.76},
}


def test_regret_by_hand() -> None:
    """Seed 0 out: 1-2 leads by 0.81 to 0.80; 1 out: by 0.83; 2 out: by 0.82 to 0.81. So 1-2 is the best each time."""
    found = score(MAP, (2, 2), list(MAP))
    assert found is not None
    assert found.regret.mean == pytest.approx((0.14 + 0.01 + 0.06) / 3)
    assert (found.regret.n, found.rank, found.cells) == (3, 3, 3)
    best = score(MAP, (1, 2), list(MAP))
    assert best is not None
    assert (best.regret.mean, best.rank) == (0.0, 1)


def test_the_best_of_the_others_may_lose_on_the_seed_that_was_left_out() -> None:
    """Of two cells that are equal on average the leader on one seed loses on the other: chosen on it, it would win."""
    found = score({(0, 0): {0: 0.9, 1: 0.7}, (1, 1): {0: 0.7, 1: 0.9}}, (0, 0), [(0, 0), (1, 1)])
    assert found is not None
    assert found.regret.mean == pytest.approx((0.7 - 0.9 + 0.0) / 2)


def test_only_the_budget_counts_and_what_was_measured() -> None:
    alone = score(MAP, (2, 2), [(2, 2), (5, 5)])
    assert alone is not None
    assert (alone.regret.mean, alone.rank, alone.cells) == (0.0, 1, 1)
    assert score(MAP, (5, 5), [(2, 2), (5, 5)]) is None
    assert score({(2, 2): {0: 0.7}}, (2, 2), [(2, 2)]) is None


@given(st.data())
def test_a_rank_is_a_place_among_the_cells(data: st.DataObject) -> None:
    seeds = range(data.draw(st.integers(2, 4)))
    measured = {
        (0, place): {seed: data.draw(st.floats(0, 1)) for seed in seeds}
        for place in range(data.draw(st.integers(1, 6)))
    }
    ranks = []
    for cell in measured:
        found = score(measured, cell, list(measured))
        assert found is not None
        assert found.cells == len(measured)
        ranks.append(found.rank)
    assert min(ranks) == 1
    assert max(ranks) <= len(measured)


def test_few_maps_rank_no_advisors() -> None:
    assert ranking_caveat(4) == "4 measured maps are too few to rank advisors; it takes 5."
    assert ranking_caveat(5) is None
