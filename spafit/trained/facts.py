"""What a run's answers mean: its class names, and whether its texts come in pairs. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from spafit import tasks
from spafit.errors import SpafitError
from spafit.runs.run import Run
from spafit.tasks import TaskError
from spafit.training.checkpoint import TRAINED, read_metadata


class ExportError(SpafitError):
    """A run that cannot become a model again, said in one sentence."""


@dataclass(frozen=True)
class Facts:
    """What a run was trained to answer."""

    labels: tuple[str, ...]
    """Class names by class number; empty for regression."""
    pair: bool
    """Two texts are read together."""
    base: str | None
    """SHA-256 of the base weights; None for runs from before it was kept."""


def facts_of(run: Run, run_folder: Path) -> Facts:
    """Return what a run recorded beside its trained parameters, else what its task says now.

    Raises:
        ExportError: it kept no weights, or its task is gone and it is from before class names were kept.
    """
    path = run_folder / TRAINED
    if not path.is_file():
        raise ExportError(f"Run {run.id} is {run.state} and has no saved weights, so there is no model to take away.")
    metadata = read_metadata(path)
    if "labels" in metadata:
        return Facts(tuple(json.loads(metadata["labels"])), metadata.get("pair") == "true", metadata.get("base"))
    try:
        task = tasks.get_task(run.task)
    except TaskError as error:
        raise ExportError(
            f"The task of run {run.id} is gone and the run is from before label names were kept with it, "
            "so its outputs have no names."
        ) from error
    return Facts(task.labels, task.pair, metadata.get("base"))
