"""Loss and metric over the steps of one run or several, as the run's events tell them."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from spafit.figures.base import empty, in_order, series_style, styled

CURVE_COLUMNS = ("run", "step", "series", "value")
"""The columns of a curve frame; ``series`` is ``loss`` (training), ``eval_loss`` or a metric's name."""


def curve_frame(events_of_runs: Mapping[str, Iterable[Mapping[str, Any]]]) -> pd.DataFrame:
    """The curve frame of events as the store returns them (`Event.to_dict`), by the name each run is shown under."""
    rows: list[tuple[str, int, str, float]] = []
    for run, events in events_of_runs.items():
        for event in events:
            if event["kind"] == "step":
                rows.append((run, event["step"], "loss", event["loss"]))
            elif event["kind"] == "evaluated":
                rows.append((run, event["step"], "eval_loss", event["loss"]))
                rows.extend((run, event["step"], name, value) for name, value in event["metrics"].items())
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def curves(frame: pd.DataFrame, metric: str, baseline: float | None = None) -> go.Figure:
    """Draw loss (above) and a metric (below) over steps.

    Args:
        frame: columns `CURVE_COLUMNS`, one row a point.
        metric: the series drawn below, such as ``accuracy``.
        baseline: the metric's value without learning (majority class or mean), drawn as a dotted line.
    """
    if frame.empty:
        return empty("The first point of the curve appears after a few steps.")
    runs = in_order(frame["run"])
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.5, 0.5])
    for number, run in enumerate(runs):
        color, dash, symbol = series_style(number)
        mine = frame[frame["run"] == run]
        prefix = f"{run}: " if len(runs) > 1 else ""
        for series, label, row, line in (
            ("loss", "training loss", 1, {"color": color, "width": 1.5, "dash": dash}),
            ("eval_loss", "validation loss", 1, {"color": color, "width": 1, "dash": "dot"}),
            (metric, metric, 2, {"color": color, "width": 2, "dash": dash}),
        ):
            points = mine[mine["series"] == series].sort_values("step")
            if points.empty:
                continue
            figure.add_scatter(
                x=points["step"],
                y=points["value"],
                mode="lines" if series == "loss" and len(points) > 1 else "lines+markers",
                line=line,
                marker={"color": color, "symbol": symbol, "size": 7},
                name=run if len(runs) > 1 else label,
                legendgroup=run,
                showlegend=len(runs) == 1
                or series == "loss"
                or (series == metric and "loss" not in set(mine["series"])),
                hovertemplate=f"{prefix}{label} %{{y:.4f}}<br>step %{{x}}<extra></extra>",
                row=row,
                col=1,
            )
    if baseline is not None:
        figure.add_hline(
            y=baseline,
            row=2,
            col=1,
            line={"dash": "dot", "width": 1.5, "color": "#808080"},
            annotation={"text": f"without learning {baseline:.3f}", "font": {"size": 11}},
        )
    styled(figure, height=460)
    figure.update_yaxes(title_text="loss", row=1, col=1)
    figure.update_yaxes(title_text=metric, row=2, col=1)
    figure.update_xaxes(title_text="step", row=2, col=1)
    figure.update_layout(hovermode="closest")
    return figure
