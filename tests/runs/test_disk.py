"""What is kept when the disk fills: figures always, weights up to a cap, and a sentence instead of half a file."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from spafit.errors import SpafitError
from spafit.files import require_space
from spafit.runs import Actor, ForbiddenError, State, Store, StoreError, StoreFullError, audit, disk
from spafit.runs.database import reading
from spafit.runs.limits import WEIGHTS_GB
from spafit.runs.worker import work
from tests.runs.helpers import scripted

ADA, BOB = Actor("ada", "Ada"), Actor("bob", "Bob")
Usage = namedtuple("Usage", "total used free")


def over(store: Store, size: int = 100) -> str:
    """Return a run that is over, with weights of so many bytes and a log."""
    run = store.claim(store.submit(scripted(), by=ADA), "me")
    assert run is not None
    store.record(run, [{"kind": "step", "step": 1, "seconds": 1.0, "loss": 1.0}])
    store.conclude(run, State.FAILED, "why")
    folder = store.folder(run.id)
    folder.mkdir(parents=True)
    (folder / "trained.safetensors").write_bytes(b"x" * size)
    (folder / "log.txt").write_bytes(b"y" * 10)
    return run.id


def with_weights(store: Store, *ids: str) -> list[bool]:
    return [disk.weights_size(store, run_id) > 0 for run_id in ids]


def test_the_oldest_weights_go_first_and_nothing_else_goes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = over(store), over(store), over(store)
    monkeypatch.setenv(WEIGHTS_GB.variable, str(250e-9))
    assert disk.make_room(store) == [first]
    assert with_weights(store, first, second, third) == [False, True, True]
    assert (store.folder(first) / "log.txt").exists()
    assert len(store.events(first)) == 1
    last = audit.history(store.engine, first)[-1]
    assert (last.action, last.who) == ("weights removed", "the server")
    assert disk.make_room(store) == []


def test_runs_that_wait_go_or_are_pinned_keep_theirs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned, waiting, going, free = (over(store) for _ in range(4))
    with pytest.raises(ForbiddenError):
        store.pin(pinned, by=BOB)
    store.pin(pinned, by=ADA)
    store.requeue(waiting, ADA)
    store.requeue(going, ADA)
    assert store.claim(going, "me")
    monkeypatch.setenv(WEIGHTS_GB.variable, str(1e-9))
    assert disk.make_room(store) == [free]
    assert with_weights(store, pinned, waiting, going, free) == [True, True, True, False]
    store.pin(pinned, False, by=ADA)
    assert disk.make_room(store) == [pinned]


def test_what_is_shown_adds_up(store: Store) -> None:
    over(store, 1000)
    over(store, 500)
    found = disk.use(store)
    assert (found.weights, found.logs) == (1500, 20)
    assert found.total == found.database + found.weights + found.logs + found.cache + found.datasets
    assert found.database > 0


def test_a_run_does_not_start_on_a_full_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.claim(store.submit(scripted()), "me")
    assert run is not None
    monkeypatch.setattr("spafit.runs.worker._write_to", lambda _log: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 10**12, 40_000_000))
    assert work(run.id) == 0
    ended = store.get(run.id)
    assert ended.state is State.FAILED
    assert ended.reason is not None
    assert ended.reason.startswith("A run needs 500 MB of disk, and 40 MB are free: delete runs")


def test_space_that_is_there_is_no_reason_to_complain(tmp_path: Path) -> None:
    require_space(tmp_path, 1, "It")
    with pytest.raises(SpafitError, match="It needs 100 TB"):
        require_space(tmp_path, 10**14, "It")


@pytest.mark.parametrize(("free", "kind", "said"), [(0, StoreFullError, "is full"), (10**9, StoreError, "faulty")])
def test_an_input_output_error_is_a_full_disk_when_it_is_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, free: int, kind: type[StoreError], said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 10**12 - free, free))
    with pytest.raises(StoreError, match=said) as caught, reading(store.engine):
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))
    assert type(caught.value) is kind
