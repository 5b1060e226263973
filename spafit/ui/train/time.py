"""How long the run in the form may take, judged by the runs that this machine has finished."""

import streamlit as st

from spafit.errors import SpafitError
from spafit.maps.forecast import expected, past_runs
from spafit.runs import Store
from spafit.tasks import get_task, is_quick, preparation
from spafit.training.config import RunSpec
from spafit.ui.anatomies import anatomy_of
from spafit.ui.choice import current
from spafit.ui.components.text import duration


def expected_seconds(spec: RunSpec) -> float | None:
    """Return the estimate; None when there is none, be it that no run of this model has finished here."""
    try:
        past = past_runs(Store.open(), spec.model, spec.task)
    except SpafitError:
        return None
    sizes = task_rows(spec.task) if past else {}
    return expected([spec], anatomy_of(spec.model), past, sizes, outputs=1).seconds if sizes else None


def expected_time(seconds: float | None) -> str:
    """Return a sentence with the estimate, or that there is none."""
    if seconds is None:
        return "How long it takes is not known yet: no run of this model has finished here."
    return f"About {duration(seconds)} once it starts, judged by earlier runs of this model here."


def smaller_task(task: str) -> str:
    """Return a sentence where a task has fewer training examples than the visitor chose; empty otherwise."""
    rows, wanted = task_rows(task), current().settings.train_samples
    if "train" not in rows or wanted is None or wanted <= rows["train"]:
        return ""
    return f"This task has {rows['train']:,} training examples; all of them are used."


def task_rows(task: str) -> dict[str, int]:
    """Return the rows in each part of a task; empty where they are not known at once, or its data cannot be read."""
    try:
        return _sizes(task)
    except SpafitError:
        return {}


@st.cache_data(show_spinner=False, ttl=60, max_entries=50)
def _sizes(task: str) -> dict[str, int]:
    """Rows in each part of a task; empty where knowing that would need a download or a long wait."""
    found = get_task(task)
    return preparation(found).splits if is_quick(found) else {}
