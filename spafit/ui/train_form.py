"""The whole form that starts a run; used wide before a run and narrow beside one."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import submit
from spafit.training.config import RunSpec
from spafit.ui.state import current_stratification, owner
from spafit.ui.text import plain
from spafit.ui.told import tell
from spafit.ui.train_choice import choose_model, choose_stratification, choose_task, obstacle
from spafit.ui.train_settings import choose_settings


def train_form(columns: int) -> str | None:
    """Draw the form in that many columns; return the id of the run that the visitor just started, else None."""
    left, right = st.columns(2, gap="large") if columns == 2 else (st.container(), st.container())
    try:
        with left:
            model, task = choose_model(), choose_task()
        with right:
            choose_stratification(model, task)
        settings = choose_settings(current_stratification(), columns=3 if columns == 2 else 1)
    except SpafitError as error:
        tell(error)
        st.button("Start training", type="primary", icon=":material/play_arrow:", disabled=True)
        return None
    reason = obstacle(model, task)
    if reason:
        st.warning(plain(reason), icon=":material/block:")
    pressed = st.button("Start training", type="primary", icon=":material/play_arrow:", disabled=reason is not None)
    if not pressed:
        return None
    try:
        return submit(RunSpec(model.key, task.key, current_stratification(), settings), owner=owner())
    except SpafitError as error:
        tell(error)
        return None
