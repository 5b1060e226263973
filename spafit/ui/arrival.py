"""Taking over what the address says when a page is opened: a link, a reload, a second tab."""

from dataclasses import replace
from typing import Any

from spafit.errors import SpafitError
from spafit.tasks import get_task
from spafit.training.config import RunSpec
from spafit.training.rates import default_learning_rate
from spafit.ui.address import brought, from_parameters
from spafit.ui.choice import commit, current, say, scaled
from spafit.ui.explore.model import ask_for


def take_address() -> None:
    """Choose what the address says, once; what cannot be chosen is said, and everything else is taken over."""
    parameters = brought()
    if not parameters:
        return
    changes, problems = from_parameters(parameters)
    if "task" in changes:
        try:
            get_task(changes["task"])
        except SpafitError as error:
            problems.append(str(error))
            del changes["task"]
    if problems:
        problems.append("What could not be read from the address stays as it was.")
    if "model" not in changes:
        commit(**changes)
    else:
        try:
            ask_for(**changes)
        except SpafitError as error:
            problems += _on_the_model_at_hand(error, changes)
    if problems:
        say(" ".join(problems))


def _on_the_model_at_hand(error: SpafitError, changes: dict[str, Any]) -> list[str]:
    """Put the setting on the model that is shown, because the link's is not to be had; return what to say."""
    wished = scaled(changes["stratification"], current().stratification.num_layers)
    if not commit(**{**changes, "model": current().model, "stratification": wished}):
        return []
    return [f"{error} The link's setting is shown on a model that is available here, its boundaries in proportion."]


def take_run(spec: RunSpec) -> bool:
    """Choose what a run was made with; a learning rate that is the method's default stays the method's default."""
    settings = spec.settings
    if settings.learning_rate == default_learning_rate(spec.stratification, settings.expected_steps()):
        settings = replace(settings, learning_rate=None)
    return commit(model=spec.model, task=spec.task, stratification=spec.stratification, settings=settings)
