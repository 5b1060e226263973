"""A row that cannot be read: one sentence about it, and everything else goes on."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from spafit.runs import State, Store, StoreError
from spafit.runs.database import DamagedRowError, writing
from tests.runs.helpers import scripted
from tests.runs.test_supervisor import Room

DAMAGE = {
    "spec": "{not JSON",
    "metrics": "[1, 2",
    "created_at": "yesterday",
    "state": "confused",
    "origin": "somewhere",
}


def damage(store: Store, run_id: str, column: str) -> None:
    with writing(store.engine) as connection:
        connection.execute(text(f"UPDATE runs SET {column} = :x WHERE id = :id"), {"x": DAMAGE[column], "id": run_id})


@pytest.mark.parametrize("column", DAMAGE)
def test_one_damaged_row_is_left_out_said_and_can_be_deleted(store: Store, column: str) -> None:
    before, damaged, after = (store.submit(scripted()) for _ in range(3))
    store.request_stop(damaged)
    damage(store, damaged, column)
    assert [run.id for run in store.list()] == [after, before]
    assert store.damaged == {damaged}
    assert [run.id for run in store.queue()] == [before, after]
    with pytest.raises(DamagedRowError, match=f"Run {damaged} cannot be read: its row in the database is damaged"):
        store.get(damaged)
    store.delete(damaged)
    assert [run.id for run in store.list()] == [after, before]


def test_a_damaged_run_does_not_hold_up_the_queue(store: Store) -> None:
    room = Room(store)
    damaged, after = store.submit(scripted()), store.submit(scripted())
    damage(store, damaged, "spec")
    room.supervisor.tick()
    assert store.get(after).state is State.RUNNING
    assert store.counts() == {**dict.fromkeys(State, 0), State.RUNNING: 1, State.FAILED: 1}


def test_a_run_that_is_damaged_while_it_runs_is_ended_whoever_started_it(store: Store) -> None:
    room = Room(store)
    run_id, _child = room.running()
    run = store.get(run_id)
    damage(store, run_id, "metrics")
    Room(store).supervisor.tick()  # one that took over and never could read the run
    assert store.counts()[State.RUNNING] == 0
    assert store.record(run, []), "its process is told to stop"


def test_a_damaged_event_is_one_sentence(store: Store) -> None:
    run = store.claim(store.submit(scripted()), "me")
    assert run is not None
    store.record(run, [{"kind": "phase", "name": "loading"}])
    with writing(store.engine) as connection:
        connection.execute(text("UPDATE events SET body = '{'"))
    with pytest.raises(StoreError, match="damaged and cannot be read"):
        store.events(run.id)


def test_a_database_that_was_replaced_is_noticed(store: Store) -> None:
    assert not store.replaced
    assert not Store.open().replaced
    for path in store.home.glob("spafit.db*"):
        path.unlink()
    assert Store.open().replaced
