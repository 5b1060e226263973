"""Sweeps in the store: a definition, a state, and the runs that carry its id. What a definition says is read in maps.

A paused sweep's queued runs keep their places and wait; its running runs go on to their end. A stopped sweep's queued
runs are stopped and its running ones asked to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, insert, or_, select, update

from spafit import access
from spafit.runs.database import StoreError, reading, writing
from spafit.runs.rights import Actor, require_change, require_submit
from spafit.runs.run import Run, State, run_from_row
from spafit.runs.schema import Wish, reused_runs, sweeps
from spafit.runs.schema import runs as runs_table
from spafit.runs.store import Store, new_id

ROWS_AT_ONCE = 500
MOST_READ = 20_000
_read: WeakKeyDictionary[Store, dict[str, tuple[tuple[Any, ...], Run]]] = WeakKeyDictionary()
"""Finished runs as they were read, with what tells one attempt of a run from the next."""


class UnknownSweepError(StoreError):
    """No sweep has that id."""


@dataclass(frozen=True)
class Sweep:
    """One row of the store."""

    number: int
    id: str
    state: Wish
    owner: str
    owner_id: str
    priority: int
    created_at: datetime
    definition: dict[str, Any]
    definition_key: str


class Brief(NamedTuple):
    """Of a run what a sweep's progress needs."""

    state: State
    seconds: float | None
    remaining: float | None


def create(
    store: Store,
    definition: Mapping[str, Any],
    definition_key: str,
    *,
    by: Actor | None = None,
    owner: str = "",
    priority: int = 0,
) -> Sweep:
    """Store a sweep without runs. It belongs to ``by``; ``owner`` is the name shown with it, theirs by default."""
    actor = require_submit(by, priority)
    sweep_id = new_id()
    row = insert(sweeps).values(
        id=sweep_id,
        state=Wish.RUNNING,
        owner=owner or actor.name,
        owner_id=actor.id,
        priority=priority,
        created_at=store.clock(),
        definition=dict(definition),
        definition_key=definition_key,
    )
    with writing(store.engine) as connection:
        connection.execute(row)
    return get(store, sweep_id)


def get(store: Store, sweep_id: str) -> Sweep:
    """Return a sweep. Raises `UnknownSweepError`."""
    with reading(store.engine) as connection:
        return _get(connection, store, sweep_id)


def find(store: Store, definition_key: str, owner_id: str) -> Sweep | None:
    """Return an owner's newest sweep of the same definition."""
    mine = (sweeps.c.definition_key == definition_key, sweeps.c.owner_id == owner_id)
    with reading(store.engine) as connection:
        row = connection.execute(select(sweeps).where(*mine).order_by(sweeps.c.number.desc())).mappings().first()
    return None if row is None else _from_row(row)


def newest(store: Store, limit: int | None = None) -> list[Sweep]:
    """Return sweeps, newest first."""
    with reading(store.engine) as connection:
        rows = connection.execute(select(sweeps).order_by(sweeps.c.number.desc()).limit(limit)).mappings().all()
    return [_from_row(row) for row in rows]


def runs_of(store: Store, sweep: Sweep) -> list[Run]:
    """Return a sweep's own runs and those that it reuses, in the order of submission."""
    reused = select(reused_runs.c.run).where(reused_runs.c.sweep == sweep.number)
    query = select(runs_table).where(or_(runs_table.c.sweep == sweep.id, runs_table.c.number.in_(reused)))
    with reading(store.engine) as connection:
        rows = connection.execute(query.order_by(runs_table.c.number)).mappings().all()
    return [run_from_row(row) for row in rows]


