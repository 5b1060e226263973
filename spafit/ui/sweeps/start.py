"""Launching a sweep: how many runs, how long and how much disk is said before."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.maps import sweep as sweeping
from spafit.maps.definition import Definition
from spafit.maps.forecast import Expected, expected, past_runs
from spafit.models.anatomy import Anatomy
from spafit.models.registry import get_model
from spafit.quantities import bytes_text
from spafit.runs import Store
from spafit.runs.preconditions import unmet_precondition
from spafit.runs.rights import ForbiddenError
from spafit.tasks import get_task
from spafit.training.config import RunSpec
from spafit.ui.choice import current
from spafit.ui.components.errors import show_error
from spafit.ui.components.start import start_button
from spafit.ui.components.text import duration, plain
from spafit.ui.presses import carried_out
from spafit.ui.sweeps.choose import choose
from spafit.ui.train.time import task_rows
from spafit.ui.visitor import actor

LAUNCHED = "sweep_launched"
"""The id of the sweep that this visit launched last."""


@st.fragment
def new_sweep(anatomy: Anatomy) -> None:
    """Draw the form, what it would take, and the button; a launched sweep redraws the page."""
    choice = current()
    try:
        reason = unmet_precondition(get_model(choice.model), get_task(choice.task), choice.settings)
        if reason:
            st.caption(plain(reason))
            return
        definition = choose(anatomy)
        if definition is None:
            st.caption("Choose at least one cell or method.")
            return
        wanted = _to_queue(definition)
        whole = _expected(wanted, anatomy)
    except SpafitError as error:
        show_error(error)
        return
    runs = len(definition.points) * len(definition.seeds)
    st.markdown(said(runs, len(wanted), whole))
    if start_button(
        "Train them", key="sweep_start", seconds=whole.seconds, runs=len(wanted), disabled=not wanted
    ) and _launch(definition):
        st.rerun()


def said(runs: int, wanted: int, whole: Expected) -> str:
    """Return what to expect before anything is started, in one line."""
    there = f" ({runs - wanted} of {runs} are there or under way)" if wanted < runs else ""
    if not wanted:
        return f"All {runs} runs are there or under way."
    took = "a time not known yet: no run of this model has finished here"
    if whole.seconds is not None:
        took = f"about **{duration(whole.seconds)}**, judged by earlier runs of this model here"
    return f"**{wanted}** run{'s' * (wanted != 1)} to train{there}; {took}; about **{bytes_text(whole.disk)}** of disk."


def _to_queue(definition: Definition) -> list[RunSpec]:
    try:
        return sweeping.to_queue(Store.open(), definition, actor())
    except ForbiddenError:  # a visitor without an owner has none of them
        return definition.specs()


def _expected(wanted: list[RunSpec], anatomy: Anatomy) -> Expected:
    choice = current()
    sizes = task_rows(choice.task)
    if not sizes:
        return Expected(None, 0)
    past = past_runs(Store.open(), choice.model, choice.task)
    return expected(wanted, anatomy, past, sizes, get_task(choice.task).num_labels)


def _launch(definition: Definition) -> bool:
    try:
        with carried_out("sweep_start"):
            launched = sweeping.launch(Store.open(), definition, by=actor(enrol=True))
            st.session_state[LAUNCHED] = launched.sweep.id
    except SpafitError as error:
        show_error(error)
        return False
    return True
