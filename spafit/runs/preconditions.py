"""Why a run could not work, found out before it is queued rather than after it has waited its turn."""

from __future__ import annotations

from spafit.errors import SpafitError
from spafit.models import heads, hub
from spafit.models.load import load_anatomy
from spafit.models.registry import Model, list_models, untrainable
from spafit.tasks import Task
from spafit.tasks.glue import tasks as glue_tasks
from spafit.tasks.tokens import NO_TOKENIZER, has_tokenizer
from spafit.training.config import TrainSettings


def unmet_precondition(model: Model, task: Task, settings: TrainSettings) -> str | None:
    """Return why the model cannot be trained so on the task here, in one sentence; None when it can."""
    if problem := untrainable(model):
        return problem
    if model.path is None and not hub.reachable():
        usable = ", ".join(other.key for other in list_models() if other.path is not None and not other.counts_only)
        return f"{model.name} would have to be downloaded, and the Hub is out of reach; ready here: {usable}."
    if problem := _incomplete(model):
        return problem
    if settings.head_weights == "kept" and (problem := _no_head(model, task)):
        return problem
    if task.source == "hub" and not hub.reachable():
        return (
            f"The data of {task.name} would have to be downloaded, and the Hub is out of reach; "
            f"{glue_tasks.how_to_bring(task.key)}."
        )
    return None


def _incomplete(model: Model) -> str | None:
    """Return which of weights and tokenizer is missing where the model is, in its folder or on the Hub."""
    if model.path is not None:
        names = [file.name for file in model.path.iterdir() if file.is_file() and file.stat().st_size]
        return None if has_tokenizer(names) else NO_TOKENIZER.format(model.name)
    assert model.hub_id is not None
    try:
        listed = hub.file_names(model.hub_id)
    except SpafitError as error:
        return str(error)
    tokenizer = None if has_tokenizer(listed) else NO_TOKENIZER.format(model.hub_id)
    return hub.no_safetensors(model.hub_id, listed) or tokenizer


def _no_head(model: Model, task: Task) -> str | None:
    """Return why the checkpoint's own head cannot be kept; None too while its weights are not on this machine."""
    if model.path is None:
        return None
    anatomy = load_anatomy(model.key, num_labels=task.num_labels)
    return heads.not_kept(model.path, anatomy, task.labels)
