"""A run as everybody sees it: what was asked for, where it is, what came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import PurePath
from typing import Any

from spafit import access
from spafit.runs.rights import shows_test
from spafit.stratification import Method, method_of
from spafit.training.config import RunSpec

SCHEMA_VERSION = 1
FINAL_SCORES = ("metrics", "validation_metrics", "baseline", "validation_baseline")


class State(StrEnum):
    """Where a run is. `docs/runs.md` draws the transitions."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to the run by itself."""
        return self in (State.FINISHED, State.STOPPED, State.FAILED)


class Origin(StrEnum):
    """Where a run comes from: this installation, a file somebody shared, or the examples in the package."""

    LOCAL = "local"
    IMPORTED = "imported"
    RECORDED = "recorded"


@dataclass(frozen=True)
class Run:
    """One row of the store. Times are aware UTC datetimes; durations are seconds."""

    number: int
    """Order of submission in this store."""
    id: str
    name: str
    state: State
    owner: str
    """Whose it is by name, which is only shown."""
    owner_id: str = field(repr=False)
    """Whose it is; empty for the person at the machine."""
    priority: int
    attempt: int
    """1 for the first try; running it again adds one."""
    origin: Origin
    sweep: str | None
    stop_requested: bool
    archived: bool
    pinned: bool
    """Its trained parameters are kept when space for others is made."""
    note: str
    """What somebody wrote beside it."""
    tags: tuple[str, ...]
    reason: str | None
    """Why it failed, or a remark on how it was stopped; one sentence."""
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None
    spec_document: dict[str, Any] = field(repr=False)
    environment: dict[str, str] = field(repr=False)
    model: str
    task: str
    stratification: str
    """The stratification's name; the thing itself is in `spec`."""
    seed: int
    method: str | None
    """The preset it is, by name; None for any other stratification."""
    n1: int | None
    """Boundary 1; None where the method has no boundaries to choose."""
    n2: int | None
    learning_rate: float | None
    requested_device: str
    supervisor: str | None = field(repr=False)
    process: str | None = field(repr=False)
    device: str | None
    versions: dict[str, str] = field(repr=False)
    hardware: dict[str, Any] = field(repr=False)
    weights_hash: str | None = field(repr=False)
    data_hash: str | None = field(repr=False)
    engine_generation: int | None = field(repr=False)
    phase: str | None
    """Name of the part it is in (`spafit.training.events.PHASES`); None before the first."""
    trainable: int | None
    total: int | None
    total_steps: int | None
    step: int
    seconds: float | None
    """From launch to the latest event; for a run that is over, to its end."""
    remaining: float | None
    metrics: dict[str, float]
    """On the test split, once, when finished."""
    validation_metrics: dict[str, float]
    """The latest live evaluation; for a finished run, the final one."""
    baseline: dict[str, float]
    """What guessing reaches on the test split."""
    validation_baseline: dict[str, float]
    """Likewise on the validation split; empty for runs from before it was kept."""
    further_tests: dict[str, dict[str, dict[str, float]]]
    """For each further test part of the task, MNLI's "test_mismatched": its "metrics" and its "baseline"."""
    class_id: str | None = None
    """The class that it was started in."""
    limit_examples: float | None = None
    """How many training examples its class lets it see; None for any other run."""
    limit_seconds: float | None = None
    """How long its class lets it take."""
    test_hidden: bool = False
    """Whether its test scores are not shown before the class's teacher does so."""
    position: int | None = None
    """Place in the queue, 1 for the next; None unless queued, and while its sweep or its class is paused."""

    @cached_property
    def spec(self) -> RunSpec:
        """What was asked for. Raises `SpafitError` when a newer version of spafit wrote it."""
        return RunSpec.from_dict(self.spec_document)

    @property
    def progress(self) -> float:
        """Share of the optimizer steps done, 0 to 1."""
        return min(self.step / self.total_steps, 1.0) if self.total_steps else 0.0

    @property
    def tests(self) -> dict[str, tuple[dict[str, float], dict[str, float]]]:
        """What the run reached and what guessing reaches, on each test part; empty unless it is finished."""
        further = {part: (scores["metrics"], scores["baseline"]) for part, scores in self.further_tests.items()}
        return {"test": (self.metrics, self.baseline), **further} if self.metrics else {}

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON types: what ``spafit show --json`` prints."""
        plain = ("name", "owner", "priority", "attempt", "sweep", "stop_requested", "archived", "reason", "model")
        plain += ("task", "seed", "device", "phase", "step", "total_steps", "progress", "seconds", "remaining")
        plain += ("trainable", "total", "metrics", "validation_metrics", "baseline")
        plain += ("validation_baseline", "further_tests", "weights_hash", "data_hash", "engine_generation")
        plain += ("versions", "hardware", "position", "pinned", "note", "method", "n1", "n2", "learning_rate")
        times = ("created_at", "queued_at", "started_at", "ended_at", "heartbeat_at")
        moments = {key: getattr(self, key) for key in times}
        return {
            "schema": SCHEMA_VERSION,
            "run": self.id,
            "state": self.state.value,
            "origin": self.origin.value,
            "stratification": self.stratification,
            "tags": list(self.tags),
            **{key: getattr(self, key) for key in plain},
            **{key: moment.isoformat() if moment else None for key, moment in moments.items()},
            "spec": self.spec_document,
        }


def repeated(spec: RunSpec) -> dict[str, Any]:
    """Return the columns that repeat parts of a specification, so that tables can be sorted by them.

    The boundaries are left out where a method has none to choose.
    """
    strat = spec.stratification
    method = method_of(strat)
    bounded = method in (None, Method.SPAFIT)
    return {
        "method": None if method is None else method.value,
        "n1": strat.n1 if bounded else None,
        "n2": strat.n2 if bounded else None,
        "learning_rate": spec.learning_rate,
    }


def run_from_row(row: Mapping[str, Any], position: int | None = None) -> Run:
    """Return the run in a row of the `runs` table."""
    values = dict(row)
    values["spec_document"] = values.pop("spec")
    values["state"] = State(values["state"])
    values["origin"] = Origin(values["origin"])
    run = Run(**values, position=position)
    if not shows_test(run.test_hidden, to_others=access.shared()):
        run = replace(run, metrics={}, baseline={}, further_tests={})
    return _without_paths(run) if access.shared() else run


def without_test(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event without what a run's end says of the test parts."""
    hidden = {"metrics": {}, "baseline": {}, "further_tests": {}} if event.get("kind") == "finished" else {}
    return {**event, **hidden}


