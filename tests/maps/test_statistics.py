"""The statistics are those of published worked examples, and of formulas worked out by hand."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.maps.statistics import (
    Difference,
    Test,
    against_reference,
    compare,
    holm,
    summarize,
    verdict,
)

# Student (1908), "The probable error of a mean": hours of sleep gained with two drugs by the same ten patients.
DRUG_1 = dict(enumerate([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]))
DRUG_2 = dict(enumerate([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]))
SCORES = st.floats(0, 1).map(lambda value: round(value, 4))


def test_mean_and_standard_error() -> None:
    found = summarize(list(DRUG_1.values()))
    assert (found.mean, found.n) == (pytest.approx(0.75), 10)
    assert found.standard_error == pytest.approx(1.789010 / math.sqrt(10), abs=1e-6)  # Student's sd, with n - 1
    assert summarize([0.5]).standard_error is None


def test_students_sleep_data_paired() -> None:
    """t = -4.0621 with 9 degrees of freedom, p = 0.002833, 95 % from -2.4598858 to -0.7001142."""
    found = compare(DRUG_1, DRUG_2)
    assert (found.test, found.n, found.freedom) == (Test.PAIRED, (10, 10), 9)
    assert found.mean == pytest.approx(-1.58)
    assert found.low == pytest.approx(-2.4598858, abs=1e-7)
    assert found.high == pytest.approx(-0.7001142, abs=1e-7)
    assert found.p == pytest.approx(0.002833, abs=1e-6)


def test_students_sleep_data_as_two_groups() -> None:
    """Welch: 17.776 degrees of freedom, p = 0.07939, 95 % from -3.3654832 to 0.2054832."""
    found = compare(DRUG_1, {seed + 100: value for seed, value in DRUG_2.items()})
    assert (found.test, found.n) == (Test.WELCH, (10, 10))
    assert found.freedom == pytest.approx(17.776, abs=1e-3)
    assert found.low == pytest.approx(-3.3654832, abs=1e-7)
    assert found.high == pytest.approx(0.2054832, abs=1e-7)
    assert found.p == pytest.approx(0.07939, abs=1e-5)


def test_pairing_needs_three_shared_seeds_and_welch_three_of_each() -> None:
    four = {0: 0.70, 1: 0.74, 2: 0.71, 3: 0.75}
    assert compare(four, {2: 0.6, 3: 0.61, 4: 0.62}).test is Test.WELCH
    assert compare(four, {1: 0.6, 2: 0.6, 3: 0.61}).test is Test.PAIRED
    few = compare(four, {1: 0.6, 2: 0.6})
    assert (few.test, few.low, few.p, few.clear) == (Test.FEW, None, None, False)


@given(st.dictionaries(st.integers(0, 5), SCORES, min_size=1), st.dictionaries(st.integers(0, 5), SCORES, min_size=1))
def test_comparing_the_other_way_round_changes_the_signs_alone(first: dict, second: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = compare(first, second), compare(second, first)
    assert one.test is other.test
    assert one.mean == pytest.approx(-other.mean, abs=1e-12)
    if one.low is not None and other.high is not None and one.p is not None:
        assert one.low == pytest.approx(-other.high, abs=1e-9)
        assert one.p == pytest.approx(other.p, abs=1e-9)
        assert one.clear == (one.p < 0.05) or one.p == pytest.approx(0.05)


def test_scores_that_do_not_vary_leave_a_point() -> None:
    same = {0: 0.5, 1: 0.5, 2: 0.5}
    assert compare(same, same) == Difference(Test.PAIRED, 0.0, (3, 3), 0.0, 0.0, 1.0, 2)
    apart = compare({seed: value + 0.1 for seed, value in same.items()}, same)
    assert (apart.low, apart.high, apart.p) == (pytest.approx(0.1), pytest.approx(0.1), 0.0)


def test_holm_on_a_published_example() -> None:
    """Four hypotheses with p = 0.01, 0.04, 0.03, 0.005 (the example of the method's encyclopaedia article)."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_the_p_values_and_bonferroni_and_keeps_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p) + 1e-15
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


def grid(cells: int, seeds: int, noise: float = 0.01) -> dict[str, dict[int, float]]:
    """Scores of a whole map, the same every time."""
    random = np.random.default_rng(3)
    return {
        f"cell {c}": {s: 0.7 + 0.01 * c + 0.02 * s + noise * float(random.standard_normal()) for s in range(seeds)}
        for c in range(cells)
    }


def test_the_pooled_error_of_a_complete_map_is_that_of_the_two_way_analysis_of_variance() -> None:
    """By hand: residual = score - cell mean - seed mean + mean; 28 x 3 leave 27 x 2 = 54 degrees of freedom."""
    scores = grid(28, 3)
    table = np.array([list(by_seed.values()) for by_seed in scores.values()])
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + table.mean()
    deviation = math.sqrt((residual**2).sum() / 54)
    found = against_reference(scores, "cell 0", baseline=0.5)
    assert (found.freedom, found.left_out, len(found.against)) == (54, (), 27)
    assert found.standard_deviation == pytest.approx(deviation)
    last = found.against[-1].difference
    half = 2.004879288188 * deviation * math.sqrt(2 / 3)  # t's 97.5 % point with 54 degrees of freedom
    assert (last.test, last.freedom) == (Test.POOLED, 54)
    assert last.mean == pytest.approx(table[-1].mean() - table[0].mean())
    assert (last.low, last.high) == (pytest.approx(last.mean - half), pytest.approx(last.mean + half))


def test_with_five_shared_seeds_each_comparison_has_its_own_error() -> None:
    scores = grid(3, 5)
    found = against_reference(scores, "cell 1", baseline=0.0)
    assert [one.difference for one in found.against] == [
        compare(scores["cell 0"], scores["cell 1"]),
        compare(scores["cell 2"], scores["cell 1"]),
    ]
    adjusted = holm([one.difference.p or 0.0 for one in found.against])
    assert [one.adjusted for one in found.against] == adjusted


def test_runs_at_or_below_the_baseline_are_named_and_leave_the_pool() -> None:
    scores = grid(6, 3)
    clean = against_reference(scores, "cell 0", baseline=0.5)
    scores["cell 2"][1], scores["cell 5"][0] = 0.5, 0.1
    found = against_reference(scores, "cell 0", baseline=0.5)
    assert found.left_out == (("cell 2", 1), ("cell 5", 0))
    assert found.freedom == clean.freedom - 2
    assert found.standard_deviation == pytest.approx(clean.standard_deviation, rel=0.5)  # no collapse in it
    scores["cell 3"] = dict.fromkeys(range(3), 0.2)
    nothing_left = {one.setting: one for one in against_reference(scores, "cell 0", baseline=0.5).against}["cell 3"]
    assert (nothing_left.difference.test, nothing_left.adjusted, nothing_left.clear) == (Test.FEW, None, False)


def test_settings_that_no_chain_of_seeds_connects_are_not_compared() -> None:
    scores = grid(2, 2) | {"apart 1": {8: 0.7, 9: 0.71}, "apart 2": {8: 0.8, 9: 0.83}}
    tests = {one.setting: one.difference.test for one in against_reference(scores, "cell 0", baseline=0.5).against}
    assert tests == {"cell 1": Test.POOLED, "apart 1": Test.FEW, "apart 2": Test.FEW}


def test_gaps_are_bridged_by_the_seeds_effects() -> None:
    """Without noise the additive model is exact, however few of the runs there are."""
    full = grid(4, 3, noise=0.0)
    with_gaps = {
        name: {s: v for s, v in by_seed.items() if (i + s) % 3} for i, (name, by_seed) in enumerate(full.items())
    }
    for one in against_reference(with_gaps, "cell 0", baseline=0.0).against:
        assert one.difference.mean == pytest.approx(0.01 * int(one.setting[-1]), abs=1e-9)


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        (
            Difference(Test.PAIRED, 0.0123, (5, 5), 0.0031, 0.0215, 0.02, 4),
            "A is better than B by 0.012, which is more than seed noise "
            "(95 % interval +0.003 to +0.021; paired over 5 seeds).",
        ),
        (
            Difference(Test.WELCH, -0.02, (3, 4), -0.03, -0.01, 0.01, 4.5),
            "B is better than A by 0.020, which is more than seed noise "
            "(95 % interval +0.010 to +0.030; Welch's t, 3 and 4 seeds).",
        ),
        (
            Difference(Test.POOLED, 0.004, (3, 3), -0.005, 0.013, 0.4, 54),
            "A and B do not differ by more than seed noise: +0.004 "
            "(95 % interval −0.005 to +0.013; error pooled over the map, 54 degrees of freedom).",
        ),
        (
            Difference(Test.FEW, 0.1, (2, 3)),
            "Too few runs to say whether A and B differ: it takes 3 seeds of each, and there are 2 and 3.",
        ),
    ],
)
def test_the_verdict_in_words(difference: Difference, sentence: str) -> None:
    assert verdict("A", "B", difference) == sentence
