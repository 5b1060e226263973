"""What a run is asked to do: the training settings, and the specification that a run is made from. No torch."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from importlib import resources
from typing import Any

from spafit.errors import SpafitError
from spafit.quantities import is_whole
from spafit.stratification import Stratification, learning_rate_method

SCHEMA_VERSION = 1

PRECISIONS = ("auto", "fp32", "bf16")
DEVICES = ("auto", "cpu", "cuda", "mps")
PREFIX_CACHE = ("auto", "on", "off")


class SettingsError(SpafitError):
    """A training setting is out of range, or two settings contradict each other."""


@dataclass(frozen=True)
class TrainSettings:
    """How to train. Fields are checked on construction; `SettingsError` says which is wrong and what is allowed."""

    train_samples: int | None = 2000  # training examples, a seeded stratified subset; None: all of them
    epochs: float = 2.0  # passes over the training examples; fractions allowed
    max_steps: int | None = None  # optimizer steps; when given it overrides epochs
    batch_size: int = 16  # examples in one forward pass
    learning_rate: float | None = None  # peak of the schedule; None: the default recorded for the method
    max_length: int = 128  # tokens; longer texts are cut
    seed: int = 0  # of the subset, the fresh head, the order of batches and dropout
    eval_every: int | None = None  # optimizer steps between evaluations; None: about ten evaluations a run
    eval_samples: int | None = 500  # validation examples in each live evaluation; None: all of them
    early_stopping: int | None = None  # evaluations without improvement before training stops; None: never
    warmup: float = 0.1  # share of the steps in which the learning rate rises from 0, before it falls to 0 linearly
    weight_decay: float = 0.01  # AdamW, on weights and adapters; biases and norms have none
    max_grad_norm: float = 1.0  # gradients are clipped to this global norm
    accumulation: int = 1  # forward passes in one optimizer step: batch_size x accumulation examples
    checkpointing: bool = False  # recompute activations in the backward pass: less memory, more time
    precision: str = "auto"  # of matrix products; "auto" takes bf16 only where it is fast and costs no accuracy
    device: str = "auto"
    prefix_cache: str = "auto"  # keep the hidden states below the lowest trained layer; "auto": when it saves time
    frozen_dropout: bool = False  # keep dropout in frozen layers (the prefix is then no constant and is not cached)

    def __post_init__(self) -> None:
        for name, low, high, optional in _INTEGERS:
            _check_integer(name, getattr(self, name), low, high, optional)
        for name, low, low_open, high, optional in _NUMBERS:
            _check_number(name, getattr(self, name), low, low_open, high, optional)
        for name, allowed in (("precision", PRECISIONS), ("device", DEVICES), ("prefix_cache", PREFIX_CACHE)):
            if getattr(self, name) not in allowed:
                raise SettingsError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        for name in ("checkpointing", "frozen_dropout"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"{name} must be true or false, not {getattr(self, name)!r}.")
        if self.frozen_dropout and self.prefix_cache == "on":
            raise SettingsError(
                "prefix_cache 'on' contradicts frozen_dropout: with dropout in the frozen layers their output changes "
                "at every pass and cannot be cached."
            )
        for name in ("epochs", "learning_rate", "warmup", "weight_decay", "max_grad_norm"):
            value = getattr(self, name)
            if value is not None:  # an int given for a float is the same setting: store one form of it
                object.__setattr__(self, name, float(value))

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrainSettings:
        """The inverse of `to_dict`; absent settings take their defaults, unknown ones raise `SettingsError`."""
        if not isinstance(data, dict):
            raise SettingsError("Training settings must be a JSON object.")
        known = {f.name for f in fields(cls)}
        unknown = sorted(str(key) for key in data if key not in known)
        if unknown:
            raise SettingsError(f"Unknown training setting {unknown[0]!r}; known are {', '.join(sorted(known))}.")
        return cls(**data)


# name, smallest, largest, may be None
_INTEGERS = (
    ("train_samples", 2, 10**9, True),
    ("max_steps", 1, 10**9, True),
    ("batch_size", 1, 4096, False),
    ("max_length", 4, 131072, False),
    ("seed", 0, 2**32 - 1, False),
    ("eval_every", 1, 10**9, True),
    ("eval_samples", 1, 10**9, True),
    ("early_stopping", 1, 10**6, True),
    ("accumulation", 1, 4096, False),
)
# name, lower limit, whether the limit itself is excluded, largest, may be None
_NUMBERS = (
    ("epochs", 0.0, True, 10000.0, False),
    ("learning_rate", 0.0, True, 1e6, True),
    ("warmup", 0.0, False, 1.0, False),
    ("weight_decay", 0.0, False, 1.0, False),
    ("max_grad_norm", 0.0, True, 1e6, False),
)


def _check_integer(name: str, value: object, low: int, high: int, optional: bool) -> None:
    if value is None and optional:
        return
    if not is_whole(value, low, high):
        empty = " or empty" if optional else ""
        raise SettingsError(f"{name} must be a whole number from {low} to {high}{empty}, not {value!r}.")


def _check_number(name: str, value: object, low: float, low_open: bool, high: float, optional: bool) -> None:
    if value is None and optional:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value > high or value < low or (low_open and value == low):
        lower = f"above {low:g}" if low_open else f"at least {low:g}"
        empty = " or empty" if optional else ""
        raise SettingsError(f"{name} must be a number {lower} and at most {high:g}{empty}, not {value!r}.")


# Finishes in about 20 s on two CPU cores with the bundled model.
QUICK = TrainSettings(train_samples=1000, epochs=2.0, max_length=64, eval_samples=300)


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides a run: model, task, stratification and settings."""

    model: str  # a folder, a catalogue key or a Hub id
    task: str  # a task key, or the path of a local data set
    stratification: Stratification
    settings: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        for name in ("model", "task"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise SettingsError(f"A run needs a {name}: its key, folder or Hub id.")

    @property
    def learning_rate(self) -> float:
        """The peak learning rate: the one in the settings, else the default recorded for the method."""
        given = self.settings.learning_rate
        return default_learning_rate(self.stratification) if given is None else given

    def resolved(self) -> RunSpec:
        """The same run with its learning rate written out, so that later defaults cannot change what it means."""
        return replace(self, settings=replace(self.settings, learning_rate=self.learning_rate))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the schema version."""
        return {
            "schema": SCHEMA_VERSION,
            "model": self.model,
            "task": self.task,
            "stratification": self.stratification.to_dict(),
            "settings": self.settings.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunSpec:
        """The inverse of `to_dict`; raises `SettingsError` on a missing part or an unknown schema version."""
        if not isinstance(data, dict):
            raise SettingsError("A run's specification must be a JSON object.")
        if data.get("schema") != SCHEMA_VERSION:
            raise SettingsError(
                f"This run's specification has schema {data.get('schema')!r}; this version of spafit reads "
                f"schema {SCHEMA_VERSION}."
            )
        missing = [name for name in ("model", "task", "stratification") if name not in data]
        if missing:
            raise SettingsError(f"A run's specification lacks {missing[0]!r}.")
        return cls(
            model=data["model"],
            task=data["task"],
            stratification=Stratification.from_dict(data["stratification"]),
            settings=TrainSettings.from_dict(data.get("settings", {})),
        )


@cache
def learning_rates() -> dict[str, Any]:
    """The recorded search that the defaults come from: rates tried and their scores, machine, seeds and commit."""
    return json.loads(resources.files("spafit.training").joinpath("learning_rates.json").read_text("utf-8"))


def default_learning_rate(strat: Stratification) -> float:
    """Return the peak learning rate for a stratification, from the recorded search."""
    return float(learning_rates()["defaults"][learning_rate_method(strat)])
