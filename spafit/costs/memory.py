"""Memory of a training step: what is held at each moment, and the most held at once."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.costs.rows import CostError, RowCost, make_step, row_costs
from spafit.costs.tape import FULL
from spafit.counting import count
from spafit.models.anatomy import Anatomy
from spafit.stratification import Stratification

OPTIMIZERS = {"adamw": 2, "adam": 2, "sgd_momentum": 1, "rmsprop": 1, "adagrad": 1, "sgd": 0}
"""fp32 values that each optimizer keeps per trained value."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is held at one moment of the step, in bytes; the parts add up to ``total``."""

    name: str
    """``forward``, ``backward`` or ``update``, with the row: ``backward, layer 5``."""
    weights: int
    gradients: int
    optimizer: int
    activations: int
    workspace: int

    @property
    def total(self) -> int:
        """All parts together."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.workspace


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one training step in bytes (an estimate; weights, gradients and optimizer state are exact).

    ``weights``, ``gradients``, ``optimizer`` and ``activations`` are each at their largest. They are not all there at
    the same time: gradients grow while activations go. ``peak`` is the moment when most is held; a stacked bar shows
    its parts, and ``total`` is its total.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    moments: tuple[Moment, ...]

    @property
    def peak(self) -> Moment:
        """The moment when most is held."""
        return max(self.moments, key=lambda moment: moment.total)

    @property
    def total(self) -> int:
        """The most held at once."""
        return self.peak.total


def optimizer_bytes(anatomy: Anatomy, stratification: Stratification, optimizer: str = "adamw") -> int:
    """Return the bytes of the optimizer's state; raises `CostError` for an optimizer not in `OPTIMIZERS`."""
    if optimizer not in OPTIMIZERS:
        raise CostError(f"The optimizer is {optimizer!r} but must be one of {', '.join(OPTIMIZERS)}.")
    return OPTIMIZERS[optimizer] * FULL * count(anatomy, stratification).trainable


def checkpoint_bytes(anatomy: Anatomy, stratification: Stratification) -> int:
    """Return the bytes of what a run saves: the trained parameters in fp32, without the file's header."""
    return FULL * count(anatomy, stratification).trainable


def training_memory(
    anatomy: Anatomy,
    stratification: Stratification,
    *,
    batch: int,
    length: int,
    precision: str = "fp32",
    optimizer: str = "adamw",
    checkpointing: bool = False,
    prefix_cached: bool = False,
    device: str = "cpu",
) -> Memory:
    """Estimate the memory of one training step on ``batch`` texts of ``length`` tokens (padding included).

    Args:
        precision: "fp32", or "bf16" for autocast over fp32 weights.
        optimizer: one of `OPTIMIZERS`.
        checkpointing: whether layers are recomputed in the backward pass, only their inputs being kept.
        prefix_cached: whether the output of the frozen layers at the bottom comes from a cache.
        device: "cpu" or "cuda": they keep different things for dropout and attention.

    Raises:
        SpafitError: a setting is out of range, or the stratification does not fit the model.
    """
    step = make_step(batch, length, precision, device)
    state = optimizer_bytes(anatomy, stratification, optimizer)
    counts = count(anatomy, stratification)
    rows = row_costs(anatomy, stratification, step, prefix_cached)
    timeline = _Timeline(FULL * counts.total, state, checkpointing)
    for row in rows:
        timeline.forward(row)
    for row in reversed(rows):
        timeline.backward(row)
    timeline.update()
    return Memory(
        FULL * counts.total, FULL * counts.trainable, state, timeline.most_activations, tuple(timeline.moments)
    )


class _Timeline:
    """The moments of a step, in order."""

    def __init__(self, weights: int, state: int, checkpointing: bool) -> None:
        self.weights, self.state, self.checkpointing = weights, state, checkpointing
        self.kept = self.copies = self.gradients = self.most_activations = 0
        self.embedded = 0
        """Bytes of the embeddings' output, which the model holds through the forward pass, unless it is kept anyway."""
        self.moments: list[Moment] = []

    def _recomputed(self, row: RowCost) -> bool:
        return self.checkpointing and row.row == "layer" and row.totals.output_grad

    def _kept_by(self, row: RowCost) -> tuple[int, int]:
        totals = row.totals
        return (totals.entry, 0) if self._recomputed(row) else (totals.kept, totals.copies)

    def _add(self, name: str, workspace: int) -> None:
        self.most_activations = max(self.most_activations, self.kept)
        self.moments.append(
            Moment(name, self.weights + self.copies, self.gradients, self.state, self.kept, max(workspace, 0))
        )

    def forward(self, row: RowCost) -> None:
        """Go through the row's forward pass, then hold what it keeps."""
        totals = row.totals
        self._add(f"forward, {row.label}", self.embedded + (totals.entry if row.cached else totals.forward_peak))
        if row.layer == 1 and not row.cached and not totals.keeps_entry and not self._recomputed(row):
            self.embedded = totals.entry
        kept, copies = self._kept_by(row)
        self.kept += kept
        self.copies += copies

    def backward(self, row: RowCost) -> None:
        """Go through the row's backward pass, then hold its gradients in place of what it kept."""
        kept, copies = self._kept_by(row)
        totals = row.totals
        if totals.output_grad:
            most = totals.backward_peak
            if self._recomputed(row):  # forward again with the gradient waiting, then backward with the input at hand
                gradient = totals.entry
                most = max(totals.forward_peak + gradient, most + (0 if totals.keeps_entry else totals.entry))
            self._add(f"backward, {row.label}", most - kept - copies)
        self.kept -= kept
        self.copies -= copies
        self.gradients += row.totals.gradients

    def update(self) -> None:
        """Take the optimizer's step, with a fused optimizer, which needs no memory of its own."""
        self._add("update", 0)
