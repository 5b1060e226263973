"""What the recorded maps consist of, and which of it is still to do: settings x rates x seeds, run by run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spafit import tasks
from spafit.maps.cells import METHODS, cells, stratifications
from spafit.stratification import Method, Stratification, method_of
from spafit.training.config import ENGINE_GENERATION, QUICK

LAYERS = 6
MAPS = {"rotten-tomatoes": "all", "bbc-news": "coarse", "stsb": "all"}
"""Task -> its cells, in the order in which they are recorded."""
RATES = (3e-4, 1e-3, 3e-3)
FURTHER_RATES = {Method.FULL: (3e-5, 1e-4), Method.BITFIT: (1e-2,), Method.PROBE: (1e-2, 3e-2, 1e-1)}
SETTINGS = replace(QUICK, eval_every=8, eval_samples=200)
"""Of all runs, but for rate and seed. How often a live evaluation is made changes no result."""
CHOOSING_SEED = 0
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Job:
    """One run of a map."""

    task: str
    point: Stratification
    rate: float
    seed: int

    @property
    def identity(self) -> dict[str, Any]:
        """What tells the run from every other one, as JSON types."""
        told = {"map": self.task, "setting": self.point.name, "learning_rate": self.rate, "seed": self.seed}
        return told | {"engine_generation": ENGINE_GENERATION}

    @property
    def key(self) -> tuple[Any, ...]:
        """The same, to look it up."""
        return tuple(self.identity.values())


def points(task: str) -> tuple[Stratification, ...]:
    """Return the cells and methods of a map."""
    return stratifications(cells(MAPS[task], LAYERS), METHODS, LAYERS)


def rates_of(point: Stratification) -> tuple[float, ...]:
    """Return the rates that a cell or method is tried at."""
    method = method_of(point)
    return (*RATES, *FURTHER_RATES.get(method, ())) if method is not None else RATES


@dataclass
class Known:
    """What is recorded already, by all processes that write into a folder; read on from where it was read to."""

    folder: Path
    scores: dict[tuple[Any, ...], float | None] = field(default_factory=dict)
    """Job's key -> validation score; None for a run that failed."""
    _read: dict[Path, int] = field(default_factory=dict)

    def refresh(self) -> None:
        """Read what was added; a last line that is not whole yet is left for the next time."""
        for path in sorted(self.folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                added = file.read()
            whole = added[: added.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(whole)
            for line in parsed(whole):
                self.add(line)

    def add(self, line: Mapping[str, Any]) -> None:
        """Note one recorded run."""
        names = ("map", "setting", "learning_rate", "seed", "engine_generation")
        if line.get("state") in ("finished", "failed") and all(name in line for name in names):
            metric = tasks.get_task(line["map"]).metric
            score = line["validation_metrics"][metric] if line["state"] == "finished" else None
            self.scores[tuple(line[name] for name in names)] = score

    def best_rate(self, task: str, point: Stratification) -> float | None:
        """Return the rate with the best validation score of the first seed; None where every run failed."""
        tried = {rate: self.scores.get(Job(task, point, rate, CHOOSING_SEED).key) for rate in rates_of(point)}
        reached = {rate: score for rate, score in tried.items() if score is not None}
        return max(reached, key=lambda rate: reached[rate], default=None)

    def tried(self, task: str, point: Stratification) -> bool:
        """Whether every rate of a point has run, so that the best one is known."""
        return all(Job(task, point, rate, CHOOSING_SEED).key in self.scores for rate in rates_of(point))


def parsed(text: bytes) -> Iterator[dict[str, Any]]:
    """Yield the lines that are JSON objects; what a killed process left half-written is none."""
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def missing(known: Known, chosen: list[str], part: int = 0, parts: int = 1) -> tuple[list[Job], bool]:
    """Return the runs that may begin now, first ones first, and whether others wait for a rate to be chosen.

    Every rate comes with the first seed, then the other seeds at each point's best rate. The places in that list are
    dealt out to the parts, so that processes which share a map need not speak to each other.

    Args:
        known: what is recorded.
        chosen: maps, in their order.
        part: which part's runs, from 0.
        parts: how many parts there are.
    """
    ready, waiting = [], False
    for task in chosen:
        every = points(task)
        first = ((point, rate, CHOOSING_SEED) for point in every for rate in rates_of(point))
        later = ((point, None, seed) for seed, point in itertools.product(SEEDS, every))
        for place, (point, rate, seed) in enumerate(itertools.chain(first, later)):
            if place % parts != part:
                continue
            if rate is None and not known.tried(task, point):
                waiting = True
                continue
            chosen_rate = known.best_rate(task, point) if rate is None else rate
            if chosen_rate is not None and (job := Job(task, point, chosen_rate, seed)).key not in known.scores:
                ready.append(job)
    return ready, waiting
