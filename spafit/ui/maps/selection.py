"""Which points of a map are selected: one choice for the triangle, the picture of the points and the table."""

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from spafit.maps.cells import Cell
from spafit.maps.measured import Point
from spafit.palette import KIND_COLORS
from spafit.ui.maps.data import Map

FAINT = KIND_COLORS["frozen"]
PICTURE = "explore_map_points"
_SELECTED, _ELSEWHERE = "map_selected", "map_selected_elsewhere"


def selected() -> tuple[str, ...]:
    """Return the names of the selected points."""
    return st.session_state.get(_SELECTED, ())


def selected_cells(measured: Map | None) -> list[Cell]:
    """Return those of the selected points that are cells of the triangle."""
    points = [] if measured is None else measured["cells"]
    return [(point["n1"], point["n2"]) for point in points if point["name"] in selected()]


def select(names: Iterable[str]) -> None:
    """Select points, from anywhere but the table, which then shows them first."""
    st.session_state[_SELECTED] = tuple(names)
    count, _before = st.session_state.get(_ELSEWHERE, (0, ()))
    st.session_state[_ELSEWHERE] = (count + 1, selected())


def select_cells(measured: Map, cells: Sequence[Cell]) -> None:
    """Select what is measured of these cells."""
    select(point["name"] for point in measured["cells"] if (point["n1"], point["n2"]) in cells)


def select_in_picture() -> None:
    """Take over what was clicked or framed in the picture of the points."""
    points = st.session_state[PICTURE]["selection"]["points"]
    select(dict.fromkeys(point["customdata"][0] for point in points if point.get("customdata")))


def selectable(figure: go.Figure) -> go.Figure:
    """Return the figure in which dragging frames points; where some are selected the others are faint."""
    figure.update_layout(dragmode="select")
    names = selected()
    if names:
        for trace in figure.data:
            if trace.customdata is not None:
                trace.selected = {"marker": {"size": 13}}
                trace.unselected = {"marker": {"opacity": 0.3}, "textfont": {"color": FAINT}}
                trace.selectedpoints = [place for place, row in enumerate(trace.customdata) if row[0] in names]
    return figure


def in_order(points: Iterable[Point]) -> list[Point]:
    """Return a table's points: those first that were selected elsewhere, then the best."""
    _count, first = st.session_state.get(_ELSEWHERE, (0, ()))
    return sorted(points, key=lambda point: (point["name"] not in first, -point["mean"]))


def table_options(points: Sequence[Point]) -> dict[str, Any]:
    """Return the options of the table of these points: it begins anew when the selection came from elsewhere."""
    count, first = st.session_state.get(_ELSEWHERE, (0, ()))
    key, names = f"explore_map_table_{count}", [point["name"] for point in points]

    def take() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        st.session_state[_SELECTED] = tuple(names[row] for row in rows if row < len(names))

    known = [place for place, name in enumerate(names) if name in first]
    return {
        "key": key,
        "on_select": take,
        "selection_mode": "multi-row",
        "selection_default": {"selection": {"rows": known, "columns": [], "cells": []}},
    }
