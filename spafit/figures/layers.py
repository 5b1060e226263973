"""Where the trained parameters are: one column for the embeddings, each layer and the head."""

from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from spafit.figures.base import drawn, empty, in_order
from spafit.palette import KIND_COLORS, KIND_LABELS
from spafit.stratification import Role

Scale = Literal["linear", "log"]
SCALES: tuple[Scale, ...] = ("linear", "log")
KINDS = ("bias", "lora", "weight")
PASSES = {"forward": "Forward", "backward": "Backward"}
PASS_COLORS = {"forward": KIND_COLORS["frozen"], "backward": "#D55E00"}
NOTHING_TRAINS = "Nothing is trained with this setting."


def layer_axis(labels: list[str]) -> dict[str, Any]:
    """Return the x axis with a column per row of the model, at 0, 1, ...; both ends and layers that fit are named."""
    num_layers = len(labels) - 2
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 500) if num_layers / step <= 16)
    layers = (layer for layer in range(step, num_layers + 1, step) if step == 1 or num_layers + 1 - layer >= step)
    ticks = [0, *layers, num_layers + 1]
    return {
        "range": [-0.6, num_layers + 1.6],
        "tickvals": ticks,
        "ticktext": [labels[tick].removeprefix("layer ").replace("embeddings", "emb.") for tick in ticks],
        "tickangle": 0,
        "showgrid": False,
    }


def _draw(
    frame: pd.DataFrame, colors: dict[str, str], names: dict[str, str], order: list[str], scale: Scale
) -> go.Figure:
    """One column per ``label``, made of the positive ``value``s of each ``part``.

    On a log scale lengths would mislead, so there each value is a dot, beside those of its column's other parts.
    """
    frame = frame[frame["value"] > 0]
    if frame.empty:
        return empty(NOTHING_TRAINS)
    column = {label: number for number, label in enumerate(order)}
    frame = frame.assign(column=frame["label"].map(column))
    dots = {"type": "scatter", "mode": "markers"}
    parts = in_order(frame["part"])
    beside = {part: 0.7 * ((number + 0.5) / len(parts) - 0.5) for number, part in enumerate(parts)}
    traces = [
        ({"type": "bar"} if scale == "linear" else dots)
        | {
            "x": mine["column"].to_numpy() + (0 if scale == "linear" else beside[part]),
            "y": mine["value"].to_numpy(),
            "name": names[part],
            "marker": {"color": colors[part]} | ({} if scale == "linear" else {"size": 7}),
            "customdata": mine[["place", "total"]].to_numpy().tolist(),
            "hovertemplate": f"%{{customdata[0]}}<br>{names[part]}: %{{y:,d}}<br>"
            "of %{customdata[1]:,d} in the row<extra></extra>",
        }
        for part, mine in frame.groupby("part", sort=False)
    ]
    up = {"type": scale, "tickformat": "~s", "title": {"text": "trainable parameters"}}
    up |= {"rangemode": "tozero"} if scale == "linear" else {"dtick": "D2"}
    return drawn(traces, height=300, x=layer_axis(order), y=up, barmode="stack", bargap=0.12)


def flops_by_row(frame: pd.DataFrame) -> go.Figure:
    """Draw operations of the forward and backward pass, row by row: columns ``label``, ``forward`` and ``backward``."""
    traces = [
        {
            "type": "bar",
            "x": list(range(len(frame))),
            "y": frame[part].to_numpy(),
            "name": name,
            "customdata": frame["label"].tolist(),
            "marker": {"color": PASS_COLORS[part]},
            "hovertemplate": f"%{{customdata}}<br>{name}: %{{y:.4s}}FLOP<extra></extra>",
        }
        for part, name in PASSES.items()
    ]
    up = {"tickformat": "~s", "title": {"text": "FLOP per step"}}
    return drawn(traces, height=280, x=layer_axis(frame["label"].tolist()), y=up, barmode="stack", bargap=0.12)


def _places(rows: pd.DataFrame) -> list[str]:
    """Return what each column is called on hover: ``layer 5, stratum 2``."""
    named = zip(rows["label"], rows["stratum"], strict=True)
    return [label if pd.isna(stratum) else f"{label}, stratum {stratum}" for label, stratum in named]


def by_kind(frame: pd.DataFrame, scale: Scale = "linear") -> go.Figure:
    """Draw `Counts.frame` as stacked columns of biases, LoRA adapters and weights."""
    rows = frame.assign(place=_places(frame)).melt(
        ["label", "place", "total"], list(KINDS), var_name="part", value_name="value"
    )
    return _draw(rows, KIND_COLORS, KIND_LABELS, list(frame["label"]), scale)


def by_role(frame: pd.DataFrame, scale: Scale = "linear") -> go.Figure:
    """Draw `counting.by_role` as stacked columns of what the trained parameters do in their layer."""
    labels = [
        row if pd.isna(layer) else f"layer {layer}" for row, layer in zip(frame["row"], frame["layer"], strict=True)
    ]
    rows = frame.assign(label=labels, part=frame["role"], value=frame["trainable"])
    rows["place"] = _places(rows)
    roles = in_order(frame["role"])
    fused = {text: [Role(role) for role in text.split("+")] for text in roles}
    names = {text: " + ".join(role.label for role in parts) for text, parts in fused.items()}
    colors = {text: parts[0].color for text, parts in fused.items()}
    return _draw(rows, colors, names, in_order(labels), scale)
