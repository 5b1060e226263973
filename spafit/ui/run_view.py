"""One run on a page, from the queue to its last figure; live while it goes. Train and Runs show the same."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import Run, State, Store, UnknownRunError, rerun, stop
from spafit.tasks import called
from spafit.training.events import PHASES
from spafit.ui.curves import Line, curves, smoothed
from spafit.ui.run_data import Event, events_of, guess, points, primary_metric
from spafit.ui.text import duration, plain
from spafit.ui.told import tell, told

STATE_LOOKS: dict[State, tuple[str, Literal["gray", "blue", "green", "orange", "red"]]] = {
    State.QUEUED: (":material/hourglass_empty:", "gray"),
    State.RUNNING: (":material/directions_run:", "blue"),
    State.FINISHED: (":material/check_circle:", "green"),
    State.STOPPED: (":material/stop_circle:", "orange"),
    State.FAILED: (":material/error:", "red"),
}
TRAINING_COLOR, VALIDATION_COLOR, METRIC_COLOR = "#0072B2", "#D55E00", "#009E73"


def find_run(run_id: str) -> Run | None:
    """The run of an address; says so on the page when there is none."""
    try:
        return Store.open().get(run_id)
    except UnknownRunError:
        st.error("There is no such run here. Addresses are good on the machine where the run was started.")
        return None


def run_view(run: Run, chart_columns: int = 2) -> None:
    """Draw a run. While it is queued or running the drawing follows it, once a second, to its end."""
    st.fragment(_follow, run_every=None if run.state.over else 1.0)(run.id, run.state, chart_columns)


def _follow(run_id: str, drawn: State, chart_columns: int) -> None:
    try:
        run = Store.open().get(run_id)
        if run.state.over and not drawn.over:
            st.rerun()  # draw the whole page once more, without the timer and with what only finished runs have
        events = events_of(run)
    except SpafitError as error:
        tell(error)
        return
    _headline(run)
    _progress(run)
    metric = primary_metric(run)
    _figures(run, metric)
    if events or run.state is State.RUNNING:
        _charts(run, events, metric, chart_columns)


def _headline(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(run.name), width="content", anchor=False)
        icon, color = STATE_LOOKS[run.state]
        st.badge(run.state, icon=icon, color=color)
        st.space("stretch")
        _buttons(run)
    about = [run.model, run.task, f"seed {run.seed}"] + ([f"by {run.owner}"] if run.owner else [])
    st.text(" · ".join(about))


def _buttons(run: Run) -> None:
    if not run.state.over:
        label = "Stopping …" if run.stop_requested else "Stop"
        st.button(
            label,
            key=f"stop_{run.id}",
            icon=":material/stop:",
            on_click=_stop,
            args=(run.id,),
            disabled=run.stop_requested,
        )
    elif run.state is not State.FINISHED and st.button("Run again", key=f"rerun_{run.id}", icon=":material/replay:"):
        with told():
            rerun(run.id)
            st.rerun()


def _stop(run_id: str) -> None:
    with told():
        stop(run_id)


def _progress(run: Run) -> None:
    match run.state:
        case State.QUEUED:
            before = (run.position or 1) - 1
            others = "is next" if before == 0 else f"waits for {before} {'other' if before == 1 else 'others'}"
            st.info(
                f"In the queue: this run {others}. You may close the page; it keeps its place.", icon=":material/queue:"
            )
        case State.RUNNING:
            left = f" · about {duration(run.remaining)} left" if run.remaining is not None else ""
            steps = f" · step {run.step} of {run.total_steps}" if run.total_steps else ""
            st.progress(run.progress, text=f"{PHASES.get(run.phase or '', 'Starting')}{steps}{left}")
        case State.FAILED:
            st.error(plain(run.reason or "It failed without saying why; see its log."), icon=":material/error:")
        case State.STOPPED:
            at = f" at step {run.step} of {run.total_steps}" if run.total_steps else ""
            st.warning(
                f"Stopped{at}. The curve up to there is kept; there is no test figure.", icon=":material/stop_circle:"
            )


def _figures(run: Run, metric: str) -> None:
    """The numbers of a run; a dash where there is none yet, and no test figure before the end."""
    name = metric.replace("_", " ")
    with st.container(horizontal=True, gap="medium"):
        for part, (reached, baseline) in run.tests.items():
            value, floor = reached.get(metric), baseline.get(metric)
            st.metric(
                f"Test {name}{called(run.task, part).removeprefix('test')}",
                _shown(value),
                delta=None if floor is None or value is None else f"{value - floor:+.3f}",
                delta_description=None if floor is None else f"guessing {floor:.3f}",
                help="Computed once, at the end, on data that nothing was chosen with.",
                width="content",
            )
        st.metric(
            f"Validation {name}",
            _shown(run.validation_metrics.get(metric)),
            help="Of the latest evaluation while it runs; on all validation data once it is finished.",
            width="content",
        )
        trained = run.trainable is not None and bool(run.total)
        st.metric(
            "Trained",
            f"{run.trainable:,}" if trained else "–",
            delta=f"{100 * run.trainable / run.total:.3g} %" if trained else None,
            delta_color="off",
            delta_arrow="off",
            help="Parameters that were trained, and their share of the model.",
            width="content",
        )
        st.metric("Time", duration(run.seconds), width="content")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _charts(run: Run, events: Sequence[Event], metric: str, columns: int) -> None:
    table = points(events)
    series = dict(iter(table.groupby("series", sort=False)))
    loss, checked, measured = (series.get(name) for name in ("loss", "validation loss", f"validation {metric}"))
    lines = []
    if loss is not None:
        x, y = loss["step"].tolist(), loss["value"].tolist()
        lines += [Line("each point", TRAINING_COLOR, x, y, faint=True)]
        lines += [Line("training, smoothed", TRAINING_COLOR, x, smoothed(y))]
    if checked is not None:
        lines += [Line("validation", VALIDATION_COLOR, checked["step"].tolist(), checked["value"].tolist(), dots=True)]
    left, right = st.columns(2) if columns == 2 else (st.container(), st.container())
    with left:
        curves(lines, key=f"loss_{run.id}", title="Loss", x_label="step", x_max=run.total_steps)
    with right:
        growing = (
            []
            if measured is None
            else [
                Line(
                    f"validation {metric}",
                    METRIC_COLOR,
                    measured["step"].tolist(),
                    measured["value"].tolist(),
                    dots=True,
                )
            ]
        )
        floor = guess(run.task)
        curves(
            growing,
            key=f"metric_{run.id}",
            title=f"Validation {metric.replace('_', ' ')}",
            x_label="step",
            x_max=run.total_steps,
            reference=None if floor is None else (f"guessing {floor:.3f}", floor),
        )
