"""Advisors beside each other: every one has an answer for every budget, and a map judges it."""

from __future__ import annotations

import json

import pytest

from spafit.advice.report import report
from spafit.advice.split import BUDGETS
from spafit.maps.cells import cells
from tests.tiny import tiny_anatomy

ANSWERS = {
    "cka": {"scores": [None, 0.1, 0.4, 0.5, 2.0, 2.1], "seconds": 1.5, "remark": "Layer 1 is left out."},
    "kappa": {"scores": [], "seconds": 0.1, "remark": "No matrices."},
}


def test_every_advisor_answers_every_budget_and_a_map_judges_it() -> None:
    measured = {cell: {seed: 0.5 + 0.01 * cell[1] + 0.001 * seed for seed in range(3)} for cell in cells("all", 6)}
    told = json.loads(json.dumps(report(tiny_anatomy("bert", 6), ANSWERS, measured)))
    by_key = {advisor["key"]: advisor for advisor in told["advisors"]}
    assert list(by_key) == ["cka", "kappa", "thirds", "last_quarter", "reversed_cka", "reversed_kappa", "random"]
    for advisor in by_key.values():
        assert [proposal["budget"] for proposal in advisor["proposals"]] == list(BUDGETS)
        assert advisor["source"] and advisor["against"] and advisor["name"]
        for proposal in advisor["proposals"]:
            assert (proposal["cell"] is None) == bool(proposal["reason"])
            assert (proposal["cell"] is None) == (proposal["regret"] is None)
    cka = by_key["cka"]["proposals"][-1]
    assert cka["cell"] == [2, 4]
    assert cka["regret"] == pytest.approx(0.02)  # the best cells within the budget have N2 = 6
    assert (cka["rank"], cka["seeds"]) == (7 + 6 + 1, 3)
    assert by_key["cka"]["remark"] == "Layer 1 is left out."
    assert {p["reason"] for p in by_key["reversed_cka"]["proposals"]} == {"does not fit this order"}
    assert {p["reason"] for p in by_key["kappa"]["proposals"]} == {"this advisor has no scores for this model"}


def test_without_answers_and_without_a_map_the_free_rules_remain() -> None:
    told = report(tiny_anatomy("bert", 3), {})
    assert [advisor["key"] for advisor in told["advisors"]] == ["thirds", "last_quarter", "random"]
    assert all(p["rank"] is None for advisor in told["advisors"] for p in advisor["proposals"])
