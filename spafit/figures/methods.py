"""Settings side by side: how much each trains, what a training step costs, and where two of them differ."""

from collections.abc import Mapping
from math import log10
from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from spafit.figures.base import empty, in_order, styled
from spafit.figures.layers import NOTHING_TRAINS, PASS_COLORS, PASSES, Scale, layer_axis
from spafit.palette import KIND_COLORS

Measure = Literal["trainable", "percent", "optimizer", "checkpoint"]
MEASURES: dict[Measure, str] = {
    "trainable": "Trained numbers",
    "percent": "Share of the model",
    "optimizer": "Optimizer memory",
    "checkpoint": "Checkpoint size",
}
MEMORY_PARTS = {
    "weights": "Weights",
    "gradients": "Gradients",
    "optimizer": "Optimizer",
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


def bytes_text(size: float) -> str:
    """A size in three digits and decimal units: ``538 kB``, ``2.67 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"


def flops_text(flops: float) -> str:
    """A number of operations in three digits: ``4.1 GFLOP``."""
    for unit in ("", "k", "M", "G", "T"):
        if flops < 999.5:
            return f"{flops:.3g} {unit}FLOP"
        flops /= 1000
    return f"{flops:,.3g} PFLOP"


def measure_text(value: float, measure: Measure) -> str:
    """A value of a measure as a person reads it."""
    if measure == "trainable":
        return f"{int(value):,}"
    return f"{value:.3g} %" if measure == "percent" else bytes_text(value)


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
    labels = [measure_text(value, measure) for value in rows[measure]]
    colors = [CURRENT_COLOR if current else OTHER_COLOR for current in rows["current"]]
    common = {
        "x": rows[measure],
        "y": rows["setting"],
        "text": labels,
        "hovertemplate": f"%{{y}}<br>{MEASURES[measure]}: %{{text}}<extra></extra>",
        "cliponaxis": False,
        "showlegend": False,
    }
    figure = go.Figure()
    if scale == "linear":
        figure.add_bar(**common, orientation="h", marker={"color": colors}, textposition="outside")
    else:
        marker = {"color": colors, "size": 13, "symbol": ["diamond" if c else "circle" for c in rows["current"]]}
        figure.add_scatter(**common, mode="markers+text", marker=marker, textposition="top center")
    styled(figure, height=90 + 46 * len(rows))
    low, high = float(rows[measure].min()), float(rows[measure].max())
    span = [0, 1.25 * high] if scale == "linear" else _log_range(low, high)
    figure.update_xaxes(
        type=scale, range=span, title_text=MEASURES[measure], showticklabels=scale == "log", tickformat="~s"
    )
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=list(rows["setting"]), showgrid=True)
    figure.update_layout(margin={"t": 20})
    return figure


def _log_range(low: float, high: float) -> list[float]:
    return [log10(low) - 0.6, log10(high) + 0.8]


def _stacked(frame: pd.DataFrame, names: Mapping[str, str], colors: Mapping[str, str], texts: pd.Series) -> go.Figure:
    """One horizontal bar per ``setting``, made of the ``value``s of each ``part``."""
    figure = go.Figure()
    frame = frame.assign(text=texts)
    for part, name in names.items():
        mine = frame[frame["part"] == part]
        figure.add_bar(
            x=mine["value"],
            y=mine["setting"],
            orientation="h",
            name=name,
            marker={"color": colors[part], "line": {"width": 0}},
            customdata=mine["text"],
            hovertemplate=f"%{{y}}<br>{name}: %{{customdata}}<extra></extra>",
        )
    settings = in_order(frame["setting"])
    styled(figure, height=110 + 36 * len(settings))
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=settings, showgrid=False)
    return figure


def _with_totals(figure: go.Figure, frame: pd.DataFrame, text: Mapping[str, str]) -> go.Figure:
    totals = frame.groupby("setting", sort=False)["value"].sum()
    figure.add_scatter(
        x=totals,
        y=totals.index,
        mode="text",
        text=[f" {text[setting]}" for setting in totals.index],
        textposition="middle right",
        showlegend=False,
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_xaxes(range=[0, 1.3 * float(totals.max() or 1)], showticklabels=False, showgrid=False)
    return figure


def memory(frame: pd.DataFrame) -> go.Figure:
    """Draw a training step's estimated memory: columns ``setting``, ``part`` (as `MEMORY_PARTS`), ``value`` (bytes)."""
    if frame.empty:
        return empty("There is no setting to estimate.")
    totals = frame.groupby("setting", sort=False)["value"].sum().map(bytes_text)
    figure = _stacked(frame, MEMORY_PARTS, MEMORY_COLORS, frame["value"].map(bytes_text))
    return _with_totals(figure, frame, totals.to_dict())


def flops(frame: pd.DataFrame) -> go.Figure:
    """Draw a training step's estimated operations: columns ``setting``, ``part`` (as `layers.PASSES`), ``value``."""
    if frame.empty:
        return empty("There is no setting to estimate.")
    totals = frame.groupby("setting", sort=False)["value"].sum().map(flops_text)
    figure = _stacked(frame, PASSES, PASS_COLORS, frame["value"].map(flops_text))
    return _with_totals(figure, frame, totals.to_dict())


def difference(frame: pd.DataFrame) -> go.Figure:
    """Draw B minus A, layer by layer: columns ``label``, ``a`` and ``b`` (trained numbers of a row)."""
    if (frame["a"] == frame["b"]).all():
        return empty("A and B train the same numbers in every layer.")
    change = frame["b"] - frame["a"]
    figure = go.Figure()
    for name, color, rows in (("B trains more", CURRENT_COLOR, change > 0), ("A trains more", OTHER_COLOR, change < 0)):
        mine = frame[rows]
        figure.add_bar(
            x=mine.index,
            y=change[rows],
            name=name,
            marker={"color": color, "line": {"width": 0}},
            customdata=mine[["a", "b", "label"]],
            hovertemplate="%{customdata[2]}<br>A: %{customdata[0]:,d}<br>B: %{customdata[1]:,d}<br>"
            "B − A: %{y:+,d}<extra></extra>",
        )
    styled(figure, height=280, y="B − A")
    figure.update_layout(bargap=0.12)
    figure.update_yaxes(tickformat="~s", zeroline=True, zerolinecolor=KIND_COLORS["frozen"])
    layer_axis(figure, list(frame["label"]))
    return figure
