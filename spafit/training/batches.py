"""A split's examples on their way to the model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spafit.data import Encoded, bucketed_batches, collate, padding_share


class Feed:
    """Turns rows of a tokenised split into the model's inputs, on its device."""

    def __init__(self, encoded: Encoded, device: torch.device) -> None:
        self.encoded = encoded
        self.device = device

    def __len__(self) -> int:
        return len(self.encoded)

    def batch(self, rows: np.ndarray) -> tuple[dict[str, Tensor], Tensor]:
        """Return the inputs by name (examples x tokens) and the labels of these rows."""
        tensors = {name: self._moved(array) for name, array in collate(self.encoded, rows).items()}
        labels = tensors.pop("labels")
        return tensors, labels

    def _moved(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)


class Plan:
    """The order in which training examples are visited: bucketed by length, another seeded order in each epoch.

    One optimizer step takes `batch_size * accumulation` examples of similar length, in `accumulation` forward passes;
    so the same number of examples a step gives the same steps however they are divided.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, accumulation: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.step_size = batch_size * accumulation
        self.steps_per_epoch = -(-len(lengths) // self.step_size)
        self._epochs: dict[int, list[np.ndarray]] = {}

    def epoch(self, number: int) -> list[np.ndarray]:
        """The steps of an epoch (0-based): rows of the examples of each."""
        if number not in self._epochs:
            self._epochs = {number: bucketed_batches(self.lengths, self.step_size, (self.seed, number))}
        return self._epochs[number]

    def step(self, number: int) -> list[np.ndarray]:
        """The forward passes of a step (0-based over the whole run): rows of the examples in each."""
        rows = self.epoch(number // self.steps_per_epoch)[number % self.steps_per_epoch]
        return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]

    def padding(self) -> float:
        """The share of padding among all positions of the epoch at hand."""
        epoch = next(iter(self._epochs.values()), None) or self.epoch(0)
        parts = [step[i : i + self.batch_size] for step in epoch for i in range(0, len(step), self.batch_size)]
        return padding_share(self.lengths, parts)
