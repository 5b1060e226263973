"""How good a proposal turns out on a measured map: its regret, left-one-seed-out, and its rank. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from spafit.maps.cells import Cell
from spafit.maps.statistics import Scores, Summary, summarize

MAPS_TO_RANK = 5
TOO_FEW_MAPS = "{maps} measured maps are too few to rank advisors; it takes {needed}."


@dataclass(frozen=True)
class Scored:
    """A proposal beside the best cell within its budget."""

    regret: Summary
    """Best cell minus proposal on the seed that was left out, over the seeds; below 0 the proposal won."""
    rank: int
    """Of the proposal's mean score among the measured cells within the budget, 1 for the best."""
    cells: int
    """How many cells that are."""


def score(measured: Mapping[Cell, Scores], proposal: Cell, allowed: Sequence[Cell]) -> Scored | None:
    """Return how a proposed cell compares with the best one within its budget.

    For each seed the best cell is chosen on all the others, and both are scored on that one: chosen and judged on the
    same runs, the best of many cells would look better than it is. Only seeds that every measured cell has count.

    Returns:
        None where the proposal was not measured, or fewer than two seeds are shared.
    """
    within = {cell: measured[cell] for cell in allowed if measured.get(cell)}
    if proposal not in within:
        return None
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in within.values())))
    if len(seeds) < 2:
        return None
    regrets = []
    for left_out in seeds:
        others = [seed for seed in seeds if seed != left_out]
        best = max(sorted(within), key=lambda cell: fmean(within[cell][seed] for seed in others))
        regrets.append(within[best][left_out] - within[proposal][left_out])
    means = {cell: fmean(by_seed[seed] for seed in seeds) for cell, by_seed in within.items()}
    rank = 1 + sum(mean > means[proposal] for mean in means.values())
    return Scored(summarize(regrets), rank, len(within))


def ranking_caveat(maps: int) -> str | None:
    """Return why no ranking of advisors follows from so few maps; None where there are enough."""
    return None if maps >= MAPS_TO_RANK else TOO_FEW_MAPS.format(maps=maps, needed=MAPS_TO_RANK)
