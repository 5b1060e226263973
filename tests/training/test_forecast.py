"""The estimate of the time left, on runs whose costs are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.training.estimates.remaining import Forecast
from spafit.training.optimizer import schedule
from spafit.training.timeline import Timeline


def forecast(lengths: list[int], **changes) -> Forecast:
    facts = {"layers": 3.0, "evaluations": 0, "evaluation_positions": 0, "final_positions": 0, "all_layers": 6.0}
    return Forecast(
        lengths.__getitem__,
        len(lengths),
        sum(lengths),
        **{**facts, "recording": 0, "forward_seconds": 0.002, **changes},
    )


def test_nothing_is_known_before_the_first_steps():
    estimate = forecast([10] * 20)
    assert estimate.remaining() is None
    estimate.trained(9.0)
    assert estimate.remaining() is None  # the first steps also warm up


def test_a_constant_cost_is_predicted_exactly_whatever_the_lengths():
    lengths = [10, 50, 20, 80, 40, 30, 70, 60, 90, 5]
    estimate = forecast(lengths, evaluations=3, evaluation_positions=100, final_positions=200)
    for length in lengths[:4]:
        estimate.trained(0.01 * length * 3)
    estimate.evaluated(77.0)  # the first one also prepares kernels
    estimate.evaluated(0.004 * 100 * 3)
    left = 0.01 * 3 * sum(lengths[4:]) + 0.004 * (100 * 3 + 200 * 6)
    assert estimate.remaining() == pytest.approx(left)


def test_until_an_evaluation_shows_it_a_third_of_the_training_rate_is_assumed():
    estimate = forecast([10] * 10, evaluations=1, evaluation_positions=50)
    for _ in range(4):
        estimate.trained(0.3)
    assert estimate.remaining() == pytest.approx(6 * 0.3 + 0.3 / 30 / 3 * 150)


def test_the_final_evaluation_goes_by_what_recording_the_prefix_has_cost():
    estimate = forecast([10] * 10, layers=0.25, final_positions=200, recording=1000)
    for _ in range(4):
        estimate.trained(0.3)
    assert estimate.remaining() == pytest.approx(6 * 0.3 + (1000 + 200 * 6) * 0.002)  # until then by a guess
    estimate.recorded(4.0, 500)
    estimate.recorded(1.0, 125)
    estimate.recorded(None, 0)
    assert estimate.remaining() == pytest.approx(6 * 0.3 + (1000 - 625 + 200 * 6) * 5 / 625)


def test_states_that_are_found_are_not_waited_for():
    estimate = forecast([10] * 10, recording=500)
    for _ in range(4):
        estimate.trained(0.3)
    estimate.recorded(None, 400)
    assert estimate.remaining() == pytest.approx(6 * 0.3 + 100 * 0.01 / 3)
    estimate.recorded(None, 100)
    assert estimate.remaining() == pytest.approx(6 * 0.3)


def test_after_stopping_early_only_the_final_evaluation_is_left():
    estimate = forecast([10] * 10, evaluations=5, evaluation_positions=50, final_positions=30)
    for _ in range(4):
        estimate.trained(0.3)
    estimate.stopped_early()
    assert estimate.remaining() == pytest.approx(30 * 6 * 0.01 / 3)


def test_a_run_of_one_step_has_an_estimate_after_it():
    estimate = forecast([10], evaluations=1, evaluation_positions=10)
    estimate.trained(1.0)
    assert estimate.remaining() == pytest.approx(1 / 3)


@given(st.integers(1, 500), st.floats(0, 1))
def test_the_learning_rate_rises_once_and_then_falls(total, warmup):
    shares = [schedule(step, total, warmup) for step in range(total)]
    assert all(0 < share <= 1 for share in shares)
    top = shares.index(max(shares))
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)


def test_phases_add_up_to_the_whole():
    times = iter([0.0, 1.0, 4.0, 9.0, 10.0, 12.0])
    timeline = Timeline(lambda: next(times))
    names = ["data", "training", "evaluating", "training"]
    assert [timeline.enter(name).seconds for name in names] == [1.0, 4.0, 9.0, 10.0]
    assert timeline.spent() == (("data", 3.0), ("training", 7.0), ("evaluating", 1.0))
