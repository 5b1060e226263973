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
        self._last = (0, 0.0, 0.0)  # step, learning rate and time of the latest
        self._counted = self._seen = 0  # examples at the last point, and now
        self._waiting: list[tuple[int, float, float, int, Tensor]] = []

    def add(self, step: int, loss: Tensor, examples: int, rate: float, seconds: float) -> None:
        """Take in a step: its summed loss over so many examples, at this learning rate and time of the run."""
        self._sum = loss if self._sum is None else self._sum + loss
        self._seen += examples
        self._last = (step, rate, seconds)
        if step in (1, self._total) or step % self._every == 0:  # a long run too has a point at once
            self.close()

    def close(self) -> None:
        """Make a point of the steps since the last one, if there are any: the run ends here."""
        if self._sum is not None:
            mean = self._sum / (self._seen - self._counted)
            self._waiting.append((*self._last, self._seen, mean))
            self._sum, self._counted = None, self._seen

    @property
    def waiting(self) -> bool:
        """Whether there are points that `take` has not given out."""
        return bool(self._waiting)

    def is_finite(self) -> bool:
        """Whether the losses since the last point are numbers; reads them from the device."""
        return self._sum is None or bool(self._sum.isfinite())

    def take(self, remaining: float | None) -> list[Step]:
        """Return the points since the last call, in order; `remaining` seconds are left of the run."""
        if not self._waiting:
            return []
        losses = torch.stack([point[-1] for point in self._waiting]).tolist()
        taken = [
            Step(step, step / self._steps_per_epoch, loss, rate, seconds, seen, remaining)
            for (step, rate, seconds, seen, _), loss in zip(self._waiting, losses, strict=True)
        ]
        self._waiting.clear()
        return taken
