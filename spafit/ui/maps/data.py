"""The measured map of a model on a task, as the pages show it: read again only when a run has finished since."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from spafit.errors import SpafitError
from spafit.maps import kept
from spafit.maps.contents import contents_now
from spafit.maps.measured import Point, Series, measured_map, nearest, series_of_task
from spafit.maps.series import Contents, series_key
from spafit.runs import Store, tables
from spafit.stratification import LoraSettings, Method, Stratification, method_of
from spafit.tasks import get_task
from spafit.training.config import RunSpec
from spafit.ui.choice import Choice
from spafit.ui.components.text import metric_name

Map = Mapping[str, Any]


def map_of(choice: Choice) -> Map | None:
    """Return the measured map of a choice; None where nothing is measured.

    Of the chosen settings' own series where it has finished runs, else of the series with the newest one.
    """
    store = Store.open()
    finished = tables.finished_mark(store)
    lora = choice.stratification.lora if choice.stratification.uses_lora else LoraSettings()
    mark = (*finished, kept.mark())
    return _map_of(str(store.where), mark, choice.model, choice.task, choice.settings, lora, choice.stratification)


@st.cache_data(max_entries=32, show_spinner=False)
def _map_of(
    where: str,
    mark: tuple[int, str, kept.Mark],
    model: str,
    task: str,
    settings: Any,
    lora: LoraSettings,
    _any: Stratification,
) -> Map | None:
    """Read it; where the store is and which runs are finished tell one reading from the next."""
    found = series_of_task(Store.open(), model, task)
    if not found:
        return None
    contents = _contents(found, model, task)
    own = None if contents is None else series_key(RunSpec(model, task, _any, settings), contents)
    series = next((one for one in found if one.key == own), found[0])
    measured = measured_map(series, get_task(task).metric, lora)
    return measured | {"own": series.key == own} if measured["cells"] or measured["methods"] else None


def _contents(found: list[Series], model: str, task: str) -> Contents | None:
    """Return what a run made now would be made of; where all series agree on it, without reading weights and data."""
    known = {Contents(*(one.document[name] for name in ("weights", "data", "engine"))) for one in found}
    return known.pop() if len(known) == 1 else contents_now(model, task)


def point_of(measured: Map, stratification: Stratification) -> Point | None:
    """Return what is measured of exactly this setting, at the rate that its cell shows."""
    points = (*measured["cells"], *measured["methods"])
    return next((point for point in points if point["name"] == stratification.name), None)


def on_the_ribbon(measured: Map | None, stratification: Stratification) -> dict[str, Any] | None:
    """Return what the ribbon needs to say each cell's score while a boundary is dragged, as JSON types.

    Returns:
        "cells": by "N1-N2" the mean, number of seeds and standard error, for SPAFIT; "fixed": the same of a method
        whose boundaries mean nothing; None where there is no map, or the setting is none of its points.
    """
    if measured is None:
        return None
    method = method_of(stratification)
    full = next((point["mean"] for point in measured["methods"] if point["method"] == Method.FULL), None)
    cells = {f"{p['n1']}-{p['n2']}": _short(p) for p in measured["cells"]}
    scores: dict[str, Any] = {
        "metric": metric_name(measured["metric"]),
        "baseline": measured["baseline"],
        "full": full,
        "best": None if measured["best"] is None else "-".join(str(number) for number in measured["best"]),
        "best_mean": max((point["mean"] for point in measured["cells"]), default=None),
        "cells": {},
        "fixed": None,
    }
    if method is Method.SPAFIT:
        return scores | {"cells": cells}
    point = None if method is None else point_of(measured, stratification)
    return scores | {"fixed": None if point is None else _short(point)}


def _short(point: Point) -> list[float | int | None]:
    return [point["mean"], point["n"], point["standard_error"]]


def nearest_measured(measured: Map, stratification: Stratification) -> str | None:
    """Return the name of the measured cell next to a setting that is not measured."""
    if method_of(stratification) is not Method.SPAFIT:
        return None
    found = nearest(measured["cells"], (stratification.n1, stratification.n2))
    return None if found is None else found["name"]


def readable(choice: Choice) -> Map | None:
    """Return `map_of`; None too where the task or the store cannot be read, which other parts of a page say."""
    try:
        return map_of(choice)
    except SpafitError:
        return None
