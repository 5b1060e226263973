"""Which runs may be compared: the series a run belongs to, and its setting within it. No torch.

A series is a run's specification without what a map varies (stratification, rate, seed) and without what does not
belong to the question (device, precision and what only saves time or draws curves), together with what the words of a
specification leave open: which weights, which data, and which generation of the training engine.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import Any

from spafit.runs import Run
from spafit.stratification import LoraSettings, Stratification
from spafit.training.config import INCIDENTAL, RunSpec

VARIED = ("learning_rate", "seed")
LIVE_EVALUATION = ("eval_every", "eval_samples")
KEY_LENGTH = 16
NO_SERIES = (
    "This run was made before runs kept the hashes of their weights and data, so it belongs to no series and is "
    "compared with none."
)


@dataclass(frozen=True)
class Contents:
    """What a specification names without saying it: hashes of weights and data, and the engine's generation."""

    weights: str
    data: str
    engine: int


@dataclass(frozen=True)
class Setting:
    """What a map compares: a stratification with a rate. How pairs would be made is no part where no layer has any."""

    stratification: Stratification
    learning_rate: float

    def __post_init__(self) -> None:
        if not self.stratification.uses_lora:
            object.__setattr__(self, "stratification", replace(self.stratification, lora=LoraSettings()))

    @cached_property
    def key(self) -> str:
        """The same text for the same setting; unlike a label it keeps every digit of the rate."""
        return f"{self.stratification.name}@{self.learning_rate!r}"


def series_document(spec: RunSpec, contents: Contents) -> dict[str, Any]:
    """Return what a series is, as JSON types; two runs are of one series when these are equal."""
    settings = spec.settings.to_dict()
    for name in (*VARIED, *INCIDENTAL):
        del settings[name]
    if settings["early_stopping"] is None:  # else the live evaluations decide when training ends
        for name in LIVE_EVALUATION:
            del settings[name]
    if settings["max_steps"] is not None:  # it overrides the epochs
        del settings["epochs"]
    return {
        "model": PurePath(spec.model).name,  # the contents say the rest, wherever a folder lies
        "task": PurePath(spec.task).name,
        "settings": settings,
        "weights": contents.weights,
        "data": contents.data,
        "engine": contents.engine,
    }


def series_key(spec: RunSpec, contents: Contents) -> str:
    """Return the name of a run's series: a hash of `series_document`."""
    text = json.dumps(series_document(spec, contents), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def setting_of(spec: RunSpec) -> Setting:
    """Return a run's setting, with the rate that it trains with."""
    return Setting(spec.stratification, spec.learning_rate)


def contents_of(run: Run) -> Contents | None:
    """Return what a run kept of its weights, data and engine; None when it lacks any of them (see `NO_SERIES`)."""
    if run.weights_hash is None or run.data_hash is None or run.engine_generation is None:
        return None
    return Contents(run.weights_hash, run.data_hash, run.engine_generation)


def series_of(run: Run) -> str | None:
    """Return the key of a run's series; None when it belongs to none (see `NO_SERIES`)."""
    contents = contents_of(run)
    return None if contents is None else series_key(run.spec, contents)
