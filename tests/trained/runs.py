"""Runs that can be taken away, without the time that training takes."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from spafit import adapt
from spafit.runs import Store
from spafit.stratification import Stratification
from spafit.trained.restore import Trained, restore
from spafit.training.checkpoint import save_trained
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.loading import load_model
from tests.tiny import save_tiny_model, tiny_anatomy

LAYERS = 3
LABELS = ("pan", "praise", "neither")


def trained_run(
    folder: Path,
    family: str,
    stratification: Stratification,
    labels: tuple[str, ...] = LABELS,
    *,
    task: str = "rotten-tomatoes",
    pair: bool = False,
) -> Trained:
    """Return a tiny run whose trained parameters are the first ones, shaken."""
    base = save_tiny_model(folder / family, family)
    spec = RunSpec(str(base), task, stratification, TrainSettings(max_length=24))
    model, anatomy = load_model(base, tiny_anatomy(family, LAYERS, max(1, len(labels))), seed=spec.settings.seed)
    torch.manual_seed(1)
    adapt.apply(model, anatomy, stratification)
    state = {name: value + 0.3 * torch.randn(value.shape) for name, value in adapt.trainable_state(model).items()}
    store = Store.open()
    run = store.get(store.submit(spec))
    metadata = {"labels": json.dumps(labels), "pair": json.dumps(pair)}
    save_trained(store.folder(run.id), state, metadata)
    return restore(run, store.folder(run.id))
