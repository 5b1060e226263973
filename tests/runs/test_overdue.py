"""Runs that are ended because they take too long or say nothing, with time in the test's hands."""

from __future__ import annotations

import signal
import sqlite3
from datetime import timedelta

import pytest

from spafit.runs import State, Store, StoreBusyError
from spafit.runs.limits import HOURS
from spafit.runs.overdue import GRACE_SECONDS, SILENT, SILENT_AFTER
from spafit.runs.supervisor import KILL_AFTER
from tests.runs.test_supervisor import Room


@pytest.fixture
def room(store: Store) -> Room:
    return Room(store)


def beat(room: Room, run_id: str) -> None:
    room.store.record(room.store.get(run_id), [])


def test_a_run_that_takes_longer_than_it_may_is_ended_with_a_reason(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOURS.variable, "2")
    run_id, child = room.running()
    room.wall += timedelta(hours=2)
    beat(room, run_id)
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.RUNNING
    room.wall += timedelta(seconds=1)
    room.supervisor.tick()
    run = room.store.get(run_id)
    assert (run.state, run.reason) == (
        State.FAILED,
        "It took longer than the 2 hours that a run may take here (SPAFIT_MAX_HOURS) and was ended.",
    )
    assert room.store.should_stop(run), "Its process is told as well."
    room.now += KILL_AFTER
    room.supervisor.tick()
    assert room.signals == [(child.pid, signal.SIGKILL)]


def test_a_process_without_a_sign_of_life_is_ended_and_the_next_run_starts(room: Room) -> None:
    run_id, child = room.running()
    after = room.store.submit(room.store.get(run_id).spec)
    room.wall += SILENT_AFTER + timedelta(seconds=1)
    room.supervisor.tick()
    room.now += GRACE_SECONDS - 1
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.RUNNING, "It may have been the database."
    room.now += 1
    room.supervisor.tick()
    assert (room.store.get(run_id).state, room.store.get(run_id).reason) == (State.FAILED, SILENT)
    child.code = -9
    room.supervisor.tick()
    assert room.store.get(after).state is State.RUNNING


def test_a_sign_of_life_in_between_begins_anew(room: Room) -> None:
    run_id, _child = room.running()
    for _ in range(3):
        room.wall += SILENT_AFTER + timedelta(seconds=1)
        room.supervisor.tick()
        room.now += GRACE_SECONDS - 1
        beat(room, run_id)
        room.supervisor.tick()
    assert room.store.get(run_id).state is State.RUNNING


def test_a_locked_database_explains_silence(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, _child = room.running()
    other = sqlite3.connect(room.store.where, isolation_level=None)
    room.wall += SILENT_AFTER * 3
    with monkeypatch.context() as patch:
        patch.setattr("spafit.runs.database.BUSY_SECONDS", 0.1)
        other.execute("PRAGMA busy_timeout=0")
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            with room.store.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout=50")
            with pytest.raises(StoreBusyError):
                room.supervisor.tick()
            room.now += GRACE_SECONDS
        other.execute("ROLLBACK")
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.RUNNING, "It has had no chance to say anything yet."
    beat(room, run_id)
    room.now += GRACE_SECONDS
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.RUNNING