def _without_paths(run: Run) -> Run:
    """Return the run as a shared server shows it: nothing says where on the machine its model, data and log are."""
    model, task = (f"…/{PurePath(name).name}" if access.is_path(name) else name for name in (run.model, run.task))
    document = run.spec_document | {"model": model, "task": task}
    reason = run.reason and access.shown(run.reason)
    return replace(run, model=model, task=task, spec_document=document, reason=reason, environment={})


def changes(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what events (as `to_dict` writes them) change in a run's row; pure, and indifferent to batching."""
    row: dict[str, Any] = {}
    for event in events:
        if event.get("seconds") is not None:
            row["seconds"] = event["seconds"]
        match event.get("kind"):
            case "phase":
                row["phase"] = event["name"]
            case "started":
                row |= {key: event[key] for key in ("total_steps", "trainable", "total", "device")}
                row |= {key: event.get(key) for key in ("weights_hash", "data_hash", "engine_generation")}
            case "step" | "progress":
                row |= {"step": event["step"], "remaining": event.get("remaining")}
            case "evaluated":
                row["validation_metrics"] = dict(event["metrics"])
                if event.get("remaining") is not None:
                    row["remaining"] = event["remaining"]
            case "finished":
                # A run that was stopped has no final figures; those of its last live evaluation stay.
                row |= {key: dict(event[key]) for key in FINAL_SCORES if event.get(key)}
                row |= {"step": event["steps"], "remaining": None, "further_tests": event.get("further_tests") or {}}
    return row
