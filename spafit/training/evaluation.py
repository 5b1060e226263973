"""Runs a model over a split and compares what it says with the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spafit.tasks import metrics
from spafit.training.batches import Batch, Feed
from spafit.training.predictions import Predictions


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a split, the mean loss over its examples, and what was said of each."""

    metrics: dict[str, float]
    loss: float
    predictions: Predictions


class Stopped(Exception):  # noqa: N818 - it ends work early and is no error
    """Someone asked the run to stop."""


def loss_of(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy for class numbers (integers), squared error for targets (floats), in fp32."""
    if labels.is_floating_point():
        return nn.functional.mse_loss(logits.float().squeeze(-1), labels, reduction=reduction)
    return nn.functional.cross_entropy(logits.float(), labels, reduction=reduction)


class Evaluator:
    """Measures a model, by the function that gives its logits for a batch, with the metrics of a task."""

    def __init__(
        self, logits_of: Callable[[Batch], Tensor], names: Sequence[str], should_stop: Callable[[], bool]
    ) -> None:
        self._logits_of, self._names, self._should_stop = logits_of, names, should_stop

    def measure(self, feed: Feed) -> Evaluation:
        """Compute the metrics over a split.

        Raises:
            Stopped: somebody asked for it.
            FloatingPointError: the model's outputs are not finite.
        """
        logits, labels = [], []
        batches = feed.fixed_batches()
        with torch.inference_mode():
            for rows in batches:
                if self._should_stop():
                    raise Stopped
                batch = feed.batch(rows)
                logits.append(self._logits_of(batch).float().cpu())
                labels.append(batch.labels.cpu())
            outputs, expected = torch.cat(logits), torch.cat(labels)
            if not torch.isfinite(outputs).all():
                raise FloatingPointError("outputs")
            loss = float(loss_of(outputs, expected))
        found = metrics.compute(self._names, outputs.numpy(), expected.numpy())
        rows = np.argsort(np.concatenate(batches))
        kept = Predictions(outputs.numpy()[rows], expected.numpy()[rows], np.arange(len(rows)))
        return Evaluation(found, loss, kept)
