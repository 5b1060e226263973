"""Data: every task explained, a look at its texts before training, and data sets of your own. `/data?task=KEY`."""

import streamlit as st

from spafit.ui.components.errors import showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.data.look import choose_task, explain, look, overview, show, train_button
from spafit.ui.data.own import bring, just_stored, listed

frame("Data", ":material/dataset:")
st.caption("What a model is taught here: the question, the texts, and what the baseline reaches.")
just_stored()


def one_task() -> None:
    """Explain a task and look at its data."""
    with showing_errors():
        task = choose_task()
        explain(task)
        train_button(task)
        seen = look(task)
        if seen is not None:
            show(task, seen)


def own() -> None:
    """Draw data sets that visitors bring."""
    bring()
    st.subheader("Stored here", anchor=False)
    listed()


TABS = {"Look at a task": one_task, "All tasks": overview, "Your own data": own}
for tab, draw in zip(st.tabs(list(TABS), key="data_tab", on_change="rerun"), TABS.values(), strict=True):
    with tab:
        if tab.open:
            draw()
