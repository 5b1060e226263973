"""Train the setting that is looked at from where it is looked at; its dot lands on the map when it is done."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.maps import sweep as sweeping
from spafit.maps.definition import define
from spafit.models.registry import get_model
from spafit.runs import Store, attend, sweeps
from spafit.runs.preconditions import unmet_precondition
from spafit.stratification import Stratification
from spafit.tasks import get_task
from spafit.training.config import RunSpec
from spafit.ui.choice import current
from spafit.ui.components.errors import show_error
from spafit.ui.components.start import start_button
from spafit.ui.components.text import plain, time_left
from spafit.ui.train.time import expected_seconds, expected_time
from spafit.ui.visitor import actor

SEEDS = {"1 seed": 1, "3 seeds": 3}
_SWEEP = "explore_map_sweep"


def train_here(stratification: Stratification) -> None:
    """Draw the button with the expected time, and how far what was started is."""
    choice = current()
    asked = st.segmented_control(
        "Train this setting with",
        list(SEEDS),
        default="1 seed",
        required=True,
        key="explore_map_seeds",
        persist_state="session",
        help="Three seeds show how much of a difference is chance. Finished runs are not repeated.",
    )
    try:
        reason = unmet_precondition(get_model(choice.model), get_task(choice.task), choice.settings)
    except SpafitError as error:
        reason = str(error)
    if reason:
        st.caption(plain(reason))
        return
    count = SEEDS[asked]
    one = expected_seconds(RunSpec(choice.model, choice.task, stratification, choice.settings))
    seconds = None if one is None else one * count
    pressed = start_button("Train this", key="explore_map_train", seconds=seconds, runs=count)
    if said := expected_time(seconds):
        st.caption(said)
    if pressed:
        _launch(stratification, count)
    if st.session_state.get(_SWEEP):
        _under_way()


def _launch(stratification: Stratification, count: int) -> None:
    choice = current()
    seeds = range(choice.settings.seed, choice.settings.seed + count)
    rates = () if choice.settings.learning_rate is None else (choice.settings.learning_rate,)
    try:
        definition = define(choice.model, choice.task, choice.settings, (stratification,), tuple(seeds), rates)
        launched = sweeping.launch(Store.open(), definition, by=actor(enrol=True))
    except SpafitError as error:
        show_error(error)
        return
    st.session_state[_SWEEP] = launched.sweep.id


@st.fragment(run_every=1.0)
def _under_way() -> None:
    """Say how far it is; once it is over the page is drawn again, with what was measured."""
    try:
        attend()
        store = Store.open()
        sweep = sweeps.get(store, st.session_state[_SWEEP])
        rows = sweeping.rows(store, sweep)
    except SpafitError as error:
        show_error(error)
        return
    now = sweeping.progress(sweep, rows)
    if not now.under_way:
        del st.session_state[_SWEEP]
        st.rerun()
    runs = [row.run for row in rows if row.run is not None]
    done = sum(1.0 if run.state.over else run.progress for run in runs)
    left = "" if now.seconds_left is None else f", {time_left(now.seconds_left)}"
    st.progress(done / now.runs, f"{now.finished} of {now.runs} finished{left}")
    going = next((run for run in runs if not run.state.over), None)
    if going is not None:
        st.page_link(
            "pages/runs.py", label="Watch its curve", icon=":material/show_chart:", query_params={"run": going.id}
        )
