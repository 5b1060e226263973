"""What came out of a class's runs, in the terms of its guesses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spafit.classroom.board import entries
from spafit.classroom.guesses import CELL, LAYER, SCORE
from spafit.runs import Run, State


def outcome(runs: Iterable[Run], metric: str) -> tuple[dict[str, Any], Run | None]:
    """Return what the boundaries and the score of the best setting are, and the run whose layers are looked at."""
    known = list(runs)
    found = entries(known, metric)
    if not found:
        return {}, None
    truth: dict[str, Any] = {SCORE: found[0].score}
    if (cell := next((entry.cell for entry in found if entry.cell is not None), None)) is not None:
        truth[CELL] = list(cell)
    winners = [run for run in known if run.state is State.FINISHED and run.stratification == found[0].name]
    return truth, max(winners, key=lambda run: run.validation_metrics.get(metric, 0.0))


def most_changed_layer(events: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the layer that a run's training changed most, as an answer; nothing where its end does not say.

    The sum over its kinds of parameters, those that start at zero left out: there is nothing to compare them with.
    """
    changed: dict[int, float] = {}
    for change in events[-1].get("changes") or () if events else ():
        if change["row"] == "layer" and not change["absolute"]:
            changed[change["layer"]] = changed.get(change["layer"], 0.0) + change["ratio"]
    return {LAYER: max(changed, key=lambda layer: changed[layer])} if changed else {}
