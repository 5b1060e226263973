"""How the table of runs is arranged: whose runs, of which task and tag; which columns, in which order, or in groups."""

from dataclasses import dataclass

import streamlit as st

from spafit import access
from spafit.runs import Store, tables
from spafit.runs.tables import Order, Wanted
from spafit.ui.runs.columns import ALL, SORTS, WHY_NO_TEST
from spafit.ui.runs.data import task_metric
from spafit.ui.runs.naming import task_name
from spafit.ui.visitor import mine

SETTING = "Setting"
GROUPS = {
    SETTING: None,
    "Method": "method",
    "N1": "n1",
    "N2": "n2",
    "Rate": "learning_rate",
    "Seed": "seed",
    "Task": "task",
    "Model": "model",
    "State": "state",
    "Owner": "owner",
}
"""What runs can be grouped by, by its heading; `SETTING` takes repeats with other seeds together."""
_FIRST_SORT = "Started"


@dataclass(frozen=True)
class Arrangement:
    """What the table shows, and how."""

    wanted: Wanted
    order: Order
    columns: tuple[str, ...]
    """Empty: those that tell the runs apart."""
    group: str | None
    metrics: tuple[tuple[str, str], ...]
    """The primary metric of each task that there are runs of."""


def arrangement() -> Arrangement | None:
    """Draw the controls and return what was chosen; None, with the reason on the page, when no runs can be meant."""
    store = Store.open()
    with st.container(horizontal=True, vertical_alignment="center", key="runs_controls"):
        whose = st.segmented_control(
            "Whose", ("All", "Mine"), default="All", required=True, label_visibility="collapsed"
        )
        archived = st.toggle("Archived", help="Show the archived runs instead.")
        tasks = tables.values(store, "task", archived)
        filters = _filters(store, archived, tasks)
        columns, order, group = _columns()
    if whose == "Mine":
        if not (me := mine()):
            _say_who_you_are()
            return None
        filters |= me
    metrics = tuple((task, metric) for task in tasks if (metric := task_metric(task)))
    return Arrangement(Wanted(**filters, archived=archived), order, columns, group, metrics)


def _filters(store: Store, archived: bool, tasks: list[str]) -> dict[str, str]:
    """Draw the filters and return those that are set."""
    with st.popover("Filter", icon=":material/filter_alt:"):
        asked = (
            ("owner", "Owner", tables.values(store, "owner", archived), str),
            ("task", "Task", tasks, task_name),
            ("tag", "Tag", tables.values(store, "tags", archived), str),
        )
        return {
            name: value
            for name, label, options, said in asked
            if (
                value := st.selectbox(
                    label,
                    options,
                    index=None,
                    format_func=said,
                    placeholder="all" if options else "none yet",
                    disabled=not options,
                    key=f"runs_{name}",
                    persist_state="session",
                )
            )
            is not None
        }


def _columns() -> tuple[tuple[str, ...], Order, str | None]:
    """Draw what is shown of each run, and in which order."""
    with st.popover("Columns", icon=":material/view_column:"):
        columns = st.multiselect(
            "Columns",
            ALL,
            key="runs_columns",
            persist_state="session",
            placeholder="those that tell the runs apart",
            help=f"Test scores are shown only when chosen here. {WHY_NO_TEST}",
        )
        by = st.selectbox("Sort by", list(SORTS), key="runs_sort", persist_state="session")
        last_first = st.segmented_control(
            "Order",
            (True, False),
            format_func=lambda down: (
                ("Newest first" if by == _FIRST_SORT else "Highest first")
                if down
                else ("Oldest first" if by == _FIRST_SORT else "Lowest first")
            ),
            default=True,
            required=True,
            key="runs_order",
            persist_state="session",
        )
        group = st.selectbox(
            "Group by", list(GROUPS), index=None, placeholder="nothing", key="runs_group", persist_state="session"
        )
    return tuple(columns), Order(SORTS[by], bool(last_first)), group


def _say_who_you_are() -> None:
    if access.shared():
        st.info("You have started no runs in this browser yet.", icon=":material/person:")
    else:
        st.info("Type your name in the sidebar (on a phone: » at the top) to see your runs.", icon=":material/person:")
