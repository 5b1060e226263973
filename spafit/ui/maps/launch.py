"""Train the setting that is looked at from where it is looked at; its dot lands on the map when it is done."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.maps import sweep as sweeping
from spafit.maps.definition import define
from spafit.models.anatomy import Anatomy
from spafit.models.registry import get_model
from spafit.runs import Run, State, Store, attend, sweeps
from spafit.runs.preconditions import unmet_precondition
from spafit.stratification import Stratification
from spafit.tasks import get_task
from spafit.training.config import RunSpec
from spafit.ui.choice import current
from spafit.ui.classroom.mine import my_rules
from spafit.ui.classroom.start import train_one
from spafit.ui.components.errors import show_error, showing_errors
from spafit.ui.components.start import start_button
from spafit.ui.components.text import plain, time_left
from spafit.ui.presses import carried_out
from spafit.ui.runs.charts import run_charts
from spafit.ui.runs.data import events_of, primary_metric
from spafit.ui.runs.naming import run_label
from spafit.ui.sweeps.start import LAUNCHED, new_sweep
from spafit.ui.train.time import expected_seconds, expected_time
from spafit.ui.visitor import actor

SEEDS = {"1 seed": 1, "3 seeds": 3}
_CURVE, _FINISHED = "explore_map_curve", "explore_map_finished"


def train_here(stratification: Stratification) -> None:
    """Draw the button with the expected time, and how far what was started is."""
    if rules := my_rules():
        train_one(stratification, rules)
        return
    choice = current()
    try:
        reason = unmet_precondition(get_model(choice.model), get_task(choice.task), choice.settings)
    except SpafitError as error:
        reason = str(error)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.segmented_control(
            "Train this setting with",
            list(SEEDS),
            default="1 seed",
            required=True,
            key="explore_map_seeds",
            persist_state="session",
            help="Three seeds show how much of a difference is chance. Finished runs are not repeated.",
        )
        if reason:
            st.caption(plain(reason))
            return
        count = SEEDS[asked]
        one = expected_seconds(RunSpec(choice.model, choice.task, stratification, choice.settings))
        seconds = None if one is None else one * count
        pressed = start_button("Train this", key="explore_map_train", seconds=seconds, runs=count)
        st.caption(expected_time(seconds))
    if pressed:
        _launch(stratification, count)


def train_area(anatomy: Anatomy) -> None:
    """Draw the form of a sweep, and how far what this visit launched is, with the curve of the run that goes.

    In a class runs are started one at a time, so there is none.
    """
    if my_rules() is not None:
        return
    with st.expander("Train an area", icon=":material/grid_on:", key="explore_map_area", on_change="rerun") as area:
        if area.open:
            new_sweep(anatomy)
            st.page_link("pages/sweeps.py", label="All sweeps", icon=":material/list:")
    if st.session_state.get(LAUNCHED):
        _under_way()
    elif run_id := st.session_state.get(_CURVE):
        _last_curve(run_id)


def _launch(stratification: Stratification, count: int) -> None:
    choice = current()
    seeds = range(choice.settings.seed, choice.settings.seed + count)
    rates = () if choice.settings.learning_rate is None else (choice.settings.learning_rate,)
    try:
        definition = define(choice.model, choice.task, choice.settings, (stratification,), tuple(seeds), rates)
        with carried_out("explore_map_train"):
            launched = sweeping.launch(Store.open(), definition, by=actor(enrol=True))
            st.session_state[LAUNCHED] = launched.sweep.id
    except SpafitError as error:
        show_error(error)


@st.fragment(run_every=1.0)
def _under_way() -> None:
    """Say how far it is; once it is over the page is drawn again, with what was measured."""
    try:
        attend()
        store = Store.open()
        sweep = sweeps.get(store, st.session_state[LAUNCHED])
        rows = sweeping.rows(store, sweep)
    except SpafitError as error:
        show_error(error)
        return
    now = sweeping.progress(sweep, rows)
    if not now.under_way:
        del st.session_state[LAUNCHED]
        st.rerun()
    runs = [row.run for row in rows if row.run is not None]
    done = sum(1.0 if run.state.over else run.progress for run in runs)
    left = "" if now.seconds_left is None else f", {time_left(now.seconds_left)}"
    st.progress(done / now.runs, f"{now.finished} of {now.runs} finished{left}")
    going = next((run for run in runs if run.state is State.RUNNING), None)
    if going is not None:
        st.session_state[_CURVE] = going.id
        _curve(going)
    before = st.session_state.get(_FINISHED)
    st.session_state[_FINISHED] = (sweep.id, now.finished)
    if before is not None and before[0] == sweep.id and before[1] < now.finished:
        st.rerun()  # another cell of the map


def _curve(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(run_label(run))}**, seed {run.seed}", width="content")
        st.page_link("pages/runs.py", label="Its page", icon=":material/show_chart:", query_params={"run": run.id})
    run_charts(run, events_of(run), primary_metric(run), columns=2)


def _last_curve(run_id: str) -> None:
    """Offer the curve of the run that this visit watched last; nothing when it was deleted."""
    with st.expander("The latest curve", icon=":material/show_chart:", on_change="rerun", key="explore_last") as shown:
        if shown.open:
            with showing_errors():
                _curve(Store.open().get(run_id))
