"""Try it: type a text and see what finished runs make of it. `/tryout?runs=ID,ID` opens certain ones."""

import streamlit as st

from spafit.tasks import TaskError, get_task
from spafit.ui.classroom.mine import wait_for_guess
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.tryout.answers import talk
from spafit.ui.tryout.choose import choose_runs, facts, usable_runs
from spafit.ui.tryout.mistakes import show_mistakes
from spafit.ui.tryout.take import take_home

frame("Try it", ":material/chat:")
st.caption("What did a run learn? Type a text and compare the answers, also with the model before training.")
wait_for_guess("what runs learned")

with showing_errors():
    usable = usable_runs()
    if not usable:
        st.info(
            "No finished run has saved weights yet. Training one takes about half a minute.", icon=":material/info:"
        )
        st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
        st.stop()
    runs = choose_runs(usable)
    if not runs:
        st.info("Choose a run above.", icon=":material/info:")
        st.stop()
    try:
        task = get_task(runs[0].task)
    except TaskError:
        task = None  # gone; the runs still answer
    same_task = len({run.task for run in runs}) == 1
    if len({facts(run).labels for run in runs}) > 1:
        st.caption("These runs were trained with different labels, so their answers have different names.")
    talk(runs, task)
    if task is not None and same_task:
        with st.expander(
            "Where they are wrong", icon=":material/grid_on:", key="tryout_mistakes", on_change="rerun"
        ) as box:
            if box.open:
                with showing_errors():
                    show_mistakes(runs, task)
    take_home(runs)
