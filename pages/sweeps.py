"""Sweeps: many settings and seeds as one thing in the queue, or one of them at its address, `/sweeps?sweep=ID`."""

import streamlit as st

from spafit.ui.address import keep_address
from spafit.ui.arrival import take_address
from spafit.ui.choice import current, message
from spafit.ui.classroom.mine import my_rules, wait_for_guess
from spafit.ui.components.errors import show_message, showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.components.text import plain
from spafit.ui.explore.model import chosen_anatomy
from spafit.ui.runs.naming import task_name
from spafit.ui.sweeps.list import sweeps_list
from spafit.ui.sweeps.one import sweep_view
from spafit.ui.sweeps.start import new_sweep

frame("Sweeps", ":material/grid_on:")
wait_for_guess("what sweeps reached")

sweep_id = st.query_params.get("sweep")
if sweep_id:
    st.page_link("pages/sweeps.py", label="All sweeps", icon=":material/arrow_back:")
    sweep_view(sweep_id)
elif my_rules() is not None:
    st.info("In a class runs are started one at a time, so that everybody has their turn.", icon=":material/school:")
    st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
else:
    st.caption("Train many places of the boundaries at once. A sweep goes on if you close the page.")
    take_address()
    anatomy = chosen_anatomy()
    show_message(message())
    sweeps_list()
    st.subheader("New sweep", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(anatomy.name)}** on **{plain(task_name(current().task))}**", width="content")
        st.page_link("pages/train.py", label="Change model, task or settings", icon=":material/edit:")
    keep_address("/sweeps", names=("s", "task", "set"))
    with showing_errors():
        new_sweep(anatomy)
