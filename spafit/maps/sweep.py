"""Launching, holding and reading sweeps: one thing in the queue, made of ordinary runs. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from filelock import FileLock

from spafit.maps.contents import contents_now, decisive, surroundings
from spafit.maps.definition import Definition, definition_key
from spafit.maps.series import Contents, series_key, series_of, setting_of
from spafit.runs import Origin, Run, State, Store, ensure_supervisor, facts, sweeps
from spafit.runs.rights import Actor, require_change, require_submit
from spafit.runs.sweeps import Sweep, Wish
from spafit.stratification import Method, method_of
from spafit.training.config import RunSpec

SCHEMA_VERSION = 1
MISSING = "missing"
"""The state of a run that a sweep wants and that is not there: it was deleted, or launching was cut short."""

SUBMIT, REQUEUE, REUSE, KEEP = "submit", "requeue", "reuse", "keep"

Place = tuple[str, int]
"""A setting's key, and a seed."""


@dataclass(frozen=True)
class Launched:
    """What launching a sweep did."""

    sweep: Sweep
    reused: int
    """Finished runs from elsewhere that stand for one of its own."""
    kept: int
    """Runs of this sweep from before that are finished or under way."""
    queued: int
    """Runs that were queued now, for the first time or again."""

    @property
    def sentence(self) -> str:
        """What was done, in one sentence."""
        parts = [f"runs queued: {self.queued}"]
        if self.reused:
            parts.append(f"reused, finished with the same setting, seed and versions: {self.reused}")
        if self.kept:
            parts.append(f"under way or finished before: {self.kept}")
        return f"Sweep {self.sweep.id}: {'; '.join(parts)}."


@dataclass(frozen=True)
class Row:
    """One of a sweep's runs: what was asked for, and the run that does it, if there is one."""

    spec: RunSpec
    run: Run | None

    @property
    def state(self) -> str:
        """The run's state, or `MISSING`."""
        return MISSING if self.run is None else self.run.state.value

    def to_dict(self) -> dict[str, Any]:
        """Return the row as ``spafit sweep --json`` prints it."""
        strat, run = self.spec.stratification, self.run
        method = method_of(strat)
        cell = (strat.n1, strat.n2) if method in (None, Method.SPAFIT) else (None, None)
        return {
            "name": strat.name,
            "n1": cell[0],
            "n2": cell[1],
            "method": None if method is None else method.value,
            "seed": self.spec.settings.seed,
            "lr": self.spec.learning_rate,
            "run": None if run is None else run.id,
            "state": self.state,
            "metrics": {} if run is None else run.metrics,
            "validation_metrics": {} if run is None else run.validation_metrics,
            "trainable": None if run is None else run.trainable,
            "seconds": None if run is None else run.seconds,
        }


@dataclass(frozen=True)
class Progress:
    """How far a sweep is."""

    state: str
    """running, paused, stopped, or finished once nothing more will happen by itself."""
    runs: int
    finished: int
    failed: int
    under_way: int
    """Runs that wait or go."""
    seconds_left: float | None
    """An estimate from its finished runs; None while there are none, and for a sweep that does not go on."""

    @property
    def complete(self) -> bool:
        """Whether every run finished."""
        return self.finished == self.runs


def launch(
    store: Store, definition: Definition, *, by: Actor | None = None, owner: str = "", priority: int = 0
) -> Launched:
    """Queue a sweep, or go on with one's own sweep of the same definition: what is missing, failed or was stopped.

    It and its runs belong to ``by`` (see `spafit.runs.rights`); ``owner`` is the name shown with them. A run that
    finished elsewhere with the same setting, seed, series and versions is not repeated but reused.
    """
    actor = require_submit(by, priority)
    contents = contents_now(definition.model, definition.task)
    key = definition_key(definition, surroundings(contents))
    with FileLock(store.home / "sweeps.lock"):  # two that launch the same sweep at once make one
        sweep = sweeps.find(store, key, actor.id)
        mine, others, todo = _outlook(store, definition, sweep, contents)
        counts = Counter(todo.values())
        store.check_room(counts[SUBMIT] + counts[REQUEUE], actor)  # before anything is changed
        if sweep is None:
            sweep = sweeps.create(store, definition.to_dict(), key, by=actor, owner=owner, priority=priority)
        elif sweep.state is not Wish.RUNNING:
            sweeps.change_state(store, sweep, Wish.RUNNING, actor)
        for spec in definition.specs():
            place = place_of(spec)
            match todo[place]:
                case "submit":
                    store.submit(spec, by=actor, owner=sweep.owner, priority=sweep.priority, sweep=sweep.id)
                case "requeue":
                    store.requeue(mine[place].id, actor)
                case "reuse":
                    sweeps.reuse(store, sweep, others[place])
    queued = counts[SUBMIT] + counts[REQUEUE]
    if queued:
        ensure_supervisor()
    return Launched(sweeps.get(store, sweep.id), counts[REUSE], counts[KEEP], queued)


def launch_again(store: Store, sweep: Sweep, by: Actor | None = None) -> None:
    """Queue again what one's own sweep has not finished.

    Where weights, data or versions are others by now, that is a sweep of its own.
    """
    actor = require_change(by, sweep.owner_id, f"Sweep {sweep.id}")
    launch(store, Definition.from_dict(sweep.definition), by=actor, owner=sweep.owner)


