"""Several runs compared: curves, scores, what differs, whether it is more than noise; all of it as one CSV."""

from collections.abc import Sequence

import streamlit as st

from spafit.export.runs_report import report_on
from spafit.maps.repeats import Repeats, repeats
from spafit.runs import Run, State
from spafit.ui.components.curves import curves
from spafit.ui.components.download import download
from spafit.ui.components.text import metric_name
from spafit.ui.runs.charts import metric_range
from spafit.ui.runs.csv import comparison_csv
from spafit.ui.runs.data import baseline_of, loss_name, points_of, primary_metric
from spafit.ui.runs.differences import differences
from spafit.ui.runs.lines import AXES, MOST_SETTINGS, Points, lines
from spafit.ui.runs.naming import run_label, task_name
from spafit.ui.runs.real import is_it_real
from spafit.ui.runs.scores import scores_table


def compare(runs: Sequence[Run]) -> None:
    """Draw a comparison; runs that differ in their seed only are one setting."""
    settings = repeats(runs)
    if not settings:
        return
    names = names_of(settings)
    points = {run.id: points_of(run) for setting in settings for run in setting.runs}
    metrics = sorted({primary_metric(run) for run in runs})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        axis = str(
            st.segmented_control(
                "X axis", list(AXES), default="step", required=True, key="axis", persist_state="session"
            )
        )
        metric = metrics[0]
        if len(metrics) > 1:
            metric = st.selectbox("Metric", metrics, format_func=metric_name, key="metric", width=220)
        single = False
        if any(len(setting.runs) > 1 for setting in settings):
            single = st.toggle("Single seeds", key="compare_single", help="A thin line for each run of a band, too.")
        download(
            "All of it (CSV)",
            lambda: comparison_csv(settings, names, points),
            "comparison.csv",
            help="Every point of every run, with its setting and seed.",
        )
        _report([run for setting in settings for run in setting.runs if run.state is State.FINISHED])
    if len(settings) > MOST_SETTINGS:
        st.info(f"The first {MOST_SETTINGS} of the {len(settings)} settings are drawn; the tables have all of them.")
    _charts(settings[:MOST_SETTINGS], names[:MOST_SETTINGS], points, metric, axis, single)
    scores_table(settings, names, points, metric)
    is_it_real(settings, names, metric)
    differences(settings, names)


def _report(finished: Sequence[Run]) -> None:
    """Offer a page to print or hand in, where the finished runs are of one task."""
    if len({run.task for run in finished}) == 1 and any(run.validation_metrics for run in finished):
        download(
            "Report",
            lambda: report_on(finished)[0],
            "comparison.html",
            icon=":material/print:",
            help="One page to print or hand in: settings, scores with their noise, ribbons.",
        )


def _charts(
    settings: Sequence[Repeats], names: Sequence[str], points: Points, metric: str, axis: str, single: bool
) -> None:
    runs = [run for setting in settings for run in setting.runs]
    measured = lines(settings, names, points, f"validation {metric}", axis, single=single)
    left, right = st.container(key="compare_charts").columns([3, 2])
    with left:
        name = metric_name(metric)
        floor = baseline_of(runs[0].task) if len({run.task for run in runs}) == 1 else None
        curves(
            measured,
            key="compare_metric",
            title=f"Validation {name}",
            x_label=AXES[axis],
            y_label=name,
            y_range=metric_range([value for line in measured for value in (line.low or line.y)]),
            reference=None if floor is None else (f"baseline {floor:.3f}", floor),
            height=300,
        )
    with right:
        curves(
            lines(settings, names, points, "loss", axis, single=single),
            key="compare_loss",
            title="Training loss, smoothed",
            x_label=AXES[axis],
            y_label=" or ".join(sorted({loss_name(primary_metric(run)) for run in runs})),
            height=300,
            y_range=(0.0, 0.1),
        )
    banded = " Bands reach from the lowest to the highest seed." if any(line.low for line in measured) else ""
    st.caption(f"n is the number of seeds. Drag across a chart to zoom in.{banded}")


def names_of(settings: Sequence[Repeats]) -> list[str]:
    """Return a name for each setting: its label and what of rate, task and model tells them apart, or else an id."""
    runs = [setting.runs[0] for setting in settings]
    facts = [(run_label(run), _rate(run), task_name(run.task), run.model, f"seed {run.seed}") for run in runs]
    telling = [0] + [place for place in (2, 3) if len({fact[place] for fact in facts}) > 1]
    more = (1, 4) if all(len(setting.runs) == 1 for setting in settings) else (1,)
    for place in more:  # only where names would be the same
        alike = len({tuple(fact[place] for place in telling) for fact in facts}) < len(facts)
        telling += [place] if alike and len({fact[place] for fact in facts}) > 1 else []
    names = [" · ".join(fact[place] for place in telling) for fact in facts]
    return [name if names.count(name) == 1 else f"{name} · {run.id}" for name, run in zip(names, runs, strict=True)]


def _rate(run: Run) -> str:
    return "" if run.learning_rate is None else f"rate {run.learning_rate:g}"
