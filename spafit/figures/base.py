"""What all figures share: transparent ground, room for 400 px, and a sentence instead of an empty chart."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

SERIES_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")
"""Okabe and Ito's hues in an order in which neighbors differ in lightness too."""
GRID = "rgba(128,128,128,0.22)"


def common_layout(*, height: int, x: str = "", y: str = "") -> dict[str, Any]:
    """Return the layout of every figure; ``x`` and ``y`` are the axes' titles."""
    axis = {"automargin": True, "gridcolor": GRID, "zeroline": False}
    return {
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "legend": {
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "xanchor": "left",
            "x": 0,
            "title": {"text": ""},
            "traceorder": "normal",
        },
        "hoverlabel": {"namelength": -1},
        "modebar": {"bgcolor": "rgba(0,0,0,0)"},
        "separators": ".,",
        "xaxis": axis | ({"title": {"text": x}} if x else {}),
        "yaxis": axis | ({"title": {"text": y}} if y else {}),
    }


def drawn(
    traces: Sequence[Mapping[str, Any]],
    *,
    height: int,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """Return a figure of traces written as plotly's JSON; ``x``, ``y`` and ``layout`` go over the common layout.

    Made in one go, because every later update of a figure costs milliseconds, and these are redrawn at each move.
    """
    common = common_layout(height=height)
    common |= {"xaxis": common["xaxis"] | dict(x or {}), "yaxis": common["yaxis"] | dict(y or {})}
    return go.Figure({"data": list(traces), "layout": common | layout})


def styled(figure: go.Figure, *, height: int, x: str = "", y: str = "") -> go.Figure:
    """Give a finished figure the common layout and return it."""
    layout = common_layout(height=height, x=x, y=y)
    across, up = layout.pop("xaxis"), layout.pop("yaxis")
    figure.update_layout(layout)
    figure.update_xaxes(across)
    figure.update_yaxes(up)
    return figure


def empty(sentence: str, *, height: int = 220) -> go.Figure:
    """Return a figure that says why there is nothing to draw."""
    hidden = {"visible": False}
    place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    note = place | {"text": sentence, "showarrow": False, "font": {"size": 14}}
    return drawn([], height=height, x=hidden, y=hidden, annotations=[note])


def in_order(values: Sequence[str]) -> list[str]:
    """Return the distinct values in their first order."""
    return list(dict.fromkeys(values))
