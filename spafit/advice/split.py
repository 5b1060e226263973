"""From a score per layer to boundaries (N1, N2) within a budget. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from spafit.counting import triangle
from spafit.maps.cells import Cell, cells
from spafit.models.anatomy import Anatomy
from spafit.stratification import LoraSettings, Method, Recipe, preset

BUDGETS = (0.25, 0.5, 0.75)
"""Shares of what SPAFIT-0-0 trains, its fresh head left out."""
DOES_NOT_FIT = "does not fit this order"
SAME = 1e-12
"""Sums of squares that differ by less, relative to the whole, are equal up to rounding."""


@dataclass(frozen=True)
class Proposal:
    """What an advisor proposes within a budget: a cell, or why there is none."""

    cell: Cell | None
    reason: str = ""
    means: tuple[float, ...] = ()
    """The mean score of each run of layers that is not empty, from the bottom up; of a score's proposals only."""


def trainable_parameters(anatomy: Anatomy, lora: LoraSettings | None = None) -> dict[Cell, int]:
    """Return how many parameters each cell of the triangle trains, the fresh head left out."""
    point = preset(Method.SPAFIT, anatomy.num_layers, 0, 0, lora)
    trained = triangle(anatomy, replace(point, head=replace(point.head, fresh=Recipe.FROZEN)))
    return {(n1, n2): int(trained[n1, n2]) for n1, n2 in cells("all", anatomy.num_layers)}


def within(trainable: Mapping[Cell, int], budget: float) -> tuple[Cell, ...]:
    """Return the cells that train at most this share of what cell 0-0 trains, in order."""
    most = budget * trainable[0, 0]
    return tuple(sorted(cell for cell, parameters in trainable.items() if parameters <= most))


def propose(scores: Sequence[float | None], allowed: Sequence[Cell]) -> Proposal:
    """Return the allowed cell that splits the layers into the three most uniform runs.

    Args:
        scores: of the layers, layer 1 first, oriented so that high means adapt; None for a layer without one, which
            goes where it trains least.
        allowed: the cells within the budget.

    Of all allowed cells the one with the least sum of squares around the means of the runs 1..N1, N1+1..N2 and N2+1..L
    is taken; of equal ones the one with the highest boundaries, which trains least. If the means of its runs do not
    rise from bottom to top, or all layers are one run, the scores do not fit the order of the method, and that is the
    result.
    """
    if not allowed:
        return Proposal(None, "no cell is within this budget")
    whole = _within_runs(scores, (0, 0))
    first = min(_within_runs(scores, cell) for cell in allowed)
    cell = max(
        (cell for cell in allowed if _within_runs(scores, cell) <= first + SAME * whole), key=lambda cell: cell[::-1]
    )
    means = tuple(fmean(run) for run in _runs(scores, cell) if run)
    if len(means) < 2 or any(upper <= lower for lower, upper in pairwise(means)):
        return Proposal(None, DOES_NOT_FIT, means)
    return Proposal(cell, means=means)


def _runs(scores: Sequence[float | None], cell: Cell) -> tuple[list[float], ...]:
    n1, n2 = cell
    return tuple([score for score in run if score is not None] for run in (scores[:n1], scores[n1:n2], scores[n2:]))


def _within_runs(scores: Sequence[float | None], cell: Cell) -> float:
    return sum(_squares(run) for run in _runs(scores, cell))


def _squares(run: Sequence[float]) -> float:
    if not run:
        return 0.0
    mean = fmean(run)
    return sum((score - mean) ** 2 for score in run)
