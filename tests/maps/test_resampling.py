"""The noise of the examples is what statistics says of proportions, by metrics that are those of every other score."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spafit.maps import resampling
from spafit.maps.resampling import bootstrap
from spafit.tasks.metrics import CLASSIFICATION_METRICS, LABELS, REGRESSION_METRICS, compute


def test_853_sentences_alone_leave_1_4_points() -> None:
    """The standard error of a proportion, sqrt(p (1 - p) / n), for four answers of five right."""
    labels = np.ones(853, int)
    answers = (np.arange(853) % 5 > 0).astype(int)
    share = answers.mean()
    found = bootstrap("accuracy", [answers], labels)
    assert found.standard_error == pytest.approx(math.sqrt(share * (1 - share) / 853), rel=0.06)
    assert found.standard_error == pytest.approx(0.014, abs=0.001)
    assert found.low < share < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.standard_error, rel=0.08)
    assert found == bootstrap("accuracy", [answers], labels)


def test_seeds_that_err_on_different_examples_leave_less_noise_than_one() -> None:
    labels = np.ones(400, int)
    one, other = (np.arange(400) % 4 > 0).astype(int), ((np.arange(400) + 1) % 4 > 0).astype(int)
    alone, both = (bootstrap("accuracy", answers, labels) for answers in ([one], [one, other]))
    assert both.standard_error < alone.standard_error


@given(st.data())
@settings(max_examples=30)
def test_the_quick_metrics_are_those_of_every_other_score(data: st.DataObject) -> None:
    classes, count = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 30))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    labels, outputs = random.integers(0, classes, count), random.standard_normal((count, classes))
    targets, numbers = random.integers(0, 3, count).astype(float), random.integers(0, 3, (count, 1)).astype(np.float32)
    for metric in LABELS:
        said, true = (outputs, labels) if metric in CLASSIFICATION_METRICS else (numbers, targets)
        quick = resampling._METRICS[metric](resampling._answers(metric, said), true)
        assert quick == pytest.approx(compute((metric,), said, true)[metric], abs=1e-9), metric
    assert set(LABELS) == {*CLASSIFICATION_METRICS, *REGRESSION_METRICS} == set(resampling._METRICS)
