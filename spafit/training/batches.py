"""A split's examples on their way to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spafit.data import Encoded, batch_width, bucketed_batches, collate, padding_share, positions

if TYPE_CHECKING:
    from spafit.training.prefix_store import States


@dataclass(frozen=True)
class Batch:
    """Some examples, padded on the right to one width."""

    inputs: dict[str, Tensor]  # the model's arguments, examples x tokens
    labels: Tensor
    lengths: np.ndarray  # tokens of each example
    states: Tensor | None  # hidden states that leave the prefix, examples x tokens x width
    pad_id: int

    def tokens_at(self, place: str) -> Tensor:
        """Where each example's "first" token is, or its "last", as decoders' heads find it: the last not padding."""
        ids = self.inputs["input_ids"]
        if place == "first":
            return torch.zeros(len(ids), dtype=torch.int64)
        return (torch.arange(ids.shape[1]) * (ids != self.pad_id)).argmax(1)


class Feed:
    """Turns rows of a tokenised split into batches on the model's device."""

    def __init__(self, encoded: Encoded, device: torch.device) -> None:
        self.encoded = encoded
        self.device = device
        self.states: States | None = None

    def __len__(self) -> int:
        return len(self.encoded)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return these rows as a batch."""
        lengths = self.encoded.lengths[rows]
        width = batch_width(int(lengths.max()), self.encoded.max_length)
        tensors = {name: self._moved(array) for name, array in collate(self.encoded, rows, width).items()}
        labels = tensors.pop("labels")
        states = None if self.states is None else self.states.gather(rows, width, self.device)
        return Batch(tensors, labels, lengths, states, self.encoded.pad_id)

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

    def __init__(self, lengths: np.ndarray, max_length: int, batch_size: int, accumulation: int, seed: int) -> None:
        self.lengths = lengths
        self.max_length = max_length
        self.batch_size = batch_size
        self.seed = seed
        self.step_size = batch_size * accumulation
        self.steps_per_epoch = -(-len(lengths) // self.step_size)
        self._epochs: dict[int, list[np.ndarray]] = {}

    def epoch(self, number: int) -> list[np.ndarray]:
        """The steps of an epoch (0-based): rows of the examples of each."""
        if number not in self._epochs:
            self._epochs[number] = bucketed_batches(self.lengths, self.step_size, (self.seed, number))
        return self._epochs[number]

    def rows(self, step: int) -> np.ndarray:
        """The examples of a step (0-based over the whole run)."""
        return self.epoch(step // self.steps_per_epoch)[step % self.steps_per_epoch]

    def parts(self, step: int) -> list[np.ndarray]:
        """The forward passes of a step: rows of the examples in each."""
        rows = self.rows(step)
        return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]

    def positions(self, step: int) -> int:
        """Tokens and padding that a step computes."""
        return positions(self.lengths, self.parts(step), self.max_length)

    def padding(self, steps: int) -> float:
        """The share of padding among all positions of the first `steps` steps."""
        parts = [part for step in range(steps) for part in self.parts(step)]
        return padding_share(self.lengths, parts, self.max_length)
