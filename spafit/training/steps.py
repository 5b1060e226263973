"""How many optimizer steps and live evaluations a run has. Pure; the one place that counts them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

LIVE_EVALUATIONS = 10  # in a run that names no interval


class StepSettings(Protocol):
    """The training settings that the number of steps depends on."""

    @property
    def batch_size(self) -> int: ...
    @property
    def accumulation(self) -> int: ...
    @property
    def epochs(self) -> float: ...
    @property
    def max_steps(self) -> int | None: ...
    @property
    def eval_every(self) -> int | None: ...


@dataclass(frozen=True)
class Steps:
    """The steps of a run."""

    examples: int  # in one step; the last step of an epoch may have fewer
    per_epoch: int
    total: int
    eval_every: int
    evaluations: int

    def evaluates_after(self, step: int) -> bool:
        """Whether the model is evaluated after this many steps: at every interval, and at the end."""
        return step == self.total or step % self.eval_every == 0


def count_steps(settings: StepSettings, train_examples: int) -> Steps:
    """Return the steps of a run with these settings on so many training examples."""
    examples = settings.batch_size * settings.accumulation
    per_epoch = math.ceil(train_examples / examples)
    total = settings.max_steps or max(1, round(settings.epochs * per_epoch))
    eval_every = settings.eval_every or math.ceil(total / LIVE_EVALUATIONS)
    return Steps(examples, per_epoch, total, eval_every, math.ceil(total / eval_every))
