"""One sweep at its permanent address: the triangle that fills, and a row for each run."""

import pandas as pd
import streamlit as st

from spafit.errors import SpafitError
from spafit.export.runs_report import report_on
from spafit.maps import sweep as sweeping
from spafit.models.anatomy import Anatomy
from spafit.runs import State, Store, attend, sweeps
from spafit.tasks import TaskError, get_task
from spafit.ui.anatomies import anatomy_of
from spafit.ui.components.download import download
from spafit.ui.components.errors import show_error
from spafit.ui.components.ribbon import setting_map
from spafit.ui.components.text import metric_name
from spafit.ui.sweeps.list import draw
from spafit.ui.visitor import actor

Values = dict[str, object]
FEW = 12
"""Rows that a table shows without scrolling."""


@st.fragment(run_every=2.0)
def sweep_view(sweep_id: str) -> None:
    """Draw it, again every two seconds."""
    try:
        attend()
        store = Store.open()
        sweep = sweeps.get(store, sweep_id)
        rows = sweeping.rows(store, sweep)
        anatomy = anatomy_of(sweep.definition["model"])
    except SpafitError as error:
        show_error(error)
        return
    now = sweeping.progress(sweep, rows)
    draw(store, sweep, now, actor(), link=False)
    if now.finished:
        download(
            "Report",
            lambda: sweep_report(store, sweep),
            f"{sweep.id}.html",
            icon=":material/print:",
            help="One page to print or hand in: every finished setting with its score, and the map.",
        )
    metric = _metric(sweep.definition["task"])
    triangle, table = st.container(key="charts_sweep").columns([4, 5])
    with triangle:
        _triangle(anatomy, rows, metric)
    with table:
        _table(rows, metric)


def sweep_report(store: Store, sweep: sweeps.Sweep) -> str:
    """Return the page about a sweep's finished runs as HTML."""
    return report_on([run for run in sweeps.runs_of(store, sweep) if run.state is State.FINISHED])[0]


def _metric(task: str) -> str:
    try:
        return get_task(task).metric
    except TaskError:
        return ""


def _triangle(anatomy: Anatomy, rows: list[sweeping.Row], metric: str) -> None:
    values = cells_so_far(rows, metric)
    if not values["cells"]:
        st.caption("The triangle fills as cells finish.")
        return
    first = next(row.spec.stratification for row in rows if row.to_dict()["n1"] is not None)
    setting_map(anatomy, first, key="sweep_map", values=values)


def cells_so_far(rows: list[sweeping.Row], metric: str) -> Values:
    """Return what colours the triangle: by cell the mean of the finished runs, at the rate where that is highest."""
    scores: dict[tuple[str, float], list[float]] = {}
    for row in rows:
        cell = row.to_dict()
        if cell["state"] == State.FINISHED and cell["n1"] is not None and metric in cell["validation_metrics"]:
            place = (f"{cell['n1']}-{cell['n2']}", cell["lr"])
            scores.setdefault(place, []).append(cell["validation_metrics"][metric])
    cells: dict[str, list[object]] = {}
    for (cell, _rate), found in sorted(scores.items(), key=lambda item: sum(item[1]) / len(item[1])):
        mean = sum(found) / len(found)
        cells[cell] = [mean, f"{mean:.3f}", len(found)]
    return {"name": metric_name(metric) if metric else "Score", "cells": cells}


def _table(rows: list[sweeping.Row], metric: str) -> None:
    documents = [row.to_dict() for row in rows]
    frame = pd.DataFrame(
        {
            "Setting": [one["name"] for one in documents],
            "Seed": [one["seed"] for one in documents],
            "Rate": [f"{one['lr']:g}" for one in documents],
            "State": [one["state"] for one in documents],
            "Validation": [one["validation_metrics"].get(metric) for one in documents],
            "Trainable": [one["trainable"] for one in documents],
            "Seconds": [one["seconds"] for one in documents],
            "Run": [None if one["run"] is None else f"/runs?run={one['run']}" for one in documents],
            "Reason": [(row.run.reason if row.run is not None else None) or "" for row in rows],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=480 if len(rows) > FEW else "auto",
        placeholder="",
        key="sweep_table",
        column_config={
            "Validation": st.column_config.NumberColumn(format="%.3f"),
            "Seconds": st.column_config.NumberColumn(format="%.0f"),
            "Run": st.column_config.LinkColumn(display_text="open"),
        },
    )
