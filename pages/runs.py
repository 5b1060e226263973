"""Runs: all of them as a table, or one at its permanent address, `/runs?run=ID`."""

import streamlit as st

from spafit.ui.address import to_parameters
from spafit.ui.arrival import take_address
from spafit.ui.choice import current
from spafit.ui.classroom.mine import wait_for_guess
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.frame import frame
from spafit.ui.runs.details import run_details
from spafit.ui.runs.table import runs_table
from spafit.ui.runs.view import find_run, run_view

frame("Runs", ":material/monitoring:")
wait_for_guess("what runs reached")

run_id = st.query_params.get("run")
if run_id:
    st.page_link("pages/runs.py", label="All runs", icon=":material/arrow_back:")
    with showing_errors():
        run = find_run(run_id)
        if run:
            run_view(run)
            run_details(run)
else:
    take_address()
    # A link from a run to this same page leaves the run in the browser's address.
    st.query_params.from_dict({"runs": to_parameters(current())["runs"]} if current().runs else {})
    runs_table()
