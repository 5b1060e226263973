"""Runs a model over a split and compares what it says with the labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spafit.data import bucketed_batches
from spafit.training import metrics
from spafit.training.batches import Feed

BATCH_TOKENS = 2048  # in one forward pass without gradients: enough to keep matrix products efficient


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a split, and the mean loss over its examples."""

    metrics: dict[str, float]
    loss: float


class Stopped(Exception):  # noqa: N818 - it ends work early and is no error
    """Someone asked the run to stop."""


def loss_of(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy for class numbers (integers), squared error for targets (floats), in fp32."""
    if labels.is_floating_point():
        return nn.functional.mse_loss(logits.float().squeeze(-1), labels, reduction=reduction)
    return nn.functional.cross_entropy(logits.float(), labels, reduction=reduction)


def fixed_batches(lengths: np.ndarray) -> list[np.ndarray]:
    """The same batches each time: examples from longest to shortest, about `BATCH_TOKENS` tokens in each."""
    if len(lengths) == 0:
        return []
    typical = max(1, int(np.mean(lengths)))
    return bucketed_batches(lengths, max(1, BATCH_TOKENS // typical), shuffle=False)


def evaluate(
    forward: Callable[[dict[str, Tensor]], Tensor],
    feed: Feed,
    batches: Sequence[np.ndarray],
    names: Sequence[str],
    should_stop: Callable[[], bool],
) -> Evaluation:
    """Compute the metrics `names` over the examples in `batches`; `forward` returns logits. Raises `Stopped`."""
    logits, labels, total = [], [], torch.zeros((), dtype=torch.float64)
    with torch.inference_mode():
        for inputs, wanted in _inputs(feed, batches, should_stop):
            out = forward(inputs)
            total += loss_of(out, wanted, "sum").double().cpu()
            logits.append(out.float().cpu())
            labels.append(wanted.cpu())
    outputs, expected = torch.cat(logits).numpy(), torch.cat(labels).numpy()
    return Evaluation(metrics.compute(names, outputs, expected), float(total) / len(expected))


def _inputs(
    feed: Feed, batches: Sequence[np.ndarray], should_stop: Callable[[], bool]
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    for rows in batches:
        if should_stop():
            raise Stopped
        yield feed.batch(rows)
