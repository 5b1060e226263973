"""Whose a run is, what others may do with it, and what is written down about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit import access
from spafit.errors import SpafitError
from spafit.runs import AT_MACHINE, Actor, ForbiddenError, State, Store, UnknownRunError, audit, owners
from spafit.runs.rights import may_change, require_submit
from spafit.stratification import preset
from spafit.training.config import RunSpec
from tests.runs.helpers import scripted

ADA, BOB, ROOT = Actor("ada", "Ada"), Actor("bob", "Bob"), Actor("root", "Eve", administrator=True)
NOBODY = Actor()
KEY = "a key that is long enough"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that serves others."""
    event = threading.Event()
    event.set()
    monkeypatch.setattr(access, "_serving_others", event)
    yield


CHANGES: dict[str, Callable[[Store, str, Actor | None], None]] = {
    "stop": lambda store, run, by: store.request_stop(run, by),
    "run again": lambda store, run, by: store.requeue(run, by),
    "archive": lambda store, run, by: store.archive(run, True, by),
    "rename": lambda store, run, by: store.rename(run, "other", by),
    "note": lambda store, run, by: store.note(run, "look again", by),
    "tag": lambda store, run, by: store.tag(run, ["course"], by),
    "pin": lambda store, run, by: store.pin(run, True, by),
    "delete": lambda store, run, by: store.delete(run, by),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_only_its_owner_and_administrators_change_a_run(
    store: Store, change: Callable[[Store, str, Actor | None], None]
) -> None:
    def stopped() -> str:
        run_id = store.submit(scripted(), by=ADA)
        store.request_stop(run_id, ADA)
        return run_id

    kept = stopped()
    before = store.get(kept)
    for stranger in (BOB, NOBODY):
        with pytest.raises(ForbiddenError, match="belongs to somebody else"):
            change(store, kept, stranger)
    assert store.get(kept) == before
    assert len(audit.history(store.engine, kept)) == 2
    for allowed in (ADA, ROOT, AT_MACHINE):
        run_id = stopped()
        change(store, run_id, allowed)
        done = audit.history(store.engine, run_id)[-1]
        assert (done.name, done.administrator) == (allowed.name, allowed.administrator)


def test_where_others_are_served_nothing_is_done_by_nobody_in_particular(store: Store, shared: None) -> None:
    run_id = store.submit(scripted(), by=ADA)
    for change in CHANGES.values():
        with pytest.raises(ForbiddenError, match="not known who asks"):
            change(store, run_id, None)
    with pytest.raises(ForbiddenError, match="not known who asks"):
        store.submit(scripted())


@given(st.text(max_size=3), st.text(max_size=3), st.booleans())
def test_an_empty_id_owns_nothing(mine: str, theirs: str, administrator: bool) -> None:
    assert may_change(Actor(mine, administrator=administrator), theirs) == (
        administrator or (mine != "" and mine == theirs)
    )


def test_a_run_of_the_person_at_the_machine_is_not_a_strangers(store: Store) -> None:
    run_id = store.submit(scripted())
    assert store.get(run_id).owner_id == ""
    with pytest.raises(ForbiddenError):
        store.request_stop(run_id, NOBODY)


def test_priorities_are_an_administrators(store: Store) -> None:
    with pytest.raises(ForbiddenError, match="priority"):
        store.submit(scripted(), by=ADA, priority=1)
    assert store.get(store.submit(scripted(), by=ROOT, priority=1)).priority == 1
    with pytest.raises(ForbiddenError, match="allow cookies"):
        require_submit(NOBODY)


def test_turns_go_by_owner_and_not_by_name(store: Store) -> None:
    many = [store.submit(scripted(), by=Actor("ada", name)) for name in ("a", "b", "c")]
    one = store.submit(scripted(), by=BOB)
    assert [run.id for run in store.queue()] == [many[0], one, *many[1:]]


def test_deleting_removes_the_run_its_events_and_its_folder_and_the_record_stays(store: Store) -> None:
    run_id = store.submit(scripted(), by=ADA)
    with pytest.raises(SpafitError, match="stop it before deleting it"):
        store.delete(run_id, ADA)
    run = store.claim(run_id, "me")
    assert run is not None
    store.record(run, [{"kind": "phase", "name": "loading", "seconds": 0.1}])
    store.conclude(run, State.FAILED, "why")
    store.folder(run_id).mkdir(parents=True)
    (store.folder(run_id) / "log.txt").write_text("x")
    store.delete(run_id, ADA)
    assert not store.folder(run_id).exists()
    with pytest.raises(UnknownRunError):
        store.events(run_id)
    assert [done.action for done in audit.history(store.engine, run_id)] == ["queued", "deleted"]
    assert run_id not in {store.submit(scripted(), by=ADA) for _ in range(3)}


def test_an_owner_is_found_by_their_secret_and_by_nothing_else(store: Store) -> None:
    secret = owners.new_secret()
    assert owners.actor_of(store, secret).id == "", "Nothing is kept of whoever only looks."
    ada = owners.actor_of(store, secret, "Ada", enrol=True)
    assert ada.id
    assert ada.id not in secret
    assert owners.actor_of(store, secret, "Ada") == ada
    assert owners.actor_of(store, owners.new_secret(), "Ada").id == ""
    for nonsense in ("", "x", secret[:-1], secret + "x", "é" * 43, ada.id):
        assert owners.actor_of(store, nonsense, enrol=True).id == ""


def test_whoever_entered_the_key_is_administrator_until_it_changes(store: Store) -> None:
    secret, other = owners.new_secret(), owners.new_secret()
    assert not owners.enter_key(store, secret, ""), "Without a key nobody is."
    owners.set_key(store, KEY)
    assert not owners.enter_key(store, secret, KEY[:-1])
    assert owners.enter_key(store, secret, KEY)
    assert owners.actor_of(store, secret).administrator
    assert not owners.actor_of(store, other, enrol=True).administrator
    owners.set_key(store, KEY)
    assert owners.actor_of(store, secret).administrator, "The same key after a restart."
    owners.set_key(store, KEY + "!")
    assert not owners.actor_of(store, secret).administrator
    assert not owners.enter_key(store, secret, KEY)
    owners.enter_key(store, secret, KEY + "!")
    owners.leave(store, owners.actor_of(store, secret).id)
    assert not owners.actor_of(store, secret).administrator
    with pytest.raises(SpafitError, match="at least 12 characters"):
        owners.set_key(store, "short")


@pytest.mark.parametrize("path", ["/etc", "~root", ".", "./x", "\\\\host\\share"])
def test_a_visitor_names_no_path(store: Store, path: str) -> None:
    for model, task in ((path, "rotten-tomatoes"), ("minilm-l6", path)):
        with pytest.raises(ForbiddenError, match="shared server"):
            store.submit(RunSpec(model, task, preset("spafit", 6)), by=ADA)
    assert store.submit(RunSpec(path, "rotten-tomatoes", preset("spafit", 6)), by=AT_MACHINE)


def test_a_shared_server_shows_of_a_path_its_last_part(store: Store, tmp_path: Path, shared: None) -> None:
    spec = RunSpec(str(tmp_path), "rotten-tomatoes", preset("spafit", 6))
    unshared = AT_MACHINE  # the command line of the same machine, say
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "_serving_others", threading.Event())
        run_id = store.submit(spec, by=unshared)
        assert store.get(run_id).model == str(tmp_path)
    run = store.get(run_id)
    assert run.model == f"…/{tmp_path.name}"
    assert str(tmp_path) not in str(run.to_dict())
    assert str(tmp_path) not in str(SpafitError(f"{tmp_path}/x cannot be read."))
    with pytest.raises(UnknownRunError) as caught:
        store.get("zzzzzzzz")
    assert str(store.home) not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/home/ada/x.csv cannot be read.", "…/x.csv cannot be read."),
        ("see https://example.org/a/b and a/b or 1/2", "see https://example.org/a/b and a/b or 1/2"),
        ('File "/usr/lib/x.py", line 3', 'File "…/x.py", line 3'),
        ("the folder ~ada/models/bert is empty", "the folder …/bert is empty"),
        ("open /explore?s=1", "open /explore?s=1"),
    ],
)
def test_what_counts_as_a_path_in_a_sentence(shared: None, said: str, shown: str) -> None:
    assert access.shown(said) == shown


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        *(("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("", False), (None, False)),
        *(("192.168.0.3", False), ("example.org", False), ("::", False)),
    ],
)
def test_only_loopback_addresses_are_the_machines_own(address: str | None, loopback: bool) -> None:
    assert access.is_loopback(address) == loopback