def to_queue(store: Store, definition: Definition, by: Actor | None = None) -> list[RunSpec]:
    """Return the runs that `launch` would queue now, so that what they take can be said beforehand."""
    contents = contents_now(definition.model, definition.task)
    sweep = sweeps.find(store, definition_key(definition, surroundings(contents)), require_submit(by).id)
    todo = _outlook(store, definition, sweep, contents)[2]
    return [spec for spec in definition.specs() if todo[place_of(spec)] in (SUBMIT, REQUEUE)]


def _outlook(
    store: Store, definition: Definition, sweep: Sweep | None, contents: Contents | None
) -> tuple[Mapping[Place, Run], Mapping[Place, Run], Mapping[Place, str]]:
    """Return a sweep's own runs, those of others that may stand for them, and what is to be done for each place."""
    mine = {} if sweep is None else by_place(sweeps.runs_of(store, sweep))
    others = _reusable(sweeps.finished_runs(store, definition.model, definition.task), definition, contents)
    return mine, others, {place: _to_do(place, mine, others) for place in map(place_of, definition.specs())}


def _to_do(place: Place, mine: Mapping[Place, Run], others: Mapping[Place, Run]) -> str:
    """Return what one of a sweep's runs takes: whether it is submitted, queued again, reused or kept."""
    if run := mine.get(place):
        return REQUEUE if run.state in (State.STOPPED, State.FAILED) else KEEP
    return REUSE if place in others else SUBMIT


def pause(store: Store, sweep: Sweep, by: Actor | None = None) -> None:
    """Let no further run of a sweep start; those that run go on to their end."""
    sweeps.change_state(store, sweep, Wish.PAUSED, by)


def resume(store: Store, sweep: Sweep, by: Actor | None = None) -> None:
    """Let the runs of a paused sweep start again. One that was stopped is launched again instead."""
    sweeps.change_state(store, sweep, Wish.RUNNING, by)
    ensure_supervisor()


def stop(store: Store, sweep: Sweep, by: Actor | None = None) -> None:
    """Stop a sweep: its waiting runs at once, its running ones within seconds; what is finished stays."""
    sweeps.change_state(store, sweep, Wish.STOPPED, by)
    for run in sweeps.runs_of(store, sweep):
        if run.sweep == sweep.id and not run.state.over:
            store.request_stop(run.id, by)


def rows(store: Store, sweep: Sweep) -> list[Row]:
    """Return a sweep's runs in the order of its definition."""
    found = by_place(sweeps.runs_of(store, sweep))
    return [Row(spec, found.get(place_of(spec))) for spec in Definition.from_dict(sweep.definition).specs()]


def progress(sweep: Sweep, found: Sequence[Row]) -> Progress:
    """Return how far a sweep is, by its rows."""
    return _progress(sweep, len(found), [row.run for row in found if row.run is not None])


def progress_of(store: Store, found: Collection[Sweep]) -> dict[str, Progress]:
    """Return how far several sweeps are, by their ids, without reading what was asked of each run."""
    briefs = sweeps.briefs(store, found)
    return {sweep.id: _progress(sweep, runs_wanted(sweep), briefs[sweep.id]) for sweep in found}


def runs_wanted(sweep: Sweep) -> int:
    """Return how many runs a sweep has in all."""
    return len(sweep.definition["points"]) * len(sweep.definition["seeds"])


def _progress(sweep: Sweep, wanted: int, runs: Sequence[Run | sweeps.Brief]) -> Progress:
    finished = [run for run in runs if run.state is State.FINISHED]
    failed = sum(run.state is State.FAILED for run in runs)
    under_way = sum(not run.state.over for run in runs)
    ended = not under_way and len(runs) == wanted and (sweep.state is not Wish.STOPPED or len(finished) == wanted)
    state = "finished" if ended else sweep.state.value
    left = None
    if state == "running":
        left = _seconds_left([run.seconds for run in finished if run.seconds is not None], runs)
    return Progress(state, wanted, len(finished), failed, under_way, left)


def document(sweep: Sweep, found: Sequence[Row]) -> dict[str, Any]:
    """Return a sweep with its runs as ``spafit sweep --json`` prints it."""
    cells = [row.to_dict() for row in found]
    return {"schema": SCHEMA_VERSION, "sweep": sweep.id, "state": progress(sweep, found).state, "cells": cells}


def place_of(spec: RunSpec) -> Place:
    """Return which of a sweep's runs a specification is."""
    return setting_of(spec).key, spec.settings.seed


def by_place(runs: Iterable[Run]) -> dict[Place, Run]:
    """Return runs by setting and seed; of several the finished one, else the newest."""
    found: dict[Place, Run] = {}
    for run in runs:
        place = place_of(run.spec)
        if place not in found or found[place].state is not State.FINISHED:
            found[place] = run
    return found


def _reusable(finished: Iterable[Run], definition: Definition, contents: Contents | None) -> dict[Place, Run]:
    """Return those of the finished runs that a run made now would repeat, by setting and seed."""
    if contents is None:
        return {}
    series, versions = series_key(definition.specs()[0], contents), decisive(facts.versions())
    return by_place(
        run
        for run in finished
        if run.origin is Origin.LOCAL and series_of(run) == series and decisive(run.versions) == versions
    )


def _seconds_left(finished: Sequence[float], runs: Sequence[Run | sweeps.Brief]) -> float | None:
    """Return what is left by the mean of the finished runs, one run at a time."""
    if not finished:
        return None
    usual = fmean(finished)
    running = (run for run in runs if run.state is State.RUNNING)
    under_way = sum(
        max(0.0, usual - (run.seconds or 0.0)) if run.remaining is None else run.remaining for run in running
    )
    return under_way + usual * sum(run.state is State.QUEUED for run in runs)
