"""What a sweep is: a list of settings x seeds, on one model and task with the same training settings. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spafit.errors import SpafitError
from spafit.maps.series import Setting
from spafit.stratification import Stratification
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.rates import default_learning_rate

SCHEMA_VERSION = 1
MAX_RUNS = 5000
"""More than anybody waits for; a bound for what a slip of the keyboard asks for."""


class SweepError(SpafitError):
    """A sweep cannot be what was asked for."""


@dataclass(frozen=True)
class Definition:
    """A sweep's runs before there are any. `settings` are shared: the rate and the seed in them do not count."""

    model: str
    task: str
    settings: TrainSettings
    points: tuple[Setting, ...]
    seeds: tuple[int, ...]

    def specs(self) -> list[RunSpec]:
        """Return every run's specification, resolved: seed by seed, so that the whole map is there once early on."""
        return [
            RunSpec(
                self.model,
                self.task,
                point.stratification,
                replace(self.settings, learning_rate=point.learning_rate, seed=seed),
            )
            for seed in self.seeds
            for point in self.points
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as JSON types."""
        settings = self.settings.to_dict()
        del settings["learning_rate"], settings["seed"]
        return {
            "schema": SCHEMA_VERSION,
            "model": self.model,
            "task": self.task,
            "settings": settings,
            "points": [
                {"stratification": point.stratification.to_dict(), "learning_rate": point.learning_rate}
                for point in self.points
            ],
            "seeds": list(self.seeds),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Definition:
        """Return what `to_dict` wrote.

        Raises:
            SpafitError: a newer version of spafit wrote it, or it is none.
        """
        if document.get("schema") != SCHEMA_VERSION:
            raise SweepError(
                f"This sweep has schema {document.get('schema')!r}; this version of spafit reads schema "
                f"{SCHEMA_VERSION}."
            )
        points = tuple(
            Setting(Stratification.from_dict(point["stratification"]), float(point["learning_rate"]))
            for point in document["points"]
        )
        settings = TrainSettings.from_dict(document["settings"])
        return cls(document["model"], document["task"], settings, points, tuple(document["seeds"]))


def define(
    model: str,
    task: str,
    settings: TrainSettings,
    stratifications: Iterable[Stratification],
    seeds: Sequence[int],
    rates: Sequence[float] = (),
) -> Definition:
    """Return a sweep over stratifications x rates x seeds, each combination once.

    Args:
        model: of all runs.
        task: of all runs.
        settings: of all runs, but for rate and seed.
        stratifications: in the order in which they shall run.
        seeds: at least one.
        rates: that each stratification is tried at; none: the recorded default of each.

    Raises:
        SpafitError: nothing to run, too much, or a rate or seed out of range.
    """
    points: dict[str, Setting] = {}
    for stratification in stratifications:
        for rate in rates or (default_learning_rate(stratification, settings.expected_steps()),):
            point = Setting(stratification, float(rate))
            points.setdefault(point.key, point)
    wanted = tuple(dict.fromkeys(seeds))
    if not points or not wanted:
        raise SweepError("A sweep needs at least one cell or method, and at least one seed.")
    if len(points) * len(wanted) > MAX_RUNS:
        raise SweepError(
            f"This sweep has {len(points) * len(wanted):,} runs and the most is {MAX_RUNS:,}; choose fewer cells, "
            "rates or seeds."
        )
    shared = replace(settings, learning_rate=None, seed=0)
    found = Definition(model, task, shared, tuple(points.values()), wanted)
    found.specs()  # refuses a rate or a seed that no run can have
    return found


def definition_key(definition: Definition, surroundings: Mapping[str, Any]) -> str:
    """Return the same text for the same runs under the same weights, data, engine and versions (`surroundings`).

    The order in which cells, rates and seeds were named does not matter.
    """
    document = definition.to_dict()
    document["points"] = sorted(document["points"], key=lambda point: json.dumps(point, sort_keys=True))
    document["seeds"] = sorted(document["seeds"])
    text = json.dumps([document, dict(surroundings)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
