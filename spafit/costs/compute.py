"""FLOPs of a training step, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.costs.rows import lowest_trained, make_step, row_costs
from spafit.models.anatomy import Anatomy
from spafit.stratification import Stratification


@dataclass(frozen=True, slots=True)
class RowFlops:
    """FLOPs of the embeddings, one layer (``layer`` is its 1-based number) or the head."""

    row: str
    layer: int | None
    forward: int
    backward: int


@dataclass(frozen=True, slots=True)
class Flops:
    """FLOPs of one training step; rows bottom up, embeddings first, head last."""

    rows: tuple[RowFlops, ...]

    @property
    def forward(self) -> int:
        """FLOPs of the forward pass."""
        return sum(row.forward for row in self.rows)

    @property
    def backward(self) -> int:
        """FLOPs of the backward pass, recomputed layers included."""
        return sum(row.backward for row in self.rows)

    @property
    def total(self) -> int:
        """FLOPs of the step."""
        return self.forward + self.backward


def flops(
    anatomy: Anatomy,
    stratification: Stratification,
    *,
    batch: int,
    length: int,
    checkpointing: bool = False,
    prefix_cached: bool = False,
) -> Flops:
    """Return the FLOPs of the matrix products of one training step on ``batch`` texts of ``length`` tokens.

    A product of an (m x k) and a (k x n) matrix counts 2 m k n. In the backward pass a matrix costs one product for its
    input's gradient, if something below trains, and one for its own, if it trains; below the lowest trained row nothing
    is computed. Norms, activations and softmax, linear in the sizes, are left out, as in Kaplan et al. 2020 (arXiv
    2001.08361, section 2.1).

    Raises:
        SpafitError: the batch size or the length is out of range, or the stratification does not fit the model.
    """
    step = make_step(batch, length, "fp32", "cpu")
    lowest = lowest_trained(anatomy, stratification)
    rows = []
    for number, cost in enumerate(row_costs(anatomy, stratification, step, prefix_cached)):
        reached = lowest is not None and number >= lowest
        recomputed = cost.totals.forward_flops if checkpointing and reached and cost.row == "layer" else 0
        forward = 0 if cost.cached else cost.totals.forward_flops
        rows.append(RowFlops(cost.row, cost.layer, forward, cost.totals.backward_flops + recomputed))
    return Flops(tuple(rows))
