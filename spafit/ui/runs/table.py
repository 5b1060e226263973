"""The table of all runs, a page at a time: followed while it is open, a click opens a run, ticks compare several."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import Run, Store, tables
from spafit.ui.address import keep_address
from spafit.ui.choice import commit, current
from spafit.ui.components.errors import show_error, showing_errors
from spafit.ui.runs.arrange import Arrangement, arrangement
from spafit.ui.runs.columns import CONFIG, rows, shown
from spafit.ui.runs.compare import compare
from spafit.ui.runs.groups import groups_table

PAGE_ROWS = 50
_OPENED, _SHOWN, _TICKED, _PAGE = "runs_opened", "runs_shown", "runs_ticked", "runs_page"


def runs_table() -> None:
    """Draw the controls, and the runs that they leave, with a comparison of those that are chosen."""
    st.caption("Every run that was started here, by anybody, with the setting, machine and curve behind its figure.")
    with showing_errors():
        if arranged := arrangement():
            _follow(arranged)


@st.fragment(run_every=3.0)
def _follow(arranged: Arrangement) -> None:
    try:
        total = tables.count(Store.open(), arranged.wanted)
        if not total:
            _nothing(arranged)
        elif arranged.group:
            groups_table(arranged)
        else:
            _page(arranged, total)
        keep_address("/runs", names=("runs",))
        if current().runs:
            compare(_chosen())
    except SpafitError as error:
        show_error(error)


def _nothing(arranged: Arrangement) -> None:
    wanted = arranged.wanted
    filtered = any((wanted.owner, wanted.owner_id, wanted.task, wanted.tag))
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        words = "No runs like that." if filtered else "No archived runs." if wanted.archived else "No runs yet."
        st.markdown(words, width="content")
        if not filtered and not wanted.archived:
            st.page_link("pages/train.py", label="Start one", icon=":material/play_circle:")


def _page(arranged: Arrangement, total: int) -> None:
    """Draw one page of the table. While some of its rows are ticked they stay where they are: ticks count rows."""
    pages = -(-total // PAGE_ROWS)
    at, number = st.session_state.get(_PAGE, ("", 0))
    number = min(number, pages - 1) if at == arranged else 0
    # A new table after each click, which would else act again, and for each page of each arrangement.
    key = f"runs_table_{st.session_state.get(_OPENED, 0)}_{number}_{hash(arranged)}"
    ticked = st.session_state.get(key, {}).get("selection", {}).get("rows")
    held, ids = st.session_state.get(_SHOWN, ("", []))
    if ticked and held == key:
        runs = tables.some(Store.open(), ids)
    else:
        runs = tables.page(
            Store.open(),
            arranged.wanted,
            arranged.order,
            dict(arranged.metrics),
            offset=number * PAGE_ROWS,
            limit=PAGE_ROWS,
        )
    st.session_state[_SHOWN] = (key, [run.id for run in runs])
    st.caption("Click a run to open it. Tick several to compare them.")
    _table(runs, key, arranged.columns)
    if pages > 1:
        _turn(arranged, number, pages, total)


def _turn(arranged: Arrangement, number: int, pages: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        first = number * PAGE_ROWS
        st.caption(f"{first + 1:,}–{min(first + PAGE_ROWS, total):,} of {total:,}", width="content")
        for label, to in (("Previous", number - 1), ("Next", number + 1)):
            st.button(label, key=f"runs_{label}", on_click=_go, args=(arranged, to), disabled=not 0 <= to < pages)


def _go(arranged: Arrangement, number: int) -> None:
    st.session_state[_PAGE] = (arranged, number)


def _table(runs: Sequence[Run], key: str, columns: Sequence[str]) -> None:
    """Draw the table and open the run that was clicked."""
    ids = [run.id for run in runs]
    # What is chosen is ticked once; afterwards the table's own ticks count.
    ticked = st.session_state.setdefault(_TICKED, {}).setdefault(key, [run for run in current().runs if run in ids])
    event = st.dataframe(
        pd.DataFrame(rows(runs)),
        key=key,
        column_order=shown(runs, columns),
        hide_index=True,
        on_select=lambda: _choose(ids, key),
        selection_default={"selection": {"rows": [ids.index(run) for run in ticked if run in ids]}} if ticked else None,
        selection_mode=("multi-row", "single-cell"),
        placeholder="–",
        column_config=CONFIG,
    )
    for number, _column in event["selection"]["cells"]:
        st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1
        st.query_params["run"] = runs[number].id
        st.rerun()


def _choose(ids: Sequence[str], key: str) -> None:
    """Compare the runs that are ticked here, beside those of other pages."""
    rows = st.session_state[key]["selection"]["rows"]
    ticked = [ids[number] for number in rows if number < len(ids)]
    kept = [run for run in current().runs if run not in ids or run in ticked]
    commit(runs=(*kept, *(run for run in ticked if run not in kept)))


def _chosen() -> list[Run]:
    """Return the compared runs; a way to choose none stands above them."""
    runs = tables.some(Store.open(), current().runs)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Comparison", anchor=False, width="content")
        st.button("Choose none", icon=":material/close:", key="runs_none", on_click=_none)
    if gone := len(current().runs) - len(runs):
        st.caption(f"{gone} of the chosen runs {'is' if gone == 1 else 'are'} not here.")
    return runs


def _none() -> None:
    st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1
    commit(runs=())
