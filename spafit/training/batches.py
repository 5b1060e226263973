"""A split's examples on their way to the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spafit.tasks.tokens import Encoded
from spafit.training.accelerated.layout import Layout
from spafit.training.config import TrainSettings

COUNTED_STEPS = 20_000  # what a longer run computes is told from its first steps: its batches are shuffled
KEPT_EPOCHS = 2  # orders of epochs in memory: the one that goes on, and the one before
POOL_BATCHES = 50  # a shuffled epoch is sorted by length within pools of this many batches
# In a forward pass without gradients; elsewhere than on CUDA products are no faster with more, and memory is held.
FIXED_TOKENS = {"cpu": 1023, "cuda": 8_191, "mps": 1023}


@dataclass(frozen=True)
class Batch:
    """Some examples, padded on the right to one width."""

    inputs: dict[str, Tensor]  # the model's arguments, examples x tokens
    labels: Tensor
    layout: Layout  # where the same tokens stand without padding
    states: Tensor | None  # hidden states that leave the prefix, in the layout's order (see `States`)
    pad_id: int

    def tokens_at(self, place: str) -> Tensor:
        """Where each example's "first" token is, or its "last", as decoders' heads find it: the last not padding."""
        ids = self.inputs["input_ids"]
        if place == "first":
            return torch.zeros(len(ids), dtype=torch.int64, device=ids.device)
        return (torch.arange(ids.shape[1], device=ids.device) * (ids != self.pad_id)).argmax(1)


@dataclass(frozen=True)
class States:
    """Hidden states of a split's examples, one after the other without padding (rows x width, fp32)."""

    packed: Tensor
    offsets: np.ndarray | None  # as in `Encoded`: example i is rows offsets[i] to offsets[i + 1]; None: it is row i

    def gather(self, rows: np.ndarray, layout: Layout) -> Tensor:
        """Return the states of these examples: every token's as they are laid out flat, or the one of each example."""
        index = torch.from_numpy(rows if self.offsets is None else layout.in_split(rows, self.offsets))
        states = self.packed.index_select(0, index.to(self.packed.device, non_blocking=True))
        if states.device.type == layout.device.type:
            return states
        states = states.pin_memory() if layout.device.type == "cuda" else states
        return states.to(layout.device, non_blocking=True)


class Feed:
    """Turns rows of a tokenised split into batches on the model's device."""

    def __init__(self, encoded: Encoded, device: torch.device) -> None:
        self.encoded = encoded
        self.device = device
        self.states: States | None = None

    def __len__(self) -> int:
        return len(self.encoded)

    def fixed_batches(self) -> list[np.ndarray]:
        """Return the rows of batches for a pass without gradients, the same each time."""
        return fixed_batches(self.encoded.lengths, FIXED_TOKENS[self.device.type])

    def batch(self, rows: np.ndarray) -> Batch:
        """Return these rows as a batch."""
        lengths = self.encoded.lengths[rows]
        layout = Layout(lengths, self.device)
        tensors = {name: self._moved(array) for name, array in collate(self.encoded, rows).items()}
        labels = tensors.pop("labels")
        states = None if self.states is None else self.states.gather(rows, layout)
        return Batch(tensors, labels, layout, states, self.encoded.pad_id)

    def _moved(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)


class Order:
    """The order in which training examples are visited: another seeded one in each epoch.

    As transformers' Trainer draws it with the same seed: a permutation by torch's generator, seeded with the run's seed
    plus the epoch's number, cut into steps. With `group_by_length` a step has texts of similar length instead.
    One optimizer step takes `batch_size * accumulation` examples, in `accumulation` forward passes; so the same number
    of examples a step gives the same steps however they are divided. `computed` counts the tokens that are computed for
    some batches.
    """

    def __init__(
        self, lengths: np.ndarray, settings: TrainSettings, computed: Callable[[list[np.ndarray]], int]
    ) -> None:
        self._lengths, self._settings, self._computed = lengths, settings, computed
        self.step_size = settings.batch_size * settings.accumulation
        self.steps_per_epoch = -(-len(lengths) // self.step_size)
        self._epochs: dict[int, list[np.ndarray]] = {}

    def epoch(self, number: int) -> list[np.ndarray]:
        """Return the steps of an epoch (0-based): rows of the examples of each."""
        if number not in self._epochs:
            while len(self._epochs) >= KEPT_EPOCHS:
                self._epochs.pop(next(iter(self._epochs)))
            draw = bucketed_batches if self._settings.group_by_length else random_batches
            self._epochs[number] = draw(self._lengths, self.step_size, self._settings.seed, number)
        return self._epochs[number]

    def parts(self, step: int) -> list[np.ndarray]:
        """Return the forward passes of a step (0-based over the whole run): rows of the examples in each."""
        rows = self.epoch(step // self.steps_per_epoch)[step % self.steps_per_epoch]
        size = self._settings.batch_size
        return [rows[i : i + size] for i in range(0, len(rows), size)]

    def positions(self, step: int) -> int:
        """Tokens, dummies and padding that a step computes."""
        return self._computed(self.parts(step))

    def total_positions(self, steps: int) -> int:
        """Those that the first `steps` steps compute; beyond `COUNTED_STEPS` as many as in those."""
        counted = min(steps, COUNTED_STEPS)
        exact = sum(map(self.positions, range(counted)))
        return exact if counted == steps else round(exact * steps / counted)

    def padding(self, steps: int) -> float:
        """Return the share of dummies and padding in what the first `steps` steps compute, `COUNTED_STEPS` at most."""
        counted = min(steps, COUNTED_STEPS)
        if not counted:
            return 0.0
        tokens = sum(int(self._lengths[rows].sum()) for step in range(counted) for rows in self.parts(step))
        return 1.0 - tokens / self.total_positions(counted)


def random_batches(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Divide examples into batches at random; the last one may be smaller."""
    order = torch.randperm(len(lengths), generator=torch.Generator().manual_seed(seed + epoch)).numpy()
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def bucketed_batches(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Divide examples into batches of similar length; one batch, the last one made, may be smaller.

    The order is random, sorted by length only within pools of 50 batches; the batches are then shuffled.
    """
    generator = np.random.default_rng((seed, epoch))
    order = generator.permutation(len(lengths))
    pool = POOL_BATCHES * batch_size
    batches = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def fixed_batches(lengths: np.ndarray, tokens: int = FIXED_TOKENS["cpu"]) -> list[np.ndarray]:
    """Make the same batches each time: examples from longest to shortest, at most `tokens` tokens in one of several."""
    batches: list[list[int]] = []
    filled = 0
    for row in np.argsort(-lengths, kind="stable"):
        if not batches or filled + lengths[row] > tokens:
            batches.append([])
            filled = 0
        batches[-1].append(int(row))
        filled += int(lengths[row])
    return [np.array(batch) for batch in batches]


def collate(encoded: Encoded, rows: np.ndarray, width: int | None = None) -> dict[str, np.ndarray]:
    """One batch as rectangular arrays, padded on the right to its longest example or to a `width`.

    Returns:
        "input_ids" and "attention_mask" (int64, examples x tokens), "token_type_ids" likewise where the model has
        them, and "labels" (one per example).
    """
    lengths = encoded.lengths[rows]
    inside = np.arange(width or lengths.max()) < lengths[:, None]
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
