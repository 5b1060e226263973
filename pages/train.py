"""Train: choose model, task, stratification and settings; start; watch. `/train?run=ID` watches a run."""

import streamlit as st

from spafit.runs import Store, ensure_supervisor
from spafit.ui.frame import frame
from spafit.ui.run_view import run_view
from spafit.ui.state import attach, attached_run, detach
from spafit.ui.told import told
from spafit.ui.train_form import train_form

frame("Train", ":material/play_circle:")
with told():
    ensure_supervisor()  # so that a process with PyTorch is ready by the time somebody presses the button

run_id = attached_run()
if run_id:
    watching, setting = st.columns([3, 2], gap="large")
    with watching, told():
        run_view(Store.open().get(run_id))
        with st.container(horizontal=True):
            st.page_link(
                "pages/runs.py", label="Its permanent page", icon=":material/link:", query_params={"run": run_id}
            )
            st.button("Put it away", icon=":material/close:", on_click=detach, help="It goes on; find it under Runs.")
    with setting:
        st.subheader("Next run", anchor=False)
        started = train_form(columns=1)
else:
    started = train_form(columns=2)

if started:
    attach(started)
    st.rerun()
