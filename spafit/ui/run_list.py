"""Runs as a list: what goes on now, and the table of all of them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import Run, State, Store
from spafit.ui.run_data import primary_metric
from spafit.ui.state import owner
from spafit.ui.text import duration, plain
from spafit.ui.told import tell

_SHOWN_NOW = 6


@st.fragment(run_every=2.0)
def runs_now() -> None:
    """What is running and waiting, for all visitors together, each a link; followed every two seconds."""
    try:
        store = Store.open()
        running, waiting = store.list(state=State.RUNNING), store.queue()
    except SpafitError as error:
        tell(error)
        return
    for run in running:
        with st.container(border=True):
            _line(run)
            left = f"about {duration(run.remaining)} left" if run.remaining is not None else "starting"
            st.progress(run.progress, text=left)
    for run in waiting[: max(0, _SHOWN_NOW - len(running))]:
        with st.container(border=True):
            _line(run)
            st.caption(f"place {run.position} in the queue")
    if not running and not waiting:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown("No run at the moment.", width="content")
            st.page_link("pages/train.py", label="Start one", icon=":material/play_circle:")


def _line(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/runs.py", label=f"**{plain(run.name)}**", query_params={"run": run.id})
        st.text(" · ".join([run.model, run.task] + ([run.owner] if run.owner else [])))


def runs_filter() -> list[Run]:
    """Draw the filter and return the runs that it leaves, newest first; says so when there are none."""
    store = Store.open()
    name = owner()
    with st.container(horizontal=True, vertical_alignment="center"):
        whose = st.segmented_control(
            "Whose", ("All", "Mine"), default="All", required=True, label_visibility="collapsed"
        )
        archived = st.toggle("Archived", help="Show the archived runs instead.")
    if whose == "Mine" and not name:
        st.info("Type your name in the sidebar to see your runs.", icon=":material/person:")
        return []
    runs = store.list(owner=name if whose == "Mine" else None, archived=archived)
    if not runs:
        with st.container(border=True):
            st.markdown("No archived runs." if archived else "No runs yet.")
            if not archived:
                st.page_link("pages/train.py", label="Start one", icon=":material/play_circle:")
    return runs


def runs_table(runs: Sequence[Run], key: str) -> list[Run]:
    """Draw runs as a table, newest first, and return those whose rows are selected."""
    event = st.dataframe(
        pd.DataFrame([_row(run) for run in runs]),
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="–",
        column_config={
            "Run": st.column_config.LinkColumn(display_text="open", width="small", help="Its permanent page"),
            "Trained": st.column_config.NumberColumn(format="localized"),
            "Test": st.column_config.NumberColumn(
                format="%.3f", help="Primary metric on the test data, once, at the end"
            ),
            "Validation": st.column_config.NumberColumn(format="%.3f", help="Primary metric of the latest evaluation"),
            "Seconds": st.column_config.NumberColumn(format="%.0f"),
            "Started": st.column_config.DatetimeColumn(format="distance"),
        },
    )
    return [runs[row] for row in event["selection"]["rows"] if row < len(runs)]


def _row(run: Run) -> dict[str, Any]:
    metric = primary_metric(run)
    return {
        "Run": f"/runs?run={run.id}",
        "Setting": run.name,
        "State": f"queued, place {run.position}" if run.position else str(run.state),
        "Model": run.model,
        "Task": run.task,
        "Metric": metric,
        "Test": run.metrics.get(metric),
        "Validation": run.validation_metrics.get(metric),
        "Trained": run.trainable,
        "Seconds": run.seconds,
        "Owner": run.owner,
        "Started": run.started_at or run.created_at,
    }
