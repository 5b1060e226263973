"""Where runs are wrong and where they disagree, from the predictions that they kept. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spafit.errors import SpafitError
from spafit.tasks import Examples, Task
from spafit.tasks.task import shortened
from spafit.training.predictions import Predictions


def check_examples(run: str, labels: Sequence[str], kept: Predictions, task: Task, examples: Examples) -> None:
    """Refuse to show a run's kept answers beside examples that it did not answer.

    Args:
        run: its id.
        labels: that it was trained with.
        kept: its answers on a part.
        task: as it is now.
        examples: of that part, as they are now.

    Raises:
        SpafitError: the task has other labels or other examples by now.
    """
    if tuple(labels) != task.labels:
        before, now = (shortened(", ".join(names), 60) or "a score" for names in (labels, task.labels))
        raise SpafitError(
            f"Run {run} was trained with other labels ({before}) than {task.name} has now ({now}), so its answers "
            "cannot be shown beside the examples."
        )
    rows = kept.rows
    if len(rows) and (rows.max() >= len(examples) or not np.allclose(examples.labels[rows], kept.labels)):
        raise SpafitError(
            f"The examples of {task.name} have changed since run {run} answered them, so its answers cannot be shown "
            "beside them."
        )


def answers(predictions: Predictions) -> np.ndarray:
    """Return the most probable class of each example (int64)."""
    return predictions.outputs.argmax(1)


def confusion(predictions: Predictions, num_labels: int) -> np.ndarray:
    """Return how often each true class (row) was answered with each class (column), as counts."""
    counts = np.zeros((num_labels, num_labels), dtype=np.int64)
    np.add.at(counts, (predictions.labels.astype(np.int64), answers(predictions)), 1)
    return counts


def examples_of(predictions: Predictions, label: int, answer: int) -> np.ndarray:
    """Return the rows of the part whose true class is `label` and which were answered with `answer`."""
    found = (predictions.labels == label) & (answers(predictions) == answer)
    return predictions.rows[found]


@dataclass(frozen=True)
class Disagreement:
    """One example that runs answer differently."""

    row: int
    """Its place in the part."""
    label: int
    answers: tuple[int, ...]
    """One per run, in the order they were given."""


def disagreements(runs: Sequence[Predictions]) -> list[Disagreement]:
    """Return the examples that all runs answered and not all alike, in the order of the part.

    Runs that kept other rows (another cap on test examples) are compared on what they share.
    """
    by_row: list[Mapping[int, tuple[int, int]]] = [
        {
            int(row): (int(label), int(answer))
            for row, label, answer in zip(run.rows, run.labels, answers(run), strict=True)
        }
        for run in runs
    ]
    shared = sorted(set.intersection(*(set(rows) for rows in by_row))) if by_row else []
    found = (Disagreement(row, by_row[0][row][0], tuple(rows[row][1] for rows in by_row)) for row in shared)
    return [each for each in found if len(set(each.answers)) > 1]
