"""How long the run in the form may take, judged by the runs that this machine has finished."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.home import database_url
from spafit.runs import Origin, State, Store
from spafit.tasks import get_task, is_quick, preparation
from spafit.training.config import RunSpec
from spafit.training.estimates.before_start import PastRun, predict_seconds
from spafit.training.events import Finished, Started, event_from_dict
from spafit.ui.anatomies import anatomy_of
from spafit.ui.choice import current
from spafit.ui.components.text import duration

_RUNS = 20


def expected_time(spec: RunSpec) -> str:
    """Return a sentence with the estimate, or why there is none; empty when nothing can be said."""
    try:
        past = _past(spec.model)
        sizes = _sizes(spec.task) if past else {}
    except SpafitError:
        return ""
    if not past:
        return "How long it takes is not known yet: no run of this model has finished here."
    if not sizes:
        return ""
    settings = spec.settings
    train = min(settings.train_samples or sizes["train"], sizes["train"])
    live = min(settings.eval_samples or sizes["validation"], sizes["validation"])
    seconds = predict_seconds(spec, anatomy_of(spec.model), past, train, live, sum(sizes.values()) - sizes["train"])
    if seconds is None:
        return ""
    judged = f"{len(past)} earlier runs" if len(past) > 1 else "one earlier run"
    return f"About {duration(seconds)} once it starts (an estimate from {judged} of this model here)."


def smaller_task(task: str) -> str:
    """A sentence where a task has fewer training examples than the visitor chose; empty otherwise."""
    rows, wanted = task_rows(task), current().settings.train_samples
    if "train" not in rows or wanted is None or wanted <= rows["train"]:
        return ""
    return f"This task has {rows['train']:,} training examples; all of them are used."


def task_rows(task: str) -> dict[str, int]:
    """Rows in each part of a task; empty where they are not known at once, or its data cannot be read."""
    try:
        return _sizes(task)
    except SpafitError:
        return {}


def _past(model: str) -> list[PastRun]:
    """Finished runs of a model on this machine, latest first."""
    runs = [run for run in Store.open().list(state=State.FINISHED) if run.model == model and run.origin == Origin.LOCAL]
    past = ((run, _started_and_finished(run.id, run.attempt, database_url())) for run in runs[:_RUNS])
    return [PastRun(run.spec, *events) for run, events in past if events is not None]


@st.cache_data(show_spinner=False, max_entries=200)
def _started_and_finished(run_id: str, attempt: int, database: str) -> tuple[Started, Finished] | None:
    """Give a finished run's first and last word; they never change, so they are read once per attempt and database."""
    events = {event["kind"]: event for _, event in Store.open().events(run_id)}
    if not {"started", "finished"} <= events.keys():
        return None
    started, finished = event_from_dict(events["started"]), event_from_dict(events["finished"])
    return (started, finished) if isinstance(started, Started) and isinstance(finished, Finished) else None


@st.cache_data(show_spinner=False, ttl=60, max_entries=50)
def _sizes(task: str) -> dict[str, int]:
    """Rows in each part of a task; empty where knowing that would need a download or a long wait."""
    found = get_task(task)
    return preparation(found).splits if is_quick(found) else {}
