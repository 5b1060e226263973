"""A run's two curves: its losses, and the metric that counts beside what guessing reaches."""

from collections.abc import Sequence

import streamlit as st

from spafit.runs import Run
from spafit.ui.components.curves import METRIC_COLOR, TRAINING_COLOR, VALIDATION_COLOR, Line, curves, smoothed
from spafit.ui.components.text import metric_name
from spafit.ui.runs.data import METRIC_SPAN, Event, baseline_of, loss_name, points


def run_charts(run: Run, events: Sequence[Event], metric: str, columns: int) -> None:
    """Draw the curves so far, beside or below each other; nothing for a run that ended without a point."""
    table = points(events)
    if run.state.over and table.empty:
        return
    series = dict(iter(table.groupby("series", sort=False)))
    loss, checked, measured = (series.get(name) for name in ("loss", "validation loss", f"validation {metric}"))
    lines = []
    if loss is not None:
        x, y = loss["step"].tolist(), loss["value"].tolist()
        lines += [Line("each point", TRAINING_COLOR, x, y, faint=True)]
        lines += [Line("training, smoothed", TRAINING_COLOR, x, smoothed(y))]
    if checked is not None:
        lines += [Line("validation", VALIDATION_COLOR, checked["step"].tolist(), checked["value"].tolist(), dots=True)]
    name, floor = metric_name(metric), baseline_of(run.task)
    growing = []
    if measured is not None:
        x, y = measured["step"].tolist(), measured["value"].tolist()
        growing = [Line(f"validation {name}", METRIC_COLOR, x, y, dots=True)]
    when_empty = "it ended before the first point" if run.state.over else "waiting for the first point"
    left, right = st.columns(2) if columns == 2 else (st.container(), st.container())
    with left:
        curves(
            lines,
            key=f"loss_{run.id}",
            title="Loss",
            x_label="step",
            y_label=loss_name(metric),
            x_max=run.total_steps,
            when_empty=when_empty,
        )
    with right:
        curves(
            growing,
            key=f"metric_{run.id}",
            title=f"Validation {name}",
            x_label="step",
            y_label=name,
            x_max=run.total_steps,
            y_span=METRIC_SPAN,
            reference=None if floor is None else (f"guessing {floor:.3f}", floor),
            when_empty=when_empty,
        )
