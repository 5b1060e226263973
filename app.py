"""Home: what SPAFIT is, where to go, what runs now, what came out last."""

import streamlit as st

from spafit.stratification import Method, preset
from spafit.ui.components.frame import frame
from spafit.ui.components.picture import picture
from spafit.ui.runs.list import latest_results, runs_now

CARDS = (
    ("pages/explore.py", "Explore", ":material/layers:", "Move the two boundaries and see what each layer trains."),
    ("pages/train.py", "Train", ":material/play_circle:", "Fine-tune a small model here and watch it learn."),
    ("pages/runs.py", "Runs", ":material/monitoring:", "Find every run again, compare, download."),
)

frame("spafit", "")
st.markdown(
    "Teach a pretrained Transformer a new task while most of it stays as it is: two boundaries decide what trains."
)
st.html(picture(preset(Method.SPAFIT, 12)))

for column, (path, label, icon, what) in zip(st.columns(len(CARDS)), CARDS, strict=True):
    with column.container(border=True, height="stretch", gap=None):
        st.page_link(path, label=f"**{label}**", icon=icon)
        st.caption(what)

st.subheader("Running now", anchor=False)
runs_now()
latest_results()
st.page_link("pages/board.py", label="Board for a projector", icon=":material/co_present:")
