"""Training the setting that is looked at from within a class: one run, as the class has it."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.models.registry import get_model
from spafit.runs import submit
from spafit.runs.class_rules import Rules
from spafit.stratification import Stratification
from spafit.training.config import RunSpec
from spafit.ui.choice import current
from spafit.ui.classroom.mine import guess_first, must_guess
from spafit.ui.classroom.repeat import not_measured
from spafit.ui.components.errors import show_error
from spafit.ui.components.start import start_button
from spafit.ui.components.text import plain
from spafit.ui.presses import carried_out
from spafit.ui.runs.naming import task_name
from spafit.ui.train.time import expected_seconds, expected_time
from spafit.ui.visitor import actor

_STARTED = "class_started"


def train_one(stratification: Stratification, rules: Rules) -> None:
    """Draw the button that starts a run of a setting with the rest as the class has it, and the way to its page."""
    setting, choice = rules.setting, current()
    if (choice.model, choice.task) != (setting.model, setting.task):
        names = f"**{plain(get_model(setting.model).name)}** on **{plain(task_name(setting.task))}**"
        st.markdown(f"Your class trains {names}.")
        st.page_link("pages/train.py", label="Train", icon=":material/play_circle:")
        return
    if must_guess():
        guess_first("what runs reach")
        return
    spec = rules.held(RunSpec(choice.model, choice.task, stratification, choice.settings))
    seconds = expected_seconds(spec)
    pressed = start_button("Train this", key="class_train", seconds=seconds)
    if said := expected_time(seconds):
        st.caption(said)
    if not_measured(spec, pressed):
        try:
            with carried_out("class_train"):
                st.session_state[_STARTED] = submit(spec, by=actor(enrol=True))
        except SpafitError as error:
            show_error(error)
    if run_id := st.session_state.get(_STARTED):
        link = {"run": run_id}
        st.page_link("pages/runs.py", label="Your latest run", icon=":material/monitoring:", query_params=link)
