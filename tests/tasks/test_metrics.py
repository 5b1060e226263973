import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.errors import SpafitError
from spafit.tasks import get_task, list_tasks
from spafit.tasks.metrics import CLASSIFICATION_METRICS, LABELS, REGRESSION_METRICS, baseline, baseline_name, compute


def test_known_values() -> None:
    labels = np.array([1, 1, 0, 0, 1])
    predicted = np.array([1, 0, 0, 1, 1])
    result = compute(("accuracy", "f1", "matthews"), predicted, labels)
    assert list(result) == ["accuracy", "f1", "matthews"]
    assert result == pytest.approx({"accuracy": 0.6, "f1": 2 / 3, "matthews": 1 / 6})
    assert compute(("macro_f1",), np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == pytest.approx(
        {"macro_f1": (1 + 2 / 3 + 2 / 3) / 3}
    )
    scores = np.array([[1.0], [2.0], [4.0]])
    assert compute(REGRESSION_METRICS, scores, np.array([0.1, 0.2, 0.3])) == pytest.approx(
        {"pearson": 0.98198, "spearman": 1.0}, abs=1e-5
    )


def test_logits_are_compared_by_their_largest() -> None:
    logits = np.array([[0.1, 3.0, -1.0], [2.0, 1.0, 0.0]])
    assert compute(("accuracy",), logits, np.array([1, 0])) == {"accuracy": 1.0}


@given(st.lists(st.sampled_from([0, 1]), min_size=1, max_size=30), st.sampled_from([0, 1]))
def test_constant_predictions_are_defined_and_silent(labels: list[int], constant: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = compute(CLASSIFICATION_METRICS, np.full(len(labels), constant), np.array(labels))
    assert result["matthews"] == 0.0
    assert all(0 <= value <= 1 for value in result.values())


@pytest.mark.parametrize("size", [1, 2, 5])
def test_undefined_correlations_are_zero(size: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for constant in (0.0, 2.5, 1e9):
            flat = np.full(size, constant, dtype=np.float32)
            assert compute(REGRESSION_METRICS, flat, np.arange(size)) == {"pearson": 0.0, "spearman": 0.0}
            assert compute(REGRESSION_METRICS, np.arange(size), flat) == {"pearson": 0.0, "spearman": 0.0}


@pytest.mark.parametrize(
    ("names", "predictions", "labels", "says"),
    [
        (("bleu",), [1], [1], "no metric 'bleu'"),
        (("accuracy",), [], [], "no examples"),
        (("accuracy",), [1], [1, 0], "1 predictions for 2 labels"),
        (("accuracy",), [[np.nan, 1.0]], [1], "not finite"),
        (("pearson",), [np.inf], [1.0], "not finite"),
    ],
)
def test_bad_input_is_one_sentence(names: tuple[str, ...], predictions: list, labels: list, says: str) -> None:
    with pytest.raises(SpafitError, match=says) as caught:
        compute(names, np.array(predictions), np.array(labels))
    assert "\n" not in str(caught.value)


def test_every_task_names_metrics_that_exist() -> None:
    for task in list_tasks():
        assert task.metric == task.metrics[0]
        assert set(task.metrics) <= set(LABELS)


def test_baseline_is_the_majority_class() -> None:
    labels = np.array([1] * 68 + [0] * 32)
    assert baseline(get_task("imdb"), labels) == pytest.approx({"accuracy": 0.68, "f1": 2 * 0.68 / 1.68})
    assert baseline(get_task("imdb"), labels, np.array([0, 0, 1])) == {"accuracy": 0.32, "f1": 0.0}
    with pytest.raises(SpafitError, match="no labels"):
        baseline(get_task("imdb"), np.array([], dtype=np.int64))


def test_the_baseline_is_named_by_what_it_is() -> None:
    assert {baseline_name(name) for name in CLASSIFICATION_METRICS} == {"Baseline (majority class)"}
    assert {baseline_name(name) for name in REGRESSION_METRICS} == {"Baseline (mean)"}


def test_every_metric_has_a_name() -> None:
    assert LABELS.keys() == {*CLASSIFICATION_METRICS, *REGRESSION_METRICS}
