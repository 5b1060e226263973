"""How long a run still takes, from what it has done so far. Pure; no torch."""

from __future__ import annotations

from collections.abc import Callable

EARLY_STEPS = 2  # the first steps also prepare kernels and buffers; they say little about the rest
EARLY_EVALUATIONS = 1  # and so does the first evaluation
EVALUATION_SHARE = 1 / 3  # of training's cost per token and layer, until an evaluation has shown it: one pass of three


class Forecast:
    """Counts the work of a run in token-layers and learns how many seconds one costs.

    Training work is a step's tokens (with padding) times the layers it computes; the backward pass is in the rate.
    Evaluations have their own rate as soon as it has been seen; before, a share of training's is assumed.
    """

    def __init__(
        self,
        step_positions: Callable[[int], int],
        total_steps: int,
        layers: float,
        *,
        evaluations: int,
        evaluation_positions: int,
        final_positions: int,
        all_layers: float,
    ) -> None:
        self._positions = step_positions
        self._total = total_steps
        self._layers = layers
        self._evaluations = evaluations
        self._evaluation_work = evaluation_positions * layers
        self._final_work = final_positions * all_layers
        self._trained = [0.0, 0.0]  # seconds, work
        self._evaluated = [0.0, 0.0]
        self._left = sum(step_positions(step) for step in range(total_steps)) * layers
        self._step = self._looks = 0

    def trained(self, seconds: float) -> None:
        """A step has taken this long."""
        work = self._positions(self._step) * self._layers
        self._left -= work
        self._step += 1
        if self._step > min(EARLY_STEPS, self._total - 1):
            self._trained[0] += seconds
            self._trained[1] += work

    def evaluated(self, seconds: float) -> None:
        """A live evaluation has taken this long."""
        self._evaluations -= 1
        self._looks += 1
        if self._looks > EARLY_EVALUATIONS:
            self._evaluated[0] += seconds
            self._evaluated[1] += self._evaluation_work

    def remaining(self) -> float | None:
        """Estimated seconds to the end of the run; None while nothing is known."""
        if not self._trained[1]:
            return None
        rate = self._trained[0] / self._trained[1]
        evaluation_rate = self._evaluated[0] / self._evaluated[1] if self._evaluated[1] else rate * EVALUATION_SHARE
        evaluating = max(0, self._evaluations) * self._evaluation_work + self._final_work
        return self._left * rate + evaluating * evaluation_rate
