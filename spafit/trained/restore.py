"""A finished run as a model again: its base, its stratification and its trained parameters put together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedModel

from spafit import adapt, tasks
from spafit.errors import SpafitError
from spafit.home import spafit_home
from spafit.models import registry
from spafit.models.anatomy import Anatomy
from spafit.models.build import build_anatomy
from spafit.models.weights import check_weights, weights_digest
from spafit.runs.run import Run
from spafit.tasks import TaskError
from spafit.training.checkpoint import TRAINED, read_metadata, read_trained
from spafit.training.config import RunSpec
from spafit.training.loading import load


class ExportError(SpafitError):
    """A run that cannot become a model again, said in one sentence."""


@dataclass(frozen=True)
class Trained:
    """What a run learned, with everything needed to load it."""

    run: Run
    folder: Path  # the base model's configuration, tokenizer and weights
    anatomy: Anatomy
    labels: tuple[str, ...]  # class names by class number; empty for regression
    pair: bool  # two texts are read together
    max_length: int  # tokens; longer texts are cut
    base_digest: str  # of the base weights
    state: dict[str, Tensor]

    @property
    def spec(self) -> RunSpec:
        """What the run was asked for."""
        return self.run.spec

    def base(self) -> tuple[PreTrainedModel, Anatomy]:
        """Load the model as it was before training, fresh head included (fp32, CPU), and the anatomy that fits it."""
        settings = self.spec.settings
        keep = settings.head_weights == "kept"
        loaded = load(self.folder, self.anatomy, seed=settings.seed, keep_head=keep, labels=self.labels)
        return loaded.model.eval(), loaded.anatomy

    def model(self) -> tuple[PreTrainedModel, Anatomy]:
        """Load the model as it was after training, with its LoRA adapters (fp32, CPU), and the anatomy that fits it."""
        model, anatomy = self.base()
        adapt.apply(model, anatomy, self.spec.stratification)
        adapt.load_trainable_state(model, self.state)
        return model.eval(), anatomy


def restore(run: Run, run_folder: Path) -> Trained:
    """Gather what a run learned. Needs the base model, but neither the task's data nor the app.

    Raises:
        ExportError: the run kept no weights, or its base model has changed since.
        SpafitError: the base model is gone.
    """
    path = run_folder / TRAINED
    if not path.is_file():
        raise ExportError(f"Run {run.id} is {run.state} and has no saved weights, so there is no model to take away.")
    metadata, state = read_metadata(path), read_trained(path)
    folder = registry.weights_folder(run.model, allow_download=True)
    digest = weights_digest(check_weights(folder), spafit_home() / "cache")
    if metadata.get("base", digest) != digest:
        raise ExportError(
            f"The weights of {run.model} have changed since run {run.id} was trained on them; put the earlier ones "
            "back."
        )
    labels, pair = _task_facts(run, metadata)
    anatomy = build_anatomy(folder, num_labels=max(1, len(labels)), name=run.model)
    limit = min(run.spec.settings.max_length, anatomy.max_length)
    return Trained(run, folder, anatomy, labels, pair, limit, digest, state)


def _task_facts(run: Run, metadata: dict[str, str]) -> tuple[tuple[str, ...], bool]:
    """Return the class names and whether texts come in pairs, as the run recorded them, else as its task says now."""
    if "labels" in metadata:
        return tuple(json.loads(metadata["labels"])), metadata.get("pair") == "true"
    try:
        task = tasks.get_task(run.task)
    except TaskError as error:
        raise ExportError(
            f"The task of run {run.id} is gone and the run is from before label names were kept with it, "
            "so its outputs have no names."
        ) from error
    return task.labels, task.pair
