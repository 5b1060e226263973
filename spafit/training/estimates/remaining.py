"""How long a run still takes, from what it has done so far. Pure; no torch."""

from __future__ import annotations

from collections.abc import Callable

EARLY_STEPS = 2  # the first steps also prepare kernels and buffers; they say little about the rest
EARLY_EVALUATIONS = 1  # and so does the first evaluation
EVALUATION_SHARE = 1 / 3  # of training's cost per token and layer, until an evaluation has shown it: one pass of three


class Forecast:
    """Counts the work of a run in token-layers and learns how many seconds one costs.

    Training work is a step's tokens (with padding) times the layers it computes; the backward pass is in the rate.
    Evaluations have their own rate as soon as it has been seen; before, a share of training's is assumed. The final
    one, which computes all layers, goes by what recording the frozen layers' states has cost, if that was seen.

    Args:
        step_positions: step -> tokens and padding in it.
        total_steps: of the whole run.
        total_positions: tokens and padding in all of them; of a long run an estimate.
        layers: computed in a step, and in a live evaluation.
        evaluations: live ones to come.
        evaluation_positions: tokens and padding in each.
        final_positions: those in the final evaluation.
        all_layers: computed in the final evaluation, counted by what they cost.
        recording: tokens and padding, times frozen layers, whose states have yet to be computed.
        forward_seconds: a guess of what one token costs in one layer, forwards.
    """

    def __init__(
        self,
        step_positions: Callable[[int], int],
        total_steps: int,
        total_positions: int,
        layers: float,
        *,
        evaluations: int,
        evaluation_positions: int,
        final_positions: int,
        all_layers: float,
        recording: int,
        forward_seconds: float,
    ) -> None:
        self._positions = step_positions
        self._total = total_steps
        self._layers = layers
        self._evaluations = evaluations
        self._evaluation_work = evaluation_positions * layers
        self._final_work = final_positions * all_layers
        self._forward_seconds = forward_seconds
        self._recorded = [0.0, 0.0]
        self._to_record = recording
        self._trained = [0.0, 0.0]  # seconds, work
        self._evaluated = [0.0, 0.0]
        self._left = total_positions * layers
        self._step = self._num_evaluations = 0

    def recorded(self, seconds: float | None, work: int) -> None:
        """States of the frozen layers are there; computing them has taken this long, or they were found (None)."""
        if seconds is not None:
            self._recorded[0] += seconds
            self._recorded[1] += work
        self._to_record = max(0, self._to_record - work)

    def stopped_early(self) -> None:
        """Nothing is left but the final evaluation."""
        self._left = self._evaluations = 0

    def trained(self, seconds: float) -> None:
        """Take in that a step has taken this long."""
        work = self._positions(self._step) * self._layers
        self._step += 1
        self._left = max(0.0, self._left - work) if self._step < self._total else 0.0
        if self._step > min(EARLY_STEPS, self._total - 1):
            self._trained[0] += seconds
            self._trained[1] += work

    def evaluated(self, seconds: float) -> None:
        """Take in that a live evaluation has taken this long."""
        self._evaluations -= 1
        self._num_evaluations += 1
        if self._num_evaluations > EARLY_EVALUATIONS:
            self._evaluated[0] += seconds
            self._evaluated[1] += self._evaluation_work

    def remaining(self) -> float | None:
        """Estimated seconds to the end of the run; None while nothing is known."""
        if not self._trained[1]:
            return None
        rate = self._trained[0] / self._trained[1]
        evaluation_rate = self._evaluated[0] / self._evaluated[1] if self._evaluated[1] else rate * EVALUATION_SHARE
        if self._recorded[1]:
            forward_rate = self._recorded[0] / self._recorded[1]
        else:  # from less than a layer nothing follows for all of them
            forward_rate = evaluation_rate if self._layers >= 1 else self._forward_seconds
        evaluating = max(0, self._evaluations) * self._evaluation_work * evaluation_rate
        return self._left * rate + evaluating + (self._to_record + self._final_work) * forward_rate