def briefs(store: Store, found: Collection[Sweep]) -> dict[str, list[Brief]]:
    """Return what `runs_of` would, of several sweeps by their ids and only as far as their progress needs it."""
    columns = runs_table.c
    wanted = (columns.state, columns.seconds, columns.remaining)
    own = select(columns.sweep, *wanted).where(columns.sweep.in_([sweep.id for sweep in found]))
    reused = (
        select(sweeps.c.id, *wanted)
        .select_from(reused_runs.join(runs_table, columns.number == reused_runs.c.run).join(sweeps))
        .where(reused_runs.c.sweep.in_([sweep.number for sweep in found]))
    )
    briefs: dict[str, list[Brief]] = {sweep.id: [] for sweep in found}
    with reading(store.engine) as connection:
        for query in (own, reused):
            for sweep_id, state, seconds, remaining in connection.execute(query):
                briefs[sweep_id].append(Brief(State(state), seconds, remaining))
    return briefs


def failures(store: Store, sweep: Sweep, limit: int) -> list[Run]:
    """Return the newest of a sweep's own runs that have failed."""
    return store.list(sweep=sweep.id, state=State.FAILED, archived=None, limit=limit)


def finished_runs(store: Store, model: str, task: str) -> list[Run]:
    """Return every finished run of a model on a task, the oldest first.

    What a finished attempt has reached never changes, so only runs that this process has not read yet are read whole;
    names, tags and notes may be those of that reading.
    """
    columns = runs_table.c
    query = select(columns.id, columns.attempt, columns.ended_at).where(
        columns.state == State.FINISHED, columns.model == model, columns.task == task
    )
    with reading(store.engine) as connection:
        marks = [(*row, access.shared()) for row in connection.execute(query.order_by(columns.number))]
        known = _read.setdefault(store, {})
        if len(known) > MOST_READ:
            known.clear()
        unread = [mark[0] for mark in marks if known.get(mark[0], (None,))[0] != mark]
        rows: list[Mapping[str, Any]] = []
        for first in range(0, len(unread), ROWS_AT_ONCE):
            wanted = select(runs_table).where(columns.id.in_(unread[first : first + ROWS_AT_ONCE]))
            rows += connection.execute(wanted).mappings().all()
    found = {run.id: run for run in map(run_from_row, rows)}
    known.update({mark[0]: (mark, found[mark[0]]) for mark in marks if mark[0] in found})
    entries = [known.get(mark[0]) for mark in marks]
    return [entry[1] for entry in entries if entry is not None]


def reuse(store: Store, sweep: Sweep, run: Run) -> None:
    """Let a finished run stand for one of the sweep's."""
    with writing(store.engine) as connection:
        connection.execute(insert(reused_runs).values(sweep=sweep.number, run=run.number))


def change_state(store: Store, sweep: Sweep, state: Wish, by: Actor | None = None) -> None:
    """Say what is wanted of a sweep. Its runs are the caller's business."""
    require_change(by, sweep.owner_id, f"Sweep {sweep.id}")
    with writing(store.engine) as connection:
        connection.execute(update(sweeps).where(sweeps.c.number == sweep.number).values(state=state))


def change_priority(store: Store, sweep: Sweep, priority: int, by: Actor | None = None) -> None:
    """Give a sweep and those of its runs that wait another priority; as with a run, only an administrator may."""
    require_submit(require_change(by, sweep.owner_id, f"Sweep {sweep.id}"), priority)
    waiting = (runs_table.c.sweep == sweep.id, runs_table.c.state == State.QUEUED)
    with writing(store.engine) as connection:
        connection.execute(update(sweeps).where(sweeps.c.number == sweep.number).values(priority=priority))
        connection.execute(update(runs_table).where(*waiting).values(priority=priority))


def _get(connection: Connection, store: Store, sweep_id: str) -> Sweep:
    row = connection.execute(select(sweeps).where(sweeps.c.id == sweep_id)).mappings().first()
    if row is None:
        raise UnknownSweepError(f"There is no sweep {sweep_id!r} in {store.where}.")
    return _from_row(row)


def _from_row(row: Mapping[str, Any]) -> Sweep:
    values: dict[str, Any] = dict(row)
    values["state"] = Wish(values["state"])
    return Sweep(**values)
