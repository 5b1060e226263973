"""Train: choose model, task, stratification and settings; start; watch. `/train?run=ID` watches a run."""

import streamlit as st

from spafit.runs import ensure_supervisor
from spafit.ui.address import keep_address
from spafit.ui.arrival import take_address, take_run
from spafit.ui.choice import has_chosen, message
from spafit.ui.classroom.mine import hold
from spafit.ui.components.errors import show_message, showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.explore.model import reading
from spafit.ui.home.tour import last_step
from spafit.ui.runs.view import find_run, run_view
from spafit.ui.state import attached_run, detach
from spafit.ui.train.form import train_form
from spafit.ui.tryout.answers import get_ready

frame("Train", ":material/play_circle:")
with showing_errors():
    ensure_supervisor()  # so that a process with PyTorch is ready by the time somebody presses the button

run_id, run = attached_run(), None
if run_id:
    with showing_errors():
        run = find_run(run_id)
        if run is None:
            detach()
take_address()
if run and not has_chosen():
    with showing_errors():
        take_run(run.spec)  # a run's address alone: the form shows what the run was started with
rules = hold()
show_message(message())
reading()
last_step(started=run is not None)
keep_address("/train", shown=run_id or "")
if run:
    watching, setting = st.container(key="train_columns").columns([3, 2], gap="large")
    with watching, showing_errors():
        run_view(run, chart_columns=1)
        get_ready(run)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/runs.py", label="Permalink", icon=":material/link:", query_params={"run": run.id})
            st.button("Close", icon=":material/close:", on_click=detach, help="The run goes on; find it under Runs.")
    with setting:
        st.subheader("Next run", anchor=False)
        started = train_form(rules, beside_a_run=True)
else:
    st.caption(
        "Choose what is taught to which model, start, and watch the curve. The run goes on if you close the page."
    )
    with st.container(key="train_form"):
        started = train_form(rules)

if started:
    st.rerun()
