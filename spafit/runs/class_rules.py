"""What a class fixes and bounds for the runs of its students. Pure; asked when a run is submitted, and by pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spafit.errors import SpafitError
from spafit.quantities import is_whole
from spafit.stratification import Method, method_of
from spafit.training.config import SETTINGS, RunSpec

SCHEMA_VERSION = 1
BOUNDARIES, RECIPES, LORA = "boundaries", "recipes", "lora"
PARTS = {BOUNDARIES: "Boundaries", RECIPES: "Method per stratum", LORA: "LoRA (rank, alpha, dropout, target modules)"}
"""What of a stratification a class may leave open, with its name on pages; beside it every training setting can be."""
USUALLY_OPEN = frozenset({BOUNDARIES, "learning_rate", "seed"})


class ClassError(SpafitError):
    """A class does not allow, or does not have, what was asked of it."""


@dataclass(frozen=True)
class Limits:
    """How much one student's run may take, and how many a student may have."""

    examples: float = 5000
    """Training examples of a run, counted once an epoch."""
    minutes: float = 5
    """Wall time of a run; then it is ended, and its curve is kept."""
    runs: int = 20
    """Of one student, in all."""
    at_once: int = 2
    """Of one student that wait or go."""

    def __post_init__(self) -> None:
        for name, label in (("examples", "Training examples of a run"), ("minutes", "Minutes of a run")):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1e9:
                raise ClassError(f"{label} must be a number above 0, not {_shown(value)}.")
        for name, label in (("runs", "Runs of a student"), ("at_once", "Runs of a student at once")):
            if not is_whole(getattr(self, name), 1, 10_000):
                raise ClassError(f"{label} must be a whole number from 1 to 10,000, not {_shown(getattr(self, name))}.")


@dataclass(frozen=True)
class Rules:
    """A class's locked setting, what of it students may change, and their limits."""

    setting: RunSpec
    may_change: frozenset[str] = USUALLY_OPEN
    """Of `PARTS` and the names of training settings."""
    limits: Limits = Limits()
    guess_first: bool = True
    """Whether students guess before their first run, and before they see a measured map."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "may_change", frozenset(self.may_change))
        unknown = sorted(self.may_change - PARTS.keys() - SETTINGS.keys())
        if unknown:
            raise ClassError(f"A class cannot leave open {unknown[0]!r}; it can: {', '.join((*PARTS, *SETTINGS))}.")

    def held(self, spec: RunSpec) -> RunSpec:
        """Return what comes nearest to a wished run: what may not be changed is as the class has it."""
        locked, mine = self.setting.stratification, spec.stratification
        if mine.num_layers != locked.num_layers:
            mine = locked
        if RECIPES not in self.may_change:
            mine = replace(mine, recipes=locked.recipes, embeddings=locked.embeddings, head=locked.head)
        if LORA not in self.may_change:
            mine = replace(mine, lora=locked.lora)
        method = method_of(mine)
        # Where other methods are allowed, one without boundaries to choose brings its own.
        point = RECIPES in self.may_change and method is not None and method is not Method.SPAFIT
        if BOUNDARIES not in self.may_change and not point:
            mine = mine.with_boundaries(locked.n1, locked.n2)
        open_settings = {name: getattr(spec.settings, name) for name in SETTINGS if name in self.may_change}
        settings = replace(self.setting.settings, **open_settings)
        return replace(self.setting, stratification=mine, settings=settings)

    def check(self, spec: RunSpec) -> None:
        """Refuse a run that differs from the class's setting in something that may not be changed.

        Raises:
            ClassError: which it is, what the class has and what was asked for.
        """
        asked, allowed = spec.resolved(), self.held(spec).resolved()
        if asked == allowed:
            return
        for label, of in _COMPARED.items():
            if of(asked) != of(allowed):
                raise ClassError(f"In this class {label} is {of(allowed)}; {of(asked)} is not allowed.")
        raise ClassError(f"In this class every run is like {allowed.stratification.name}.")  # a part with no name here

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as JSON types."""
        return {
            "schema": SCHEMA_VERSION,
            "setting": self.setting.to_dict(),
            "may_change": sorted(self.may_change),
            "limits": vars(self.limits).copy(),
            "guess_first": self.guess_first,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Rules:
        """Return the rules that `to_dict` wrote. Raises `SpafitError` when a newer version did."""
        if document.get("schema") != SCHEMA_VERSION:
            raise ClassError("This class was made by another version of spafit.")
        return cls(
            RunSpec.from_dict(document["setting"]),
            frozenset(document["may_change"]),
            Limits(**document["limits"]),
            document["guess_first"],
        )


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and math.isfinite(value) else repr(value)[:40]


def _setting(name: str) -> Callable[[RunSpec], str]:
    return lambda spec: SETTINGS[name].said(getattr(spec.settings, name))


_COMPARED: dict[str, Callable[[RunSpec], str]] = {
    "the model": lambda spec: spec.model,
    "the task": lambda spec: spec.task,
    "the number of layers": lambda spec: str(spec.stratification.num_layers),
    "the method per stratum": lambda spec: ", ".join(recipe.label for recipe in spec.stratification.recipes),
    "the embeddings' method": lambda spec: spec.stratification.embeddings.label,
    "the pooler's method": lambda spec: spec.stratification.head.pretrained_pooler.label,
    "the new head's method": lambda spec: spec.stratification.head.fresh.label,
    "N1": lambda spec: str(spec.stratification.n1),
    "N2": lambda spec: str(spec.stratification.n2),
    "LoRA's rank": lambda spec: str(spec.stratification.lora.rank),
    "LoRA's alpha": lambda spec: f"{spec.stratification.lora.alpha:g}",
    "LoRA's dropout": lambda spec: f"{spec.stratification.lora.dropout:g}",
    "LoRA's target modules": lambda spec: ", ".join(spec.stratification.lora.targets),
} | {setting.label: _setting(name) for name, setting in SETTINGS.items()}
