"""The points of a training curve: one every so many steps, whatever the clock says, so that a seed has one curve.

Losses stay on the device until `take` reads those of all waiting points at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spafit.training.events import Step

MOST_POINTS = 500  # of a run; a longer one averages over several steps


class Points:
    """Gathers the losses of steps, and gives out the points that are complete."""

    def __init__(self, total_steps: int, steps_per_epoch: int) -> None:
        self._every = math.ceil(total_steps / MOST_POINTS)
        self._total = total_steps
        self._steps_per_epoch = steps_per_epoch
        self._sum: Tensor | None = None  # of the losses since the last point
        self._counted = self._seen = 0  # examples at the last point, and now
        self._waiting: list[tuple[int, float, float, int, Tensor]] = []

    def add(self, step: int, loss: Tensor, examples: int, rate: float, seconds: float) -> None:
        """A step was taken: its summed loss over so many examples, at this learning rate and time of the run."""
        self._sum = loss if self._sum is None else self._sum + loss
        self._seen += examples
        if step in (1, self._total) or step % self._every == 0:  # a long run too has a point at once
            mean = self._sum / (self._seen - self._counted)
            self._waiting.append((step, rate, seconds, self._seen, mean))
            self._sum, self._counted = None, self._seen

    def take(self, remaining: float | None) -> list[Step]:
        """Return the points since the last call, in order; `remaining` seconds are left of the run.

        Raises:
            FloatingPointError: a loss is not finite.
        """
        if not self._waiting:
            return []
        losses = torch.stack([point[-1] for point in self._waiting]).tolist()
        taken = []
        for (step, rate, seconds, seen, _), loss in zip(self._waiting, losses, strict=True):
            if not math.isfinite(loss):
                raise FloatingPointError("loss")
            taken.append(Step(step, step / self._steps_per_epoch, loss, rate, seconds, seen, remaining))
        self._waiting.clear()
        return taken
