"""The board: what all finished runs of one model and task have reached, for everybody to see. Pure.

What is ranked is the validation score. Runs that differ in nothing but their seed are one entry, with the mean.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spafit.runs.run import Origin, Run, State

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


def entries(runs: Iterable[Run], metric: str) -> list[Entry]:
    """Return the settings that have a validation score, the best first; of equal ones the one that trains less.

    Only runs of this installation count: imported and recorded ones are nobody's here.
    """
    settings: dict[str, list[Run]] = {}
    for run in runs:
        if run.state is State.FINISHED and run.origin == Origin.LOCAL and metric in run.validation_metrics:
            settings.setdefault(_setting(run), []).append(run)
    found = [_entry(same, metric) for same in settings.values()]
    return sorted(found, key=lambda entry: (-entry.score, entry.trainable, entry.name))


def _setting(run: Run) -> str:
    """Return what a run's setting is, whatever its seed."""
    document = dict(run.spec_document)
    document["settings"] = {k: v for k, v in document.get("settings", {}).items() if k != "seed"}
    return json.dumps(document, sort_keys=True)


def _entry(same: Sequence[Run], metric: str) -> Entry:
    oldest_first = sorted(same, key=lambda run: run.number)
    names = tuple(dict.fromkeys(run.owner or NOBODY for run in oldest_first))
    score = statistics.fmean(run.validation_metrics[metric] for run in oldest_first)
    first = oldest_first[0]
    return Entry(first.stratification, names, first.trainable or 0, score, len(oldest_first))
