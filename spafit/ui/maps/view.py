"""Explore's view of a measured map: the triangle coloured by one measure, score against parameters, and the table."""

import functools

import pandas as pd
import streamlit as st

from spafit.maps.measured import Point
from spafit.models.anatomy import Anatomy
from spafit.stratification import Method, Stratification, preset
from spafit.ui.choice import commit, current
from spafit.ui.components.ribbon import setting_map
from spafit.ui.components.text import plain
from spafit.ui.maps.data import Map, map_of, nearest_measured, point_of
from spafit.ui.maps.files import map_files
from spafit.ui.maps.launch import train_area, train_here
from spafit.ui.maps.memory import LABEL, memory_values
from spafit.ui.maps.pictures import MEASURES, points_figure, values_of
from spafit.ui.maps.real import is_it_real
from spafit.ui.maps.replay import replay
from spafit.ui.maps.selection import (
    PICTURE,
    in_order,
    select_cells,
    select_in_picture,
    selectable,
    selected,
    selected_cells,
    table_options,
)
from spafit.ui.pickers import take_boundaries
from spafit.ui.runs.naming import task_name

WHY_VALIDATION = (
    "The score is the one on validation: settings are chosen by it, and choosing by the test score would use that up. "
    "A run's test score stands on its own page."
)


def map_tab(anatomy: Anatomy, stratification: Stratification) -> None:
    """Draw the training of what is looked at, the triangle and the points of its map."""
    measured = map_of(current())
    train_here(stratification)
    train_area(anatomy)
    if measured is not None and replay(measured, anatomy, stratification):
        return
    if measured is None:
        st.info(
            f"No finished run of {plain(anatomy.name)} on {plain(task_name(current().task))} says how well a boundary "
            "works yet. Train this one, or an area at once; each lands here when it is done.",
            icon=":material/grid_on:",
        )
    measured_map_of(anatomy, stratification, measured)
    map_files(measured)


def measured_map_of(anatomy: Anatomy, stratification: Stratification, measured: Map | None) -> None:
    """Draw the triangle, coloured by one measure, and beside it the points of what is measured."""
    labels = MEASURES | {"memory": LABEL}
    measure = st.segmented_control(
        "Colour",
        ["trainable", "memory"] if measured is None else list(labels),
        format_func=labels.__getitem__,
        default="trainable" if measured is None else "score",
        required=True,
        key="explore_map_measure" if measured is not None else "explore_map_alone",
        wrap=True,
    )
    measured_cells = [] if measured is None else [(point["n1"], point["n2"]) for point in measured["cells"]]
    if measure == "memory":
        values = memory_values(anatomy, stratification, current().step, measured_cells)
    else:
        values = None if measured is None else values_of(measured, measure)
    picture, beside = st.container(key="charts_map").columns([1, 1])
    with picture:
        setting_map(
            anatomy,
            stratification,
            key="explore_map",
            on_split=take_boundaries,
            values=values,
            selected=selected_cells(measured),
            on_select=None if measured is None else functools.partial(select_cells, measured),
        )
    if measured is None:
        beside.caption("Each square is a pair of boundaries; the brighter, the more parameters train. Click one.")
        return
    with beside:
        _points(measured, stratification)
    _table(measured)
    is_it_real(measured)
    _said(measured, stratification)


def _points(measured: Map, stratification: Stratification) -> None:
    figure = points_figure(measured, stratification)
    st.plotly_chart(
        selectable(figure),
        key=PICTURE,
        on_select=select_in_picture,
        selection_mode=("points", "box"),
        config={"displayModeBar": False},
        alt="Validation score against trained parameters; the table below has the numbers.",
    )


def _table(measured: Map) -> None:
    """Draw all points, the selected ones ticked; where one is, it can become the setting."""
    points = in_order((*measured["cells"], *measured["methods"]))
    frame = pd.DataFrame(
        {
            "Setting": [point["name"] for point in points],
            "Score": [f"{point['mean']:.3f}" for point in points],
            "± SE": ["" if point["standard_error"] is None else f"{point['standard_error']:.3f}" for point in points],
            "n": [point["n"] for point in points],
            "Rate": [f"{point['lr']:g}" for point in points],
            "Rates tried": [len(point["rates"]) for point in points],
            "Trainable": [point["trainable"] for point in points],
            "Seconds": [point["seconds"] for point in points],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        height=230,
        column_config={
            "Trainable": st.column_config.NumberColumn(format="localized"),
            "Seconds": st.column_config.NumberColumn(format="%.0f"),
        },
        **table_options(points),
    )
    ticked = [point for point in points if point["name"] in selected()]
    if len(ticked) == 1:
        _offer(ticked[0])
    else:
        st.caption("Select rows, points or an area of the triangle: they are marked in all three.")


def _offer(point: Point) -> None:
    st.button(
        f"Go to {point['name']}",
        icon=":material/arrow_upward:",
        key="explore_map_go",
        on_click=_go_to,
        args=(point["method"], point["n1"], point["n2"]),
    )


def _go_to(method: str, n1: int | None, n2: int | None) -> None:
    num_layers, lora = current().stratification.num_layers, current().stratification.lora
    bounds = {} if n1 is None or n2 is None else {"n1": n1, "n2": n2}
    commit(stratification=preset(Method(method), num_layers, lora=lora, **bounds))


def _said(measured: Map, stratification: Stratification) -> None:
    """Say what the map rests on, and what is not measured."""
    if point_of(measured, stratification) is None:
        near = nearest_measured(measured, stratification)
        st.caption(f"This setting is not measured.{f' The nearest measured one is {near}.' if near else ''}")
    runs, cells = measured["runs"], (stratification.num_layers + 1) * (stratification.num_layers + 2) // 2
    origins = ", ".join(measured["origins"])
    machines = plain("; ".join(measured["machines"]))
    elsewhere = f" Runs that were not made here ran on {machines}." if machines else ""
    series = "" if measured["own"] else " They were trained with other settings than those that are chosen now."
    st.caption(
        f"{len(measured['cells'])} of {cells} cells are measured, by {runs} runs ({origins}).{elsewhere}{series} "
        f"{WHY_VALIDATION}"
    )
