"""Settings side by side: how much each trains, what a training step costs, and where two of them differ."""

from collections.abc import Callable, Mapping
from math import log10
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from spafit.figures.base import drawn, empty
from spafit.figures.layers import NOTHING_TRAINS, PASS_COLORS, PASSES, Scale, layer_axis
from spafit.palette import KIND_COLORS
from spafit.quantities import bytes_text

Measure = Literal["trainable", "percent", "optimizer", "checkpoint"]
MEASURES: dict[Measure, str] = {
    "trainable": "Trainable parameters",
    "percent": "Share of the model",
    "optimizer": "Optimizer state",
    "checkpoint": "Checkpoint size",
}
_TEXTS: dict[Measure, Callable[[float], str]] = {
    "trainable": lambda value: f"{int(value):,}",
    "percent": lambda value: f"{value:.3g} %",
    "optimizer": bytes_text,
    "checkpoint": bytes_text,
}
MEMORY_PARTS = {
    "weights": "Weights",
    "gradients": "Gradients",
    "optimizer": "Optimizer state",
    "activations": "Activations",
    "workspace": "Workspace",
}
MEMORY_COLORS = {
    "weights": "#A9B8CC",
    "gradients": "#D55E00",
    "optimizer": "#CC79A7",
    "activations": "#0072B2",
    "workspace": "#E69F00",
}
CURRENT_COLOR, OTHER_COLOR = "#D55E00", "#0072B2"


def flops_text(flops: float) -> str:
    """Return a number of operations in three digits: ``4.1 GFLOP``."""
    for unit in ("", "k", "M", "G", "T"):
        if flops < 999.5:
            return f"{flops:.3g} {unit}FLOP"
        flops /= 1000
    return f"{flops:,.3g} PFLOP"


def measure_text(value: float, measure: Measure) -> str:
    """Return a value of a measure as a person reads it."""
    return _TEXTS[measure](value)


def comparison(frame: pd.DataFrame, measure: Measure, scale: Scale = "log") -> go.Figure:
    """Draw one measure for several settings.

    Args:
        frame: columns ``setting``, ``current`` (bool) and the measure; one row a setting, the first drawn on top.
        measure: what to draw; optimizer and checkpoint are in bytes.
        scale: bars on a linear scale, dots on a logarithmic one, where lengths would mislead.
    """
    rows = frame[frame[measure] > 0] if scale == "log" else frame
    if rows.empty or not rows[measure].any():
        return empty(NOTHING_TRAINS)
    linear = scale == "linear"
    marker: dict[str, Any] = {"color": [CURRENT_COLOR if current else OTHER_COLOR for current in rows["current"]]}
    if not linear:
        marker |= {"size": 13, "symbol": ["diamond" if current else "circle" for current in rows["current"]]}
    trace = {
        "type": "bar" if linear else "scatter",
        "x": rows[measure].to_numpy(),
        "y": rows["setting"].tolist(),
        "text": [measure_text(value, measure) for value in rows[measure]],
        "textposition": "outside" if linear else "top center",
        "hovertemplate": f"%{{y}}<br>{MEASURES[measure]}: %{{text}}<extra></extra>",
        "cliponaxis": False,
        "showlegend": False,
        "marker": marker,
    }
    trace |= {"orientation": "h"} if linear else {"mode": "markers+text"}
    low, high = float(rows[measure].min()), float(rows[measure].max())
    across = {
        "type": scale,
        "range": [0, 1.25 * high] if linear else [log10(low) - 0.6, log10(high) + 0.8],
        "title": {"text": MEASURES[measure]},
        "tickformat": "~s",
        "showticklabels": not linear,
    }
    up = {"autorange": "reversed", "categoryorder": "array", "categoryarray": rows["setting"].tolist()}
    margin = {"l": 8, "r": 8, "t": 20, "b": 8}
    return drawn([trace], height=90 + 46 * len(rows), x=across, y=up, margin=margin)


def _stacked(
    frame: pd.DataFrame, names: Mapping[str, str], colors: Mapping[str, str], text: Callable[[float], str]
) -> go.Figure:
    """One horizontal bar per ``setting``, made of the ``value``s of each ``part``, its sum written beside it."""
    if frame.empty:
        return empty("There is no setting to estimate.")
    traces: list[dict[str, Any]] = []
    for part, name in names.items():
        mine = frame[frame["part"] == part]
        traces.append(
            {
                "type": "bar",
                "x": mine["value"].to_numpy(),
                "y": mine["setting"].tolist(),
                "orientation": "h",
                "name": name,
                "marker": {"color": colors[part]},
                "customdata": [text(value) for value in mine["value"]],
                "hovertemplate": f"%{{y}}<br>{name}: %{{customdata}}<extra></extra>",
            }
        )
    totals = frame.groupby("setting", sort=False)["value"].sum()
    traces.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": totals.to_numpy(),
            "y": totals.index.tolist(),
            "text": [f" {text(total)}" for total in totals],
            "textposition": "middle right",
            "showlegend": False,
            "hoverinfo": "skip",
            "cliponaxis": False,
        }
    )
    across = {"range": [0, 1.3 * float(totals.max() or 1)], "showticklabels": False, "showgrid": False}
    up = {"autorange": "reversed", "categoryorder": "array", "categoryarray": totals.index.tolist(), "showgrid": False}
    return drawn(traces, height=110 + 36 * len(totals), x=across, y=up, barmode="stack", bargap=0.35)


def memory(frame: pd.DataFrame) -> go.Figure:
    """Draw a training step's estimated memory: columns ``setting``, ``part`` (as `MEMORY_PARTS`), ``value`` (bytes)."""
    return _stacked(frame, MEMORY_PARTS, MEMORY_COLORS, bytes_text)


def flops(frame: pd.DataFrame) -> go.Figure:
    """Draw a training step's estimated operations: columns ``setting``, ``part`` (as `layers.PASSES`), ``value``."""
    return _stacked(frame, PASSES, PASS_COLORS, flops_text)


def difference(frame: pd.DataFrame) -> go.Figure:
    """Draw B minus A, row by row: columns ``label``, ``a`` and ``b`` (trained parameters of a row), bottom up."""
    if (frame["a"] == frame["b"]).all():
        return empty("A and B train equally many parameters in every layer.")
    frame = frame.assign(column=range(len(frame)), change=frame["b"] - frame["a"])
    traces = []
    for name, color, sign in (("B trains more", CURRENT_COLOR, 1), ("A trains more", OTHER_COLOR, -1)):
        mine = frame[sign * frame["change"] > 0]
        traces.append(
            {
                "type": "bar",
                "x": mine["column"].to_numpy(),
                "y": mine["change"].to_numpy(),
                "name": name,
                "marker": {"color": color},
                "customdata": mine[["a", "b", "label"]].to_numpy().tolist(),
                "hovertemplate": "%{customdata[2]}<br>A: %{customdata[0]:,d}<br>B: %{customdata[1]:,d}<br>"
                "B − A: %{y:+,d}<extra></extra>",
            }
        )
    up = {"tickformat": "~s", "zeroline": True, "zerolinecolor": KIND_COLORS["frozen"], "title": {"text": "B − A"}}
    return drawn(traces, height=280, x=layer_axis(frame["label"].tolist()), y=up, bargap=0.12, showlegend=True)
