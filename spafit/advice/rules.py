"""Proposals that look at no model and no data: two rules that cost nothing, and two controls. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence

from spafit.advice.split import Proposal
from spafit.maps.cells import Cell
from spafit.stratification import default_boundaries

BEYOND = "trains more than this budget allows"


def thirds(num_layers: int, allowed: Sequence[Cell]) -> Proposal:
    """Propose boundaries at thirds of the depth, as SPAFIT is set up by default."""
    return _if_allowed(default_boundaries(num_layers), allowed)


def last_quarter(num_layers: int, allowed: Sequence[Cell]) -> Proposal:
    """Propose LoRA and biases in the last quarter of the layers, and nothing below (Lee et al. 2019, 1911.03090)."""
    boundary = num_layers - max(1, round(num_layers / 4))
    return _if_allowed((boundary, boundary), allowed)


def reversed_scores(scores: Sequence[float | None]) -> list[float | None]:
    """Return an advisor's scores with the stack turned over: a control that knows as much and has it the wrong way."""
    return list(reversed(scores))


def random_cell(allowed: Sequence[Cell], seed: int = 0) -> Proposal:
    """Propose any cell within the budget, the same for the same seed: a control."""
    return Proposal(random.Random(seed).choice(sorted(allowed))) if allowed else Proposal(None, BEYOND)


def _if_allowed(cell: Cell, allowed: Sequence[Cell]) -> Proposal:
    return Proposal(cell) if cell in allowed else Proposal(None, BEYOND)
