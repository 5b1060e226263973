"""A finished run as a model again: its base, its stratification and its trained parameters put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedModel

from spafit import adapt
from spafit.home import spafit_home
from spafit.models import registry
from spafit.models.anatomy import Anatomy
from spafit.models.build import build_anatomy
from spafit.models.weights import check_weights, weights_digest
from spafit.runs.run import Run
from spafit.trained.facts import ExportError, facts_of
from spafit.training.checkpoint import TRAINED, read_trained
from spafit.training.config import RunSpec
from spafit.training.loading import load


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
        model, anatomy, _before = self.with_before()
        return model, anatomy

    def with_before(self) -> tuple[PreTrainedModel, Anatomy, dict[str, Tensor]]:
        """Load what `model` does, and beside it what the trained parameters were before training, by name."""
        model, anatomy = self.base()
        adapt.apply(model, anatomy, self.spec.stratification)
        before = {name: value.clone() for name, value in adapt.trainable_state(model).items()}
        adapt.load_trainable_state(model, self.state)
        return model.eval(), anatomy, before


def restore(run: Run, run_folder: Path) -> Trained:
    """Gather what a run learned. Needs the base model, but neither the task's data nor the app.

    Raises:
        ExportError: the run kept no weights, or its base model has changed since.
        SpafitError: the base model is gone.
    """
    facts = facts_of(run, run_folder)
    state = read_trained(run_folder / TRAINED)
    folder = registry.weights_folder(run.model, allow_download=True)
    digest = weights_digest(check_weights(folder), spafit_home() / "cache")
    if facts.base not in (None, digest):
        raise ExportError(
            f"The weights of {run.model} have changed since run {run.id} was trained on them; put the earlier ones "
            "back."
        )
    anatomy = build_anatomy(folder, num_labels=max(1, len(facts.labels)), name=run.model)
    for tensor in anatomy.head:
        stored = state.get(tensor.name)
        axis = tensor.label_axis
        if stored is not None and axis is not None and stored.shape[axis] != tensor.shape[axis]:
            raise ExportError(
                f"Run {run.id} names {tensor.shape[axis]} labels, but its trained head has {stored.shape[axis]} "
                "outputs; its files do not belong together."
            )
    limit = min(run.spec.settings.max_length, anatomy.max_length)
    return Trained(run, folder, anatomy, facts.labels, facts.pair, limit, digest, state)
