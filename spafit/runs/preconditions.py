"""Why a run could not work, found out before it is queued rather than after it has waited its turn."""

from __future__ import annotations

from spafit.models import hub
from spafit.models.registry import Model, list_models
from spafit.tasks import Task
from spafit.tasks.glue import tasks as glue_tasks


def unmet_precondition(model: Model, task: Task) -> str | None:
    """Return why the model cannot be trained on the task here, in one sentence; None when it can."""
    if model.counts_only:
        return f"{model.name} can be counted but not trained here: its weights are not available."
    if model.path is None and not hub.reachable():
        usable = ", ".join(other.key for other in list_models() if other.path is not None and not other.counts_only)
        return f"{model.name} would have to be downloaded, and the Hub is out of reach; ready here: {usable}."
    if task.source == "hub" and not hub.reachable():
        return (
            f"The data of {task.name} would have to be downloaded, and the Hub is out of reach; "
            f"{glue_tasks.how_to_bring(task.key)}."
        )
    return None
