"""The table of all runs: filtered, followed while it is open, a click opens a run, ticks compare several."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from spafit import access
from spafit.errors import SpafitError
from spafit.glossary import term
from spafit.runs import Run, Store
from spafit.tasks import called
from spafit.ui.address import keep_address
from spafit.ui.choice import commit, current
from spafit.ui.components.errors import show_error
from spafit.ui.components.text import metric_name
from spafit.ui.runs.compare import compare
from spafit.ui.runs.data import primary_metric
from spafit.ui.runs.naming import run_label, task_name
from spafit.ui.visitor import mine

_OPENED, _SHOWN, _TICKED = "runs_opened", "runs_shown", "runs_ticked"
_COLUMNS = {
    "Trainable": st.column_config.NumberColumn(format="localized", help=term("trainable").tip),
    "Test": st.column_config.NumberColumn(
        format="%.3f", help="The metric on the test data, once, at the end; MNLI: matched"
    ),
    "Test, mismatched": st.column_config.NumberColumn(format="%.3f", help="On MNLI's second test part, likewise"),
    "Baseline": st.column_config.NumberColumn(format="%.3f", help=term("baseline").tip),
    "Validation": st.column_config.NumberColumn(format="%.3f", help="The metric in the latest evaluation"),
    "Task": st.column_config.TextColumn(help="With the metric of Test, Baseline and Validation; higher is better"),
    "Run": st.column_config.TextColumn(width=190),
    "Seconds": st.column_config.NumberColumn(format="%.0f", help="From launch to end, without waiting"),
    "Started": st.column_config.DatetimeColumn(format="distance"),
}
_ORDER = (
    *("Run", "Seed", "State", "Test", "Test, mismatched", "Baseline", "Validation", "Task"),
    *("Started", "Trainable", "Seconds", "Owner", "Model"),
)
"""Whichever run is the newest, and so decides which columns come first; absent ones are left out."""


def runs_table() -> None:
    """Draw the filter, and the runs that it leaves with a comparison of the ticked ones."""
    st.caption("Every run that was started here, by anybody, with the setting, machine and curve behind its figure.")
    with st.container(horizontal=True, vertical_alignment="center"):
        whose = st.segmented_control(
            "Whose", ("All", "Mine"), default="All", required=True, label_visibility="collapsed"
        )
        archived = st.toggle("Archived", help="Show the archived runs instead.")
    filters = mine() if whose == "Mine" else {}
    if whose == "Mine" and not filters:
        if access.shared():
            st.info("You have started no runs in this browser yet.", icon=":material/person:")
        else:
            st.info(
                "Type your name in the sidebar (on a phone: » at the top) to see your runs.", icon=":material/person:"
            )
        return
    _follow(filters, archived)


@st.fragment(run_every=3.0)
def _follow(filters: dict[str, str], archived: bool) -> None:
    key = f"runs_table_{st.session_state.get(_OPENED, 0)}"  # a new one after each click, which would else act again
    ticked = st.session_state.get(key, {}).get("selection", {}).get("rows")
    try:
        # Ticks count rows, so while there are any the rows stay what they are.
        if not ticked or _SHOWN not in st.session_state:
            st.session_state[_SHOWN] = Store.open().list(
                owner=filters.get("owner"), owner_id=filters.get("owner_id"), archived=archived
            )
        runs = st.session_state[_SHOWN]
        if not runs:
            _nothing(archived)
            return
        st.caption("Click a run to open it. Tick several to compare them.")
        chosen = _table(runs, key)
        if chosen:
            compare(chosen)
    except SpafitError as error:
        show_error(error)


def _nothing(archived: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown("No archived runs." if archived else "No runs yet.", width="content")
        if not archived:
            st.page_link("pages/train.py", label="Start one", icon=":material/play_circle:")


def _table(runs: Sequence[Run], key: str) -> list[Run]:
    """Draw the table, open the run that was clicked, return those that are ticked."""
    ids = [run.id for run in runs]
    # What the address has ticked is ticked once; afterwards the table's own ticks count.
    ticked = st.session_state.setdefault(_TICKED, {}).setdefault(key, [run for run in current().runs if run in ids])
    event = st.dataframe(
        pd.DataFrame([_row(run) for run in runs]),
        key=key,
        column_order=_columns(runs),
        hide_index=True,
        on_select=lambda: _choose(ids, key),
        selection_default={"selection": {"rows": [ids.index(run) for run in ticked if run in ids]}} if ticked else None,
        selection_mode=("multi-row", "single-cell"),
        placeholder="–",
        column_config=_COLUMNS,
    )
    for row, _column in event["selection"]["cells"]:
        st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1
        st.query_params["run"] = runs[row].id
        st.rerun()
    keep_address("/runs", names=("runs",))
    return [runs[row] for row in event["selection"]["rows"] if row < len(runs)]


def _columns(runs: Sequence[Run]) -> list[str]:
    """Return the columns that tell these runs apart: no owner where none is named, no model where all have one."""
    spare = set() if any(run.owner for run in runs) else {"Owner"}
    spare |= set() if len({run.model for run in runs}) > 1 else {"Model"}
    return [column for column in _ORDER if column not in spare]


def _choose(ids: Sequence[str], key: str) -> None:
    """Compare the runs that are ticked."""
    rows = st.session_state[key]["selection"]["rows"]
    commit(runs=tuple(ids[row] for row in rows if row < len(ids)))


def _row(run: Run) -> dict[str, Any]:
    metric, further = primary_metric(run), run.further_tests
    return {
        "Run": run_label(run),
        "Seed": run.seed,
        "State": f"queued, place {run.position}" if run.position else str(run.state),
        "Test": run.metrics.get(metric),
        **{called(run.task, part).capitalize(): further[part]["metrics"].get(metric) for part in further},
        "Baseline": run.baseline.get(metric),
        "Validation": run.validation_metrics.get(metric),
        "Task": f"{task_name(run.task)} · {metric_name(metric)}",
        "Trainable": run.trainable,
        "Seconds": run.seconds,
        "Owner": run.owner,
        "Model": run.model,
        "Started": run.started_at or run.created_at,
    }
