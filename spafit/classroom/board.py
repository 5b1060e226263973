"""The board: what all finished runs of one model and task have reached, for everybody to see. Pure.

What is ranked is the validation score. Runs that differ in nothing but their seed are one entry, with the mean.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spafit.maps.repeats import Repeats, repeats
from spafit.runs.run import Origin, Run, State
from spafit.stratification import Method

NOBODY = "no name"


@dataclass(frozen=True)
class Entry:
    """One setting on the board."""

    name: str
    """Of the stratification."""
    owners: tuple[str, ...]
    """The names of those who ran it, in their first order."""
    trainable: int
    score: float
    """The mean of the validation scores."""
    runs: int
    cell: tuple[int, int] | None = None
    """Its boundaries, where it has any to choose."""
    test: float | None = None
    """The mean of the test scores, as far as they are to be seen."""


def entries(runs: Iterable[Run], metric: str) -> list[Entry]:
    """Return the settings that have a validation score, the best first; of equal ones the one that trains less.

    Only runs of this installation count: imported and recorded ones are nobody's here.
    """
    counted = [run for run in runs if run.state is State.FINISHED and run.origin == Origin.LOCAL]
    found = [_entry(same, scores, metric) for same in repeats(counted) if (scores := same.scores(metric))]
    return sorted(found, key=lambda entry: (-entry.score, entry.trainable, entry.name))


def _entry(same: Repeats, scores: Mapping[int, float], metric: str) -> Entry:
    oldest_first = sorted(same.runs, key=lambda run: run.number)
    names = tuple(dict.fromkeys(run.owner or NOBODY for run in oldest_first))
    first = oldest_first[0]
    score = statistics.fmean(scores.values())
    cell = (
        (first.n1, first.n2)
        if first.method == Method.SPAFIT and first.n1 is not None and first.n2 is not None
        else None
    )
    tests = [run.metrics[metric] for run in same.runs if metric in run.metrics]
    test = statistics.fmean(tests) if tests else None
    return Entry(first.stratification, names, first.trainable or 0, score, len(scores), cell, test)


def cells(found: Iterable[Entry]) -> dict[tuple[int, int], float]:
    """Return the best score at each pair of boundaries."""
    best: dict[tuple[int, int], float] = {}
    for entry in found:
        if entry.cell is not None:
            best[entry.cell] = max(entry.score, best.get(entry.cell, entry.score))
    return best
