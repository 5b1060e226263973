"""Advice: where cheap advisors would put the boundaries, and how good that turned out on a measured map."""

import streamlit as st

from spafit.ui.address import keep_address
from spafit.ui.advice.page import advice
from spafit.ui.arrival import take_address
from spafit.ui.choice import current, message
from spafit.ui.components.errors import show_message, showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.components.text import plain
from spafit.ui.explore.model import chosen_anatomy
from spafit.ui.runs.naming import task_name

frame("Advice", ":material/psychology_alt:")
st.caption(
    "Where should the boundaries be? Cheap answers before any sweep, and how good they are where it was measured."
)

take_address()
anatomy = chosen_anatomy()
show_message(message())
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown(f"**{plain(anatomy.name)}** on **{plain(task_name(current().task))}**", width="content")
    st.page_link("pages/train.py", label="Change model or task", icon=":material/edit:")
keep_address("/advice", names=("s", "task"))
with showing_errors():
    advice(anatomy)
