"""Why a run could not work, found out before it is queued rather than after it has waited its turn."""

from __future__ import annotations

from spafit import hub
from spafit.anatomy import load
from spafit.counting import Counts, count
from spafit.errors import SpafitError
from spafit.models import Model, get_model, list_models
from spafit.tasks import Task, get_task
from spafit.training.config import RunSpec


def check(spec: RunSpec) -> Counts:
    """Return what a run will train.

    Raises:
        SpafitError: the model or the task does not exist, cannot be trained or is out of reach, or the stratification
            does not fit the model.
    """
    model, task = get_model(spec.model), get_task(spec.task)
    if sentence := obstacle(model, task):
        raise SpafitError(sentence)
    return count(load(spec.model, num_labels=task.num_labels), spec.stratification)


def obstacle(model: Model, task: Task) -> str | None:
    """Return why the model cannot be trained on the task here, in one sentence; None when it can."""
    if model.counts_only:
        return f"{model.name} can be counted but not trained here: its weights are not available."
    if model.path is None and not hub.reachable():
        usable = ", ".join(other.key for other in list_models() if other.path is not None and not other.counts_only)
        return f"{model.name} would have to be downloaded, and the Hub is out of reach; ready here: {usable}."
    if task.source == "hub" and not hub.reachable():
        return f"The data of {task.name} would have to be downloaded, and the Hub is out of reach."
    return None
