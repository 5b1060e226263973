"""A split's examples on their way to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spafit.errors import SpafitError
from spafit.tasks.tokens import Encoded

WIDTH_BITS = 3  # batches have one of 2**WIDTH_BITS widths per power of two
COUNTED_STEPS = 20_000  # what a longer run computes is told from its first steps: its batches are shuffled
KEPT_EPOCHS = 2  # orders of epochs in memory: the one that goes on, and the one before
POOL_BATCHES = 50  # a shuffled epoch is sorted by length within pools of this many batches


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


@dataclass(frozen=True)
class States:
    """Hidden states of a split's examples, one after the other without padding (tokens x width, fp32)."""

    packed: Tensor
    offsets: np.ndarray  # as in `Encoded`: example i is rows offsets[i] to offsets[i + 1]

    def gather(self, rows: np.ndarray, tokens: int, device: torch.device) -> Tensor:
        """Return the states of these examples as (examples x tokens x width).

        What stands behind an example's end is arbitrary and finite; the attention mask keeps it out of every result.
        Of states that are kept for one token of each example that one comes back: (examples x 1 x width).
        """
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        if lengths.max() == 1:
            tokens = 1
        inside = np.minimum(np.arange(tokens), lengths[:, None] - 1)
        index = torch.from_numpy((starts[:, None] + inside).reshape(-1)).to(self.packed.device, non_blocking=True)
        batch = self.packed.index_select(0, index).view(*inside.shape, self.packed.shape[1])
        if batch.device == device:
            return batch
        return batch.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else batch.to(device)


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


class Order:
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
            while len(self._epochs) >= KEPT_EPOCHS:
                self._epochs.pop(next(iter(self._epochs)))
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

    def total_positions(self, steps: int) -> int:
        """Tokens and padding that the first `steps` steps compute; beyond `COUNTED_STEPS` as many as in those."""
        counted = min(steps, COUNTED_STEPS)
        exact = sum(self.positions(step) for step in range(counted))
        return exact if counted == steps else round(exact * steps / counted)

    def padding(self, steps: int) -> float:
        """The share of padding among all positions of the first `steps` steps, at most `COUNTED_STEPS` of them."""
        parts = [part for step in range(min(steps, COUNTED_STEPS)) for part in self.parts(step)]
        return padding_share(self.lengths, parts, self.max_length)


def bucketed_batches(
    lengths: np.ndarray, batch_size: int, seed: int | Sequence[int] = 0, shuffle: bool = True
) -> list[np.ndarray]:
    """Divide examples into batches of similar length, so that little is padded.

    Args:
        lengths: tokens per example.
        batch_size: examples in a batch; one batch, the last one made, may be smaller.
        seed: of the shuffle; pass (run seed, epoch) to get another order in each epoch.
        shuffle: True: a random order, sorted by length only within pools of 50 batches, the batches then shuffled.
            False: all sorted from longest to shortest, the same batches each time (for evaluation).

    Returns:
        Index arrays; together a permutation of all examples.

    Raises:
        SpafitError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise SpafitError(f"The batch size must be at least 1, not {batch_size}.")
    lengths = np.asarray(lengths)
    if not shuffle:
        order = np.argsort(-lengths, kind="stable")
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(lengths))
    pool = POOL_BATCHES * batch_size
    batches = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def batch_width(longest: int, limit: int) -> int:
    """Tokens from edge to edge of a batch whose longest example has `longest`; at most `limit`.

    Rounded up to one of eight widths per power of two (18, 20, ..., 32 between 17 and 32), so that few occur: kernels
    are made, and kept in memory, for each.
    """
    step = 1 << max(0, (longest - 1).bit_length() - WIDTH_BITS - 1)
    return min(limit, -(-longest // step) * step)


def positions(lengths: np.ndarray, batches: Sequence[np.ndarray], limit: int) -> int:
    """Tokens and padding in batches that are `batch_width` wide, of examples with at most `limit` tokens."""
    return sum(len(rows) * batch_width(int(np.max(lengths[rows])), limit) for rows in batches if len(rows))


def padding_share(lengths: np.ndarray, batches: Sequence[np.ndarray], limit: int) -> float:
    """The share of padding among the `positions` of these batches, from 0 up to below 1."""
    computed = positions(lengths, batches, limit)
    tokens = sum(int(np.sum(lengths[rows])) for rows in batches)
    return 1.0 - tokens / computed if computed else 0.0


def collate(encoded: Encoded, rows: np.ndarray, width: int | None = None) -> dict[str, np.ndarray]:
    """One batch as rectangular arrays, padded on the right to its longest example (or to `width`, if that is more).

    Returns:
        "input_ids" and "attention_mask" (int64, examples x tokens), "token_type_ids" likewise where the model has
        them, and "labels" (one per example).
    """
    lengths = encoded.lengths[rows]
    width = max(int(lengths.max()), width or 0)
    inside = np.arange(width) < lengths[:, None]
    source = np.concatenate([np.arange(encoded.offsets[i], encoded.offsets[i + 1]) for i in rows])
    batch = {
        "input_ids": np.full(inside.shape, encoded.pad_id, dtype=np.int64),
        "attention_mask": inside.astype(np.int64),
    }
    batch["input_ids"][inside] = encoded.input_ids[source]
    if encoded.token_type_ids is not None:
        batch["token_type_ids"] = np.zeros(inside.shape, dtype=np.int64)
        batch["token_type_ids"][inside] = encoded.token_type_ids[source]
    batch["labels"] = encoded.labels[rows]
    return batch
