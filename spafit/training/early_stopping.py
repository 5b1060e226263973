"""Ends a run that no longer improves, and keeps the best that it had."""

from __future__ import annotations

import math

from torch import nn

from spafit import adapt


class EarlyStopping:
    """Watches the scores of evaluations; without a `patience` it does nothing."""

    def __init__(self, model: nn.Module, patience: int | None) -> None:
        self._model, self._patience = model, patience
        self._best = -math.inf
        self._state = {}  # the trained parameters that had the best score
        self._waited = 0  # evaluations since then
        self.reached = False

    def watch(self, score: float) -> None:
        """Note an evaluation's score; `reached` is true once nothing has improved for too long."""
        if self._patience is None:
            return
        if not self._state or score > self._best:
            self._state = {name: tensor.clone() for name, tensor in adapt.trainable_state(self._model).items()}
            self._best, self._waited = score, 0
            return
        self._waited += 1
        self.reached = self._waited >= self._patience

    def restore_best(self) -> None:
        """Give the model the parameters that had the best score."""
        adapt.load_trainable_state(self._model, self._state)
