"""What goes on now and what came out last, as lists on Home."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import Run, State, Store
from spafit.ui.classroom.mine import must_guess
from spafit.ui.components.errors import show_error, showing_errors
from spafit.ui.components.text import metric_name, plain, time_left
from spafit.ui.runs.data import primary_metric, up_to_now
from spafit.ui.runs.naming import run_label, task_name

_SHOWN_NOW = 6
_LATEST = 5


@st.fragment(run_every=2.0)
def runs_now() -> None:
    """Draw what is running and waiting, for all visitors together, each a link; followed every two seconds."""
    try:
        store = Store.open()
        running, waiting = [up_to_now(run) for run in store.list(state=State.RUNNING)], store.queue(_SHOWN_NOW)
    except SpafitError as error:
        show_error(error)
        return
    for run in running:
        with st.container(border=True):
            _line(run)
            st.progress(run.progress, text="starting" if run.remaining is None else time_left(run.remaining))
    for run in waiting[: max(0, _SHOWN_NOW - len(running))]:
        with st.container(border=True):
            _line(run)
            st.caption(f"place {run.position} in the queue")
    if not running and not waiting:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown("No run at the moment.", width="content")
            st.page_link("pages/train.py", label="Start one", icon=":material/play_circle:")


def latest_results() -> None:
    """Draw the runs that finished here last, each a link with its score; nothing before the first, or a guess."""
    with showing_errors():
        finished = [] if must_guess() else Store.open().list(state=State.FINISHED, limit=_LATEST)
        if not finished:
            return
        st.subheader("Latest results", anchor=False)
        for run in finished:
            metric = primary_metric(run)
            score, floor = run.validation_metrics.get(metric), run.validation_baseline.get(metric)
            with st.container(border=True, gap=None):
                _line(run)
                reached = "no score" if score is None else f"validation {metric_name(metric)} {score:.3f}"
                st.caption(reached + ("" if floor is None else f", baseline {floor:.3f}"))


def _line(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/runs.py", label=f"**{plain(run_label(run))}**", query_params={"run": run.id})
        st.text(" · ".join([run.model, task_name(run.task), f"seed {run.seed}"] + ([run.owner] if run.owner else [])))
