"""What the measured advisors answered, and the map that proposals are held against; nothing here loads PyTorch."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from spafit.maps import kept
from spafit.maps.cells import Cell
from spafit.maps.measured import measured_map, series_of_task
from spafit.maps.statistics import Scores
from spafit.runs import Origin, Store, tables
from spafit.ui.turns import call_in_turn

SECONDS = 300.0
MOST_KEPT = 50
MAP_CELLS = 6
"""Measured cells that make a map."""

Answers = dict[str, dict[str, Any]]


@st.cache_resource
def _kept() -> dict[tuple[str, str], Answers]:
    return {}


def known(model: str, task: str) -> Answers | None:
    """Return what the advisors answered for this model and task since the app was started; None if nobody asked."""
    return _kept().get((model, task))


def recorded(model: str, task: str, layers: int) -> tuple[Answers, str] | None:
    """Return what the advisors answered when a kept map was made, and where that was; None where no map has that."""
    for made in kept.of_task(model, task):
        if made.document["advice"] and made.document["layers"] == layers:
            where = "" if made.origin is Origin.RECORDED else f" ({made.document['origin']})"
            return dict(made.document["advice"]), f"{made.origin.value} map{where}"
    return None


def ask(model: str, task: str) -> Answers:
    """Ask the measured advisors, for all visitors, in a process of its own.

    Raises:
        SpafitError: the model or the data cannot be used, or it took too long.
    """
    if (found := known(model, task)) is None:
        arguments = {"model": model, "task": task}
        found = call_in_turn("spafit.advice.measured:measure", arguments, doing="Asking the advisors", seconds=SECONDS)
        while len(_kept()) >= MOST_KEPT:
            _kept().pop(next(iter(_kept())))
        _kept()[model, task] = found
    return found


@dataclass(frozen=True)
class Measured:
    """The measured cells of the largest series of a model on a task."""

    scores: dict[Cell, Scores]
    maps: int
    """How many models and tasks have a map here, this one included."""
    origins: tuple[str, ...]


def measured(model: str, task: str, metric: str) -> Measured | None:
    """Return the map to score proposals on; None where too few cells were measured."""
    store = Store.open()
    mark = (*tables.finished_mark(store), kept.mark())
    return _measured(str(store.where), mark, model, task, metric)


@st.cache_data(max_entries=32, show_spinner=False)
def _measured(where: str, mark: tuple[int, str, kept.Mark], model: str, task: str, metric: str) -> Measured | None:
    """Read it; where the store is and which runs are finished tell one reading from the next."""
    store = Store.open()
    series = series_of_task(store, model, task)
    if not series:
        return None
    found = measured_map(max(series, key=lambda one: len(one.runs)), metric)
    scores: dict[Cell, Scores] = {
        (cell["n1"], cell["n2"]): {int(seed): score for seed, score in cell["scores"].items()}
        for cell in found["cells"]
    }
    if len(scores) < MAP_CELLS:
        return None
    pairs = tables.mapped(store, MAP_CELLS) | kept.mapped(MAP_CELLS)
    return Measured(scores, len(pairs), tuple(found["origins"]))
