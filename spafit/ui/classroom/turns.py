"""When the runs that wait will start, by what runs of their setting took here."""

from datetime import timedelta

import streamlit as st

from spafit.classroom.turns import Outlook, left_of, outlook, seconds_between, usual_seconds
from spafit.runs import Run, State, Store
from spafit.ui.classroom.sidebar import at
from spafit.ui.components.text import duration
from spafit.ui.train.time import expected_seconds

FRESH_SECONDS = 2


def current_outlook() -> Outlook:
    """Return when everybody's waiting runs will start, and when all are done; once for all who look at that moment."""
    return _outlook(str(Store.open().home))


@st.cache_data(ttl=FRESH_SECONDS, show_spinner=False, max_entries=4)
def _outlook(home: str) -> Outlook:
    """Asked anew for another data folder."""
    store = Store.open()
    running = store.list(state=State.RUNNING, archived=None)
    waiting = store.queue()
    finished = store.list(state=State.FINISHED, limit=20)
    usual = usual_seconds(reversed(finished))
    known: dict[str, float | None] = {}

    def expected(run: Run) -> float | None:
        key = f"{run.model} {run.task} {run.stratification} {run.spec.settings.to_dict() | {'seed': 0}}"
        if key not in known:
            known[key] = expected_seconds(run.spec) or usual
        return known[key]

    between = seconds_between(reversed(finished))
    lefts = [left_of(run, expected(run)) for run in running]
    return outlook(lefts, [(run.id, expected(run)) for run in waiting], between)


def starts_at(seconds: float | None) -> str:
    """Return when a run that waits will start, as words to add; nothing where that is not known."""
    if seconds is None:
        return ""
    if seconds < 1:
        return ", next"
    moment = Store.open().clock() + timedelta(seconds=seconds)
    return f", starts in about {duration(seconds)}, at {at(moment)}"
