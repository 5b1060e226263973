"""The noise of the examples: what a score would be on other validation texts, by resampling those there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from spafit.maps.statistics import CONFIDENCE
from spafit.tasks.metrics import REGRESSION_METRICS

RESAMPLES = 2000


@dataclass(frozen=True)
class ExampleNoise:
    """What the choice of validation examples alone leaves open: a bootstrap interval and standard error."""

    low: float
    high: float
    standard_error: float
    examples: int


def bootstrap(
    metric: str,
    outputs: Sequence[np.ndarray],
    labels: np.ndarray,
    resamples: int = RESAMPLES,
    *,
    minus: Sequence[np.ndarray] = (),
) -> ExampleNoise:
    """Return the noise of the examples in a setting's mean score: 95 % percentile bootstrap over the examples.

    With ``minus``, another setting's outputs, it is that of the difference of the two, both on the same examples.

    Args:
        metric: its name, as in `spafit.tasks.metrics`.
        outputs: of each seed's run, on the same examples in the same order: logits, class numbers, or targets.
        labels: of those examples.
        minus: of another setting, likewise.
        resamples: how many; the draw is seeded, so that the same runs always give the same interval.
    """
    from scipy import stats

    score = _METRICS[metric]
    answers, others = ([_answers(metric, one) for one in side] for side in (outputs, minus))

    def mean_score(rows: np.ndarray) -> float:
        mean = fmean(score(one[rows], labels[rows]) for one in answers)
        return mean - fmean(score(one[rows], labels[rows]) for one in others) if others else mean

    found = stats.bootstrap(
        (np.arange(len(labels)),),
        mean_score,
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        confidence_level=CONFIDENCE,
        rng=np.random.default_rng(0),
    )
    interval = found.confidence_interval
    return ExampleNoise(float(interval.low), float(interval.high), float(found.standard_error), len(labels))


# The metrics of `spafit.tasks.metrics` without the checks that make one call a hundred times as slow: thousands are
# needed here. Tests hold the two to each other.


def _answers(metric: str, outputs: np.ndarray) -> np.ndarray:
    if metric in REGRESSION_METRICS:
        return outputs.reshape(len(outputs)).astype(np.float64)
    return outputs.argmax(axis=1) if outputs.ndim == 2 else outputs


def _confusion(answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return counts by label (rows) and answer (columns)."""
    classes = int(max(answers.max(), labels.max())) + 1
    return np.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)


def _accuracy(answers: np.ndarray, labels: np.ndarray) -> float:
    return float((answers == labels).mean())


def _f1(answers: np.ndarray, labels: np.ndarray) -> float:
    positive, right = (answers == 1).sum() + (labels == 1).sum(), ((answers == 1) & (labels == 1)).sum()
    return float(2 * right / positive) if positive else 0.0


def _macro_f1(answers: np.ndarray, labels: np.ndarray) -> float:
    table = _confusion(answers, labels)
    sizes = table.sum(0) + table.sum(1)
    there = sizes > 0
    return float((2 * table.diagonal()[there] / sizes[there]).mean())


def _matthews(answers: np.ndarray, labels: np.ndarray) -> float:
    table = _confusion(answers, labels).astype(np.float64)
    said, true, count = table.sum(0), table.sum(1), table.sum()
    spread = (count**2 - said @ said) * (count**2 - true @ true)
    return float((table.trace() * count - said @ true) / np.sqrt(spread)) if spread > 0 else 0.0


def _pearson(answers: np.ndarray, labels: np.ndarray) -> float:
    if np.ptp(answers) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(np.corrcoef(answers, labels)[0, 1])


def _spearman(answers: np.ndarray, labels: np.ndarray) -> float:
    from scipy.stats import rankdata

    return _pearson(rankdata(answers), rankdata(labels))


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "macro_f1": _macro_f1,
    "matthews": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
