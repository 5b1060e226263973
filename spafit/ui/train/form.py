"""The whole form that starts a run; in two columns before a run, in one beside it."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import submit
from spafit.runs.preconditions import unmet_precondition
from spafit.training.config import RunSpec
from spafit.ui.choice import current
from spafit.ui.components.errors import show_error
from spafit.ui.components.text import plain
from spafit.ui.train.choice import choose_model, choose_stratification, choose_task
from spafit.ui.train.settings import choose_settings
from spafit.ui.train.time import expected_time
from spafit.ui.visitor import actor, owner


def train_form(beside_a_run: bool = False) -> str | None:
    """Draw the form, narrow beside a run; return the id of the run that the visitor just started, else None."""
    model_side, task_side = (st.container(), st.container()) if beside_a_run else st.columns(2, gap="large")
    spec, reason = None, None
    try:
        with model_side:
            model = choose_model()
        with task_side:
            task = choose_task()
        with model_side:
            choose_stratification(model, task, explained=not beside_a_run)
        with task_side:
            settings = choose_settings(current().stratification)
        spec, reason = RunSpec(model.key, task.key, current().stratification, settings), unmet_precondition(model, task)
    except SpafitError as error:
        reason = str(error)
    with task_side:
        if reason:
            st.warning(plain(reason), icon=":material/block:")
        start = st.button("Start training", type="primary", icon=":material/play_arrow:", disabled=reason is not None)
        if spec is not None and reason is None:
            st.caption(expected_time(spec))
            if not owner():
                st.caption("With your name in the sidebar (on a phone: » at the top) you find your runs again.")
    if not start or spec is None or reason:  # a press may arrive together with the value that forbids it
        return None
    try:
        return submit(spec, by=actor(enrol=True))
    except SpafitError as error:
        show_error(error)
        return None
