"""A run's two curves: first the metric that counts, beside its baseline; then the losses."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from spafit.palette import CURVE_COLORS
from spafit.runs import Run
from spafit.ui.components.curves import Line, curves, smoothed
from spafit.ui.components.text import metric_name
from spafit.ui.runs.data import Event, baseline_of, loss_name, points


def run_charts(run: Run, events: Sequence[Event], metric: str, columns: int) -> None:
    """Draw the curves so far, beside or below each other; nothing for a run that ended without a point."""
    table = points(events)
    if run.state.over and table.empty:
        return
    series = dict(iter(table.groupby("series", sort=False)))
    when_empty = "it ended before the first point" if run.state.over else "waiting for the first point"
    place = st.container(key=f"charts_{run.id}")
    first, second = place.columns([3, 2]) if columns == 2 else (place.container(), place.container())
    with first:
        _metric(run, series.get(f"validation {metric}"), metric, when_empty)
    with second:
        _losses(run, series.get("loss"), series.get("validation loss"), metric, when_empty)


def _metric(run: Run, measured: pd.DataFrame | None, metric: str, when_empty: str) -> None:
    name, floor = metric_name(metric), baseline_of(run.task)
    lines = []
    if measured is not None:
        x, y = measured["step"].tolist(), measured["value"].tolist()
        lines = [Line(f"validation {name}", CURVE_COLORS["metric"], x, y, dots=True)]
    curves(
        lines,
        key=f"metric_{run.id}",
        title=f"Validation {name}",
        x_label="step",
        y_label=name,
        height=300,
        x_max=run.total_steps,
        y_range=metric_range([0.0 if floor is None else floor]),
        reference=None if floor is None else (f"baseline {floor:.3f}", floor),
        when_empty=when_empty,
    )


def _losses(run: Run, loss: pd.DataFrame | None, checked: pd.DataFrame | None, metric: str, when_empty: str) -> None:
    lines = []
    if loss is not None:
        x, y = loss["step"].tolist(), loss["value"].tolist()
        lines += [Line("per-step loss", CURVE_COLORS["training"], x, y, faint=True)]
        lines += [Line("training", CURVE_COLORS["training"], x, smoothed(y))]
    if checked is not None:
        x, y = checked["step"].tolist(), checked["value"].tolist()
        lines += [Line("validation", CURVE_COLORS["validation"], x, y, dots=True)]
    curves(
        lines,
        key=f"loss_{run.id}",
        title="Loss",
        x_label="step",
        y_label=loss_name(metric),
        height=220 if not run.state.over else 300,
        x_max=run.total_steps,
        y_range=(0.0, 0.1),
        when_empty=when_empty,
    )


def metric_range(values: Sequence[float]) -> tuple[float, float]:
    """Return an axis for a metric, fixed before its first point: from a tenth below the lowest of these values to 1."""
    lowest = min([*values, 1.0])
    return (math.floor(10 * (lowest - 0.02)) / 10 if lowest else 0.0), 1.0
