"""Metrics by name, through scikit-learn and scipy, defined for every input that a run can produce."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spafit.errors import SpafitError
from spafit.tasks.task import REGRESSION, Task

Metric = Callable[[np.ndarray, np.ndarray], float]

CLASSIFICATION_METRICS = ("accuracy", "f1", "macro_f1", "matthews")
REGRESSION_METRICS = ("pearson", "spearman")
LABELS = {
    "accuracy": "Accuracy",
    "f1": "F1",
    "macro_f1": "Macro F1",
    "matthews": "Matthews correlation",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
}


def compute(metrics: Sequence[str], predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Compare a model's outputs with the labels.

    Args:
        metrics: names out of accuracy, f1 (of class 1, as in GLUE), macro_f1, matthews; or pearson, spearman.
        predictions: logits (examples x classes) or class numbers for classification; numbers (examples, or
            examples x 1) for regression.
        labels: class numbers, or numbers.

    Returns:
        name -> value, in the order asked for; higher is better for all of them. Where a correlation is undefined
        because one side never varies it is 0, as for a model that has learned nothing.

    Raises:
        SpafitError: an unknown name, no examples, a different number of predictions and labels, or an output that is
            not a finite number.
    """
    unknown = [name for name in metrics if name not in LABELS]
    if unknown:
        raise SpafitError(f"There is no metric {unknown[0]!r}; the metrics are {', '.join(LABELS)}.")
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if len(labels) == 0:
        raise SpafitError("There are no examples to compute a metric on.")
    if len(predictions) != len(labels):
        raise SpafitError(f"There are {len(predictions)} predictions for {len(labels)} labels.")
    if not np.isfinite(predictions).all():
        raise SpafitError("The model's outputs are not finite numbers (NaN or infinity), so no metric is defined.")
    return {name: float(_METRICS[name](_shaped(name, predictions), labels)) for name in metrics}


def baseline(task: Task, labels: np.ndarray, train_labels: np.ndarray | None = None) -> dict[str, float]:
    """Compute the task's metrics for a model that only knows how often each answer occurs.

    Args:
        labels: of the part that is scored.
        train_labels: where the class or the mean is taken from; the scored part itself when not given.

    Raises:
        SpafitError: there are no labels.
    """
    known = labels if train_labels is None else train_labels
    if not len(known):
        raise SpafitError("There are no labels to make a baseline from.")
    constant = np.mean(known) if task.kind == REGRESSION else np.bincount(known).argmax()
    return compute(task.metrics, np.full(len(labels), constant), labels)


def baseline_name(metric: str) -> str:
    """Return what the baseline of a metric is called beside it: `Baseline (majority class)` or `Baseline (mean)`."""
    return f"Baseline ({'mean' if metric in REGRESSION_METRICS else 'majority class'})"


def _shaped(name: str, predictions: np.ndarray) -> np.ndarray:
    if name in REGRESSION_METRICS:
        return predictions.reshape(len(predictions)).astype(np.float64)
    return predictions.argmax(axis=1) if predictions.ndim == 2 else predictions


def _accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import accuracy_score

    return accuracy_score(labels, predictions)


def _f1(predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels == 1, predictions == 1, zero_division=0.0)


def _macro_f1(predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return f1_score(labels, predictions, average="macro", zero_division=0.0)


def _matthews(predictions: np.ndarray, labels: np.ndarray) -> float:
    from sklearn.metrics import matthews_corrcoef

    if _constant(predictions) or _constant(labels):
        return 0.0
    return matthews_corrcoef(labels, predictions)


def _pearson(predictions: np.ndarray, labels: np.ndarray) -> float:
    from scipy.stats import pearsonr

    if _constant(predictions) or _constant(labels):
        return 0.0
    return pearsonr(predictions, labels.astype(np.float64)).statistic


def _spearman(predictions: np.ndarray, labels: np.ndarray) -> float:
    from scipy.stats import spearmanr

    if _constant(predictions) or _constant(labels):
        return 0.0
    return spearmanr(predictions, labels).statistic


def _constant(values: np.ndarray) -> bool:
    """No variation beyond rounding: a correlation with it would measure noise, and scipy would warn."""
    spread = float(np.ptp(values))
    return spread <= 1e-12 * max(1.0, float(np.abs(values).max()))


_METRICS: dict[str, Metric] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "macro_f1": _macro_f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
if not _METRICS.keys() == LABELS.keys() == {*CLASSIFICATION_METRICS, *REGRESSION_METRICS}:
    raise TypeError("A metric needs a function, a label and a kind.")
