"""One run on a page, from the queue to its last figure; live while it goes. Train and Runs show the same."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from spafit.errors import SpafitError
from spafit.glossary import term
from spafit.runs import Run, State, Store, UnknownRunError, rerun, stop
from spafit.runs.rights import may_change
from spafit.tasks import called
from spafit.training.events import PHASES
from spafit.ui.classroom.turns import current_outlook, starts_at
from spafit.ui.components.errors import show_error, showing_errors
from spafit.ui.components.text import duration, metric_name, plain, time_left
from spafit.ui.runs.charts import run_charts
from spafit.ui.runs.data import Event, events_of, last_of, primary_metric, up_to_now
from spafit.ui.runs.naming import heading, task_name
from spafit.ui.runs.time import time_spent
from spafit.ui.tryout.choose import usable
from spafit.ui.visitor import actor

STATE_BADGES: dict[State, tuple[str, Literal["gray", "blue", "green", "orange", "red"]]] = {
    State.QUEUED: (":material/hourglass_empty:", "gray"),
    State.RUNNING: (":material/directions_run:", "blue"),
    State.FINISHED: (":material/check_circle:", "green"),
    State.STOPPED: (":material/stop_circle:", "orange"),
    State.FAILED: (":material/error:", "red"),
}
NOT_LAUNCHED = "Waiting for a process with PyTorch"


def find_run(run_id: str) -> Run | None:
    """Find the run of an address; say so on the page when there is none."""
    try:
        return Store.open().get(run_id)
    except UnknownRunError:
        st.error("There is no such run here. Addresses are good on the machine where the run was started.")
        return None


def run_view(run: Run, chart_columns: int = 2) -> None:
    """Draw a run. While it is queued or running the drawing follows it, once a second, to its end.

    The headline with its buttons stands still between two states: a button that is drawn anew while somebody presses it
    loses the press.
    """
    _headline(run)
    st.fragment(_follow, run_every=None if run.state.over else 1.0)(run.id, _in_headline(run), chart_columns)


def _in_headline(run: Run) -> tuple[State, bool, str]:
    """Return what may change of the headline while a run goes."""
    return run.state, run.stop_requested, run.name


def _follow(run_id: str, drawn: tuple[State, bool, str], chart_columns: int) -> None:
    try:
        run = Store.open().get(run_id)
        if _in_headline(run) != drawn:
            st.rerun()  # the whole page: its headline, and what only finished runs have
        events, run = events_of(run), up_to_now(run)
    except SpafitError as error:
        show_error(error)
        return
    _progress(run, events)
    metric = primary_metric(run)
    _figures(run, metric)
    if events or run.state is State.RUNNING:
        run_charts(run, events, metric, chart_columns)
        time_spent(run, events)


def _headline(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        name, chips = heading(run)
        st.subheader(plain(name), width="content", anchor=False)
        for chip in chips:
            st.badge(plain(chip), color="gray")
        icon, color = STATE_BADGES[run.state]
        st.badge(run.state, icon=icon, color=color)
        st.space("stretch")
        if usable(run):
            st.page_link("pages/tryout.py", label="Try it", icon=":material/chat:", query_params={"runs": run.id})
        _buttons(run)
    about = [run.model, task_name(run.task), f"seed {run.seed}"] + ([f"by {run.owner}"] if run.owner else [])
    st.text(" · ".join(about))


def _buttons(run: Run) -> None:
    if not may_change(actor(), run.owner_id, run.class_id):
        return
    if not run.state.over:
        label = "Stopping …" if run.stop_requested else "Stop"
        with st.popover(label, icon=":material/stop:", disabled=run.stop_requested):
            st.markdown("Stop this run? Its curve is kept; there will be no test figure.")
            st.button("Stop it", key=f"stop_{run.id}", on_click=_stop, args=(run.id,), disabled=run.stop_requested)
    elif run.state is not State.FINISHED and st.button("Run again", key=f"rerun_{run.id}", icon=":material/replay:"):
        with showing_errors():
            rerun(run.id, actor())
            st.rerun()


def _stop(run_id: str) -> None:
    with showing_errors():
        stop(run_id, actor())


def _progress(run: Run, events: Sequence[Event]) -> None:
    match run.state:
        case State.QUEUED:
            before = (run.position or 1) - 1
            others = "is next" if before == 0 else f"waits for {before} {'other' if before == 1 else 'others'}"
            others += starts_at(current_outlook().starts.get(run.id)) if before else ""
            if run.position is None:
                others = "waits while its sweep or its class is paused"
            st.info(
                f"In the queue: this run {others}. You may close the page; it keeps its place.", icon=":material/queue:"
            )
        case State.RUNNING:
            left = f" · {time_left(run.remaining)}" if run.remaining is not None else ""
            steps = f" · step {run.step} of {run.total_steps}" if run.total_steps and run.phase != "final" else ""
            doing = PHASES[run.phase] if run.phase else NOT_LAUNCHED
            st.progress(progress_of(run, events), text=f"{doing}{steps}{left}")
        case State.FAILED:
            st.error(plain(run.reason or "It failed without saying why; see its log."), icon=":material/error:")
        case State.STOPPED:
            at = f"Stopped at step {run.step} of {run.total_steps}. The curve up to there is kept"
            said = f"{at if run.step else 'Stopped before its first step'}; there is no test figure."
            st.warning(said, icon=":material/stop_circle:")


def progress_of(run: Run, events: Sequence[Event]) -> float:
    """Return how far a running run's bar is: by its steps, then by the seconds of its final evaluation, never full."""
    share = run.progress
    if run.phase == "final":
        began = last_of(events, "phase")
        done = max(0.0, (run.seconds or 0.0) - (began["seconds"] if began else 0.0))
        share = done / (done + run.remaining) if run.remaining and done else 0.0
    return min(share, 0.99)


def _figures(run: Run, metric: str) -> None:
    """Draw the numbers of a run; a dash where there is none yet, and no test figure before the end."""
    measured = metric_name(metric)
    with st.container(horizontal=True, gap="medium"):
        for part, (reached, baseline) in run.tests.items():
            value, floor = reached.get(metric), baseline.get(metric)
            st.metric(
                f"Test {measured}{called(run.task, part).removeprefix('test')}",
                _shown(value),
                delta=None if floor is None or value is None else f"{value - floor:+.3f}",
                delta_description=None if floor is None else f"baseline {floor:.3f}",
                help=term("test").tip,
                width="content",
            )
        st.metric(
            f"Validation {measured}",
            _shown(run.validation_metrics.get(metric)),
            help="Of the latest evaluation while it runs; on all validation data once it is finished.",
            width="content",
        )
        trained = run.trainable is not None and bool(run.total)
        st.metric(
            "Trainable parameters",
            f"{run.trainable:,}" if trained else "–",
            delta=f"{100 * run.trainable / run.total:.3g} %" if trained else None,
            delta_color="off",
            delta_arrow="off",
            help=term("trainable").tip,
            width="content",
        )
        st.metric("Time", duration(run.seconds), width="content")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
