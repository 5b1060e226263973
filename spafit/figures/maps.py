"""A map's points side by side: score against trained parameters, with the Pareto front."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from spafit.figures.base import SERIES_COLORS, drawn, empty

FRONT, CELLS, METHODS = "Pareto front", "Cells", "Methods"


def pareto(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the points that none beats with as few trained parameters, the one that trains least first."""
    front: list[Mapping[str, Any]] = []
    for point in sorted(points, key=lambda point: (point["trainable"], -point["mean"])):
        if not front or point["mean"] > front[-1]["mean"]:
            front.append(point)
    return front


def score_against_parameters(
    cells: Sequence[Mapping[str, Any]],
    methods: Sequence[Mapping[str, Any]],
    *,
    metric: str,
    baseline: float | None,
    now: str = "",
) -> go.Figure:
    """Draw points of a measured map (see `spafit.maps.measured`), methods named, bars of a standard error.

    Args:
        cells: of the triangle.
        methods: beside it.
        metric: the score's name.
        baseline: drawn as a line where it is known.
        now: the name of the point that is looked at.
    """
    known = [point for point in (*cells, *methods) if point["trainable"]]
    if not known:
        return empty("Nothing is measured yet.")
    front = pareto(known)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": FRONT,
            "x": [point["trainable"] for point in front],
            "y": [point["mean"] for point in front],
            "line": {"color": SERIES_COLORS[7], "dash": "dot", "shape": "hv"},
            "hoverinfo": "skip",
        }
    ]
    for name, group, color, symbol in ((CELLS, cells, 0, "circle"), (METHODS, methods, 1, "diamond")):
        shown = [point for point in group if point["trainable"]]
        if shown:
            traces.append(_points(name, shown, SERIES_COLORS[color], symbol, now))
    layout: dict[str, Any] = {}
    if baseline is not None:
        line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": baseline, "y1": baseline}
        layout["shapes"] = [line | {"line": {"color": SERIES_COLORS[7], "width": 1}}]
        layout["annotations"] = [
            {"xref": "paper", "x": 1, "y": baseline, "text": "baseline", "showarrow": False, "xanchor": "right"}
            | {"yanchor": "bottom"}
        ]
    across = {"type": "log", "title": {"text": "Trainable parameters"}, "tickformat": "~s"}
    return drawn(traces, height=420, x=across, y={"title": {"text": f"{metric} (validation)"}}, **layout)


def _points(name: str, points: Sequence[Mapping[str, Any]], color: str, symbol: str, now: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text" if name == METHODS else "markers",
        "name": name,
        "x": [point["trainable"] for point in points],
        "y": [point["mean"] for point in points],
        "error_y": {
            "type": "data",
            "array": [point["standard_error"] or 0 for point in points],
            "thickness": 1,
            "width": 3,
        },
        "text": [point["name"] for point in points],
        "textposition": "top center",
        "customdata": [[point["name"], point["n"], point["lr"]] for point in points],
        "hovertemplate": "%{customdata[0]}<br>%{y:.3f}, n = %{customdata[1]}, rate %{customdata[2]:g}<br>"
        "%{x:,d} parameters train<extra></extra>",
        "marker": {
            "color": color,
            "symbol": symbol,
            "size": [15 if point["name"] == now else 9 for point in points],
            "line": {"width": [2 if point["name"] == now else 0 for point in points], "color": "#10151C"},
        },
    }
