"""The whole form that starts a run; in two columns before a run, in one beside it, where Start comes first."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.models.registry import BUNDLED
from spafit.runs import submit
from spafit.runs.class_rules import BOUNDARIES, RECIPES, Rules
from spafit.runs.preconditions import unmet_precondition
from spafit.training.config import SETTINGS, RunSpec
from spafit.ui.choice import commit, current
from spafit.ui.classroom.mine import is_open, my_rules
from spafit.ui.classroom.repeat import not_measured
from spafit.ui.components.errors import show_error
from spafit.ui.components.start import start_button
from spafit.ui.components.text import plain
from spafit.ui.pickers import pick_model
from spafit.ui.presses import carried_out
from spafit.ui.state import attach
from spafit.ui.train.choice import choose_stratification, choose_task
from spafit.ui.train.settings import choose_settings
from spafit.ui.train.time import expected_seconds, expected_time, smaller_task, task_rows
from spafit.ui.visitor import actor, owner


def train_form(rules: Rules | None = None, beside_a_run: bool = False) -> bool:
    """Draw the form, narrow beside a run; return whether the visitor just started one, which is the attached one then.

    ``rules`` are those of the visitor's class: what they fix is said, not offered.
    """
    if beside_a_run:
        start_side = st.container()
        model_side = task_side = st.container()
    else:
        left, right = st.columns(2, gap="large")
        model_side, task_side, start_side = left.container(), right.container(), right.container()
    spec, reason = None, None
    try:
        with model_side:
            model = pick_model("train_model", fixed=rules is not None)
        with task_side:
            task = choose_task(fixed=rules is not None)
        with model_side:
            boundaries, methods = is_open(rules, BOUNDARIES), is_open(rules, RECIPES)
            choose_stratification(model, task, methods=methods, boundaries=boundaries)
        with task_side:
            open_settings = SETTINGS.keys() if rules is None else rules.may_change & SETTINGS.keys()
            settings = choose_settings(current().stratification, task_rows(task.key), open_settings)
        spec = RunSpec(model.key, task.key, current().stratification, settings)
        reason = unmet_precondition(model, task, settings)
    except SpafitError as error:
        reason = str(error)
    with start_side:
        start = _start(spec, reason)
        if rules is not None and spec is not None:
            start = not_measured(spec, start)
    if not start or spec is None or reason:  # a press may arrive together with the value that forbids it
        return False
    try:
        with carried_out("train_start"):
            attach(submit(spec, by=actor(enrol=True)))
            return True
    except SpafitError as error:
        show_error(error)
        return False


def _start(spec: RunSpec | None, reason: str | None) -> bool:
    """Draw the button with how long it may take, or with what stands against it; return whether it was pressed."""
    if reason:
        st.warning(plain(reason), icon=":material/block:")
        if current().model != BUNDLED:
            st.button("Use the bundled model", icon=":material/undo:", on_click=_take_bundled, key="train_bundled")
    if spec is None or reason:
        return start_button("Start training", key="train_start", seconds=None, disabled=True)
    seconds = expected_seconds(spec)
    pressed = start_button("Start training", key="train_start", seconds=seconds)
    st.caption(" ".join(filter(None, (smaller_task(spec.task), expected_time(seconds)))))
    if not owner() and my_rules() is None:
        st.caption("With your name in the sidebar (on a phone: » at the top) you find your runs again.")
    return pressed


def _take_bundled() -> None:
    commit(model=BUNDLED)
