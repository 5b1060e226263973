"""Whose an uploaded data set or lesson is: whoever stored it first, so that nobody else deletes it."""

from __future__ import annotations

from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, select

from spafit.runs import audit
from spafit.runs.database import reading, writing
from spafit.runs.rights import Action, Actor, may_change, require_change, require_submit
from spafit.runs.run import State
from spafit.runs.schema import uploads as uploads_table
from spafit.runs.store import Store
from spafit.tasks import TaskError
from spafit.tasks.upload import stored


def claim(store: Store, key: str, by: Actor | None) -> None:
    """Note who stored something; nothing changes when somebody did before."""
    actor = require_submit(by)
    with writing(store.engine) as connection:
        known = connection.execute(select(uploads_table.c.key).where(uploads_table.c.key == key)).first()
        if known is None:
            values = {"key": key, "owner_id": actor.id, "owner": actor.name, "created_at": store.clock()}
            connection.execute(insert(uploads_table).values(values))
            audit.record(connection, store.clock(), actor, Action.UPLOAD, key)


def owner_of(store: Store, key: str) -> str:
    """Return the id of whoever stored it; empty when that was the person at the machine."""
    with reading(store.engine) as connection:
        query = select(uploads_table.c.owner_id).where(uploads_table.c.key == key)
        return connection.execute(query).scalar() or ""


def may_delete(store: Store, key: str, actor: Actor) -> bool:
    """Whether somebody may delete what was stored under a key."""
    return may_change(actor, owner_of(store, key))


def delete(store: Store, key: str, by: Actor | None) -> None:
    """Delete a data set, unless a run needs it.

    Raises:
        SpafitError: it is somebody else's, a run needs it, or it is not there.
    """
    actor = require_change(by, owner_of(store, key), f"The data set {key}")
    going = store.list(state=(State.QUEUED, State.RUNNING), archived=None, limit=None)
    needing = [run for run in going if run.task == key]
    if needing:
        raise TaskError(
            f"The data set {key} is not deleted: run {needing[0].id} is {needing[0].state} and needs it; "
            f"stop the run first, or wait until it is over."
        )
    stored.delete(key)
    forget(store, key, actor)


def forget(store: Store, key: str, actor: Actor) -> None:
    """Note that somebody has deleted what was stored."""
    with writing(store.engine) as connection:
        connection.execute(delete_rows(uploads_table).where(uploads_table.c.key == key))
        audit.record(connection, store.clock(), actor, Action.DELETE, key)
