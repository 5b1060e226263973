"""The worker while the database cannot be written: nothing is lost, and training does not wait."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from spafit.errors import SpafitError
from spafit.runs import Run, State, Store, StoreFullError, worker
from spafit.runs.database import connect
from spafit.runs.worker import EXIT_STOOD_BACK, EXIT_UNSAVED, EventWriter, conclude, work
from tests.runs.helpers import eventually, scripted

NOTES = [{"kind": "note", "number": number} for number in range(5)]


@pytest.fixture
def hurried(store: Store) -> Store:
    """Return the same store over a connection that gives up waiting at once."""
    return Store(connect(str(store.engine.url), busy_seconds=0.01), store.home)


@pytest.fixture
def run(store: Store) -> Run:
    claimed = store.claim(store.submit(scripted()), "me")
    assert claimed is not None
    assert store.attach(claimed, "process", {}, {})
    return claimed


@contextmanager
def locked(home: Path) -> Iterator[None]:
    other = sqlite3.connect(home / "spafit.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def bodies(store: Store, run: Run) -> list[dict[str, Any]]:
    return [body for _seq, body in store.events(run.id)]


def test_events_wait_until_the_database_can_be_written_and_keep_their_order(
    home: Path, store: Store, hurried: Store, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = EventWriter(hurried, run)
    writer.start()
    said = ""

    def complained() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return "is locked by another program" in said

    with locked(home):
        for note in NOTES:
            writer.add(note)
        eventually(complained)
        assert bodies(store, run) == []
    eventually(lambda: len(bodies(store, run)) == len(NOTES))
    assert bodies(store, run) == NOTES
    assert writer.close() == []


class FullDisk:
    """A log on a disk that is full."""

    def __init__(self) -> None:
        self.asked = Event()

    def write(self, _text: str) -> int:
        self.asked.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    flush = write


def test_a_log_that_cannot_be_written_costs_no_event(
    home: Path, store: Store, hurried: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", disk := FullDisk())
    writer = EventWriter(hurried, run)
    writer.start()
    with locked(home):
        for note in NOTES:
            writer.add(note)
        eventually(disk.asked.is_set)  # the complaint about the lock
    eventually(lambda: bodies(store, run) == NOTES)
    assert writer.close() == []


@pytest.mark.parametrize(
    ("error", "said"),
    [(SpafitError("It diverged."), "It diverged."), (OSError(errno.ENOSPC, "No space"), "The disk is full")],
)
def test_a_log_that_cannot_be_written_hides_no_reason(
    store: Store, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def train(*_arguments: Any) -> Iterator[dict[str, Any]]:
        raise error
        yield

    monkeypatch.setattr(worker, "_train", train)
    monkeypatch.setattr(sys, "stdout", FullDisk())
    state, reason, rest = worker.perform(run, EventWriter(store, run), tmp_path, {})
    assert (state, rest) == (State.FAILED, []) and said in (reason or "")


def test_a_folder_that_cannot_be_made_fails_the_run(store: Store) -> None:
    claim = store.claim(store.submit(scripted()), "me")
    assert claim is not None
    store.folder(claim.id).write_text("in the way")
    assert work(claim.id) == 0
    ended = store.get(claim.id)
    assert ended.state is State.FAILED and "FileExistsError" in (ended.reason or "")


def test_what_could_not_be_delivered_goes_with_the_result(home: Path, store: Store, hurried: Store, run: Run) -> None:
    writer = EventWriter(hurried, run)
    writer.start()
    with locked(home):
        for note in NOTES:
            writer.add(note)
        rest = writer.close()
    assert bodies(store, run) + rest == NOTES
    assert conclude(store, run, State.STOPPED, None, rest) == 0
    assert bodies(store, run) == NOTES


def test_an_event_that_comes_during_a_delivery_is_not_lost(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, real, late = EventWriter(store, run), store.record, [NOTES[1]]

    def slow(*arguments: Any) -> bool:
        while late:
            writer.add(late.pop())
        return real(*arguments)

    monkeypatch.setattr(store, "record", slow)
    writer.add(NOTES[0])
    writer.start()
    eventually(lambda: bodies(store, run) == NOTES[:2])
    assert writer.close() == []


def test_what_a_run_leaves_is_on_disk_before_it_counts_as_finished(
    store: Store, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*_arguments: Any) -> Iterator[dict[str, Any]]:
        (tmp_path / "trained.safetensors").write_bytes(b"trained")
        yield {"kind": "finished", "state": "finished"}

    synced: set[int] = set()
    monkeypatch.setattr(worker, "_train", train)
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    assert worker.perform(run, EventWriter(store, run), tmp_path, {})[0] is State.FINISHED
    assert synced >= {path.stat().st_ino for path in (tmp_path, tmp_path / "trained.safetensors")}


def test_the_courier_brings_back_the_wish_to_stop(store: Store, run: Run) -> None:
    writer = EventWriter(store, run)
    writer.start()
    store.request_stop(run.id)
    eventually(writer.stop_event.is_set)
    writer.close()


def test_a_result_is_written_as_soon_as_there_is_space_again(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.0)
    real, attempts = store.conclude, []

    def full_at_first(*arguments: Any) -> bool:
        attempts.append(arguments)
        if len(attempts) < 3:
            raise StoreFullError("The disk is full.")
        return real(*arguments)

    monkeypatch.setattr(store, "conclude", full_at_first)
    assert conclude(store, run, State.FINISHED, None, []) == 0
    assert store.get(run.id).state is State.FINISHED


def test_a_result_that_can_never_be_written_has_an_exit_code_of_its_own(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> bool:
        raise StoreFullError("The disk is full.")

    monkeypatch.setattr(worker, "CONCLUDE_SECONDS", -1.0)
    monkeypatch.setattr(store, "conclude", full)
    assert conclude(store, run, State.FINISHED, None, []) == EXIT_UNSAVED


def test_a_worker_stands_back_from_a_run_that_is_done_by_another(store: Store, run: Run) -> None:
    assert work(run.id) == EXIT_STOOD_BACK
    assert store.get(run.id).process == "process"
