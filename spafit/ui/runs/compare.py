"""Several runs in one chart."""

from collections.abc import Sequence

import streamlit as st

from spafit.palette import RUN_COLORS
from spafit.runs import Run
from spafit.ui.components.curves import Line, curves, smoothed
from spafit.ui.components.text import metric_name
from spafit.ui.runs.charts import metric_range
from spafit.ui.runs.data import baseline_of, events_of, loss_name, points, primary_metric
from spafit.ui.runs.naming import run_label, task_name

MOST_RUNS = len(RUN_COLORS)
DASHES = ("", "6 3", "2 3")


def compare(runs: Sequence[Run]) -> None:
    """Draw the runs' training loss and primary metric over steps, epochs or seconds, a color for each run.

    Runs of one task are drawn beside their baseline.
    """
    if len(runs) > MOST_RUNS:
        st.info(f"The first {MOST_RUNS} of the {len(runs)} selected runs are drawn.")
        runs = runs[:MOST_RUNS]
    metrics = sorted({primary_metric(run) for run in runs})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = st.segmented_control("X axis", ("step", "epoch", "seconds"), default="step", required=True, key="axis")
        metric = metrics[0]
        if len(metrics) > 1:
            metric = st.selectbox("Metric", metrics, format_func=metric_name, key="metric", width=220)
    x_label = "seconds since the launch" if axis == "seconds" else str(axis)
    losses, measured = [], []
    for number, (run, label) in enumerate(zip(runs, labels_of(runs), strict=True)):
        table = points(events_of(run))
        color, dash = RUN_COLORS[number], DASHES[number % len(DASHES)]
        for series, lines in (("loss", losses), (f"validation {metric}", measured)):
            rows = table[table["series"] == series]
            if len(rows):
                values = rows["value"].tolist()
                y = smoothed(values) if series == "loss" else values
                lines.append(Line(label, color, rows[str(axis)].tolist(), y, dots=series != "loss", dash=dash))
    left, right = st.columns([3, 2])
    with right:
        units = " or ".join(sorted({loss_name(primary_metric(run)) for run in runs}))
        title = "Training loss, smoothed"
        curves(losses, key="compare_loss", title=title, x_label=x_label, y_label=units, height=300, y_range=(0.0, 0.1))
    with left:
        name = metric_name(metric)
        floor = baseline_of(runs[0].task) if len({run.task for run in runs}) == 1 else None
        curves(
            measured,
            key="compare_metric",
            title=f"Validation {name}",
            x_label=x_label,
            y_label=name,
            y_range=metric_range([value for line in measured for value in line.y]),
            reference=None if floor is None else (f"baseline {floor:.3f}", floor),
            height=300,
        )


def labels_of(runs: Sequence[Run]) -> list[str]:
    """Return a label for each run: its name, whatever of task, model and seed differs among them, its id if need be."""
    facts = [(run_label(run), task_name(run.task), run.model, f"seed {run.seed}") for run in runs]
    telling = [0] + [place for place in (1, 2, 3) if len({fact[place] for fact in facts}) > 1]
    labels = [" · ".join(fact[place] for place in telling) for fact in facts]
    return [
        label if labels.count(label) == 1 else f"{label} · {run.id}" for label, run in zip(labels, runs, strict=True)
    ]
