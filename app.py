"""Home: what runs now, what came out last, what is measured of the bundled model, and where to go."""

import streamlit as st

from spafit.ui.components.errors import showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.home.measured import bundled_map
from spafit.ui.home.tour import invite
from spafit.ui.runs.list import latest_results, runs_now

CARDS = (
    ("pages/lesson.py", "Lesson", ":material/menu_book:", "From a stack of layers to an honest score."),
    ("pages/explore.py", "Explore", ":material/layers:", "Move the two boundaries and see what each layer trains."),
    ("pages/train.py", "Train", ":material/play_circle:", "Fine-tune a small model here and watch it learn."),
    ("pages/classroom.py", "Class", ":material/school:", "Join a class with its code, or hold one."),
)

frame("spafit", "")
st.markdown(
    "Teach a pretrained Transformer a new task while most of it stays as it is: two boundaries decide what trains."
)
invite()

with st.container(key="home_columns"):
    now, measured = st.columns([5, 4], gap="large")
with now:
    st.subheader("Running now", anchor=False)
    runs_now()
    latest_results()
with measured, showing_errors():
    bundled_map()

st.subheader("Where to go", anchor=False)
for column, (path, label, icon, what) in zip(st.columns(len(CARDS)), CARDS, strict=True):
    with column.container(border=True, height="stretch", gap=None):
        st.page_link(path, label=f"**{label}**", icon=icon)
        st.caption(what)
st.page_link("pages/board.py", label="Board for a projector", icon=":material/co_present:")
