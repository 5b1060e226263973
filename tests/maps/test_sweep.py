"""A sweep is one thing made of ordinary runs: nothing is done twice, nothing is lost, and it can be held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.maps import sweep as sweeping
from spafit.maps.cells import cells, methods, stratifications
from spafit.maps.definition import Definition, define
from spafit.maps.series import Contents
from spafit.maps.sweep import document, launch, pause, progress, resume, rows, stop
from spafit.runs import Actor, Run, State, Store, facts, sweeps
from spafit.runs.rights import ForbiddenError
from spafit.training.config import TrainSettings
from spafit.training.events import Finished, Started

HERE = Contents("weights", "data", 1)
SETTINGS = TrainSettings(max_steps=5)


@pytest.fixture
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a store whose queue nobody works on, with weights and data that are known."""
    monkeypatch.setattr(sweeping, "ensure_supervisor", lambda: None)
    monkeypatch.setattr(sweeping, "contents_now", lambda _model, _task: HERE)
    return Store.open()


def corners(seeds: tuple[int, ...] = (0, 1), beside: str = "", settings: TrainSettings = SETTINGS) -> Definition:
    wanted = stratifications(cells("corners", 6), methods(beside), 6)
    return define("minilm-l6", "rotten-tomatoes", settings, wanted, seeds)


def begun(store: Store) -> Run:
    """Return the next run in the queue, at work."""
    run = store.claim(store.queue()[0].id, "host/boot/1/1")
    assert run is not None
    assert store.attach(run, "host/boot/2/1", facts.versions(), {"cpu": "a processor"})
    started = Started(5, 100, 1000, "cpu", "fp32", 1e-3, 8, 4, 2, 0, (), 0.5, 0, (), *vars(HERE).values())
    store.record(run, [started.to_dict()])
    return run


def finished(store: Store, seconds: float = 10.0, score: float = 0.8) -> Run:
    """Return the next run in the queue, done."""
    run = begun(store)
    told = Finished("finished", {"accuracy": 0.7}, {"accuracy": score}, {"accuracy": 0.5}, seconds, 5)
    assert store.conclude(run, State.FINISHED, None, [told.to_dict()])
    return store.get(run.id)


def test_its_runs_are_ordinary_ones_in_the_order_of_the_definition(store: Store) -> None:
    launched = launch(store, corners(beside="full"), owner="Ada")
    assert (launched.queued, launched.reused, launched.kept) == (8, 0, 0)
    queued = store.queue()
    assert [run.spec for run in queued] == corners(beside="full").specs()
    assert {(run.sweep, run.owner) for run in queued} == {(launched.sweep.id, "Ada")}
    told = document(launched.sweep, rows(store, launched.sweep))
    assert (told["schema"], told["sweep"], told["state"]) == (1, launched.sweep.id, "running")
    assert [(c["name"], c["n1"], c["n2"], c["method"], c["seed"], c["state"]) for c in told["cells"][:4]] == [
        ("SPAFIT-0-0", 0, 0, "spafit", 0, "queued"),
        ("SPAFIT-0-6", 0, 6, "spafit", 0, "queued"),
        ("SPAFIT-6-6", 6, 6, "spafit", 0, "queued"),
        ("Full", None, None, "full", 0, "queued"),
    ]


def test_called_again_it_goes_on_with_what_is_missing(store: Store) -> None:
    first = launch(store, corners())
    done, broken = finished(store), begun(store)
    store.conclude(broken, State.FAILED, "It diverged.")
    stopped = store.queue()[0]
    store.request_stop(stopped.id)
    gone = store.queue()[0]
    store.request_stop(gone.id)
    store.delete(gone.id)
    again = launch(store, corners(seeds=(1, 0)))  # the same runs, named in another order
    assert (again.sweep.id, again.queued, again.kept, again.reused) == (first.sweep.id, 3, 3, 0)
    assert store.get(done.id).state is State.FINISHED
    assert [store.get(run.id).attempt for run in (done, broken, stopped)] == [1, 2, 2]
    assert sum(run.state is State.QUEUED for run in sweeps.runs_of(store, first.sweep)) == 5
    assert {row.state for row in rows(store, first.sweep)} == {"finished", "queued"}
    once_more = launch(store, corners())
    assert (once_more.queued, once_more.kept) == (0, 6)


def test_finished_runs_from_elsewhere_are_reused_and_it_says_so(store: Store) -> None:
    spec = corners().specs()[0]
    store.submit(spec, owner="Grace")
    alone = finished(store)
    launched = launch(store, corners())
    assert (launched.reused, launched.queued) == (1, 5)
    assert "setting, seed and versions: 1" in launched.sentence
    assert rows(store, launched.sweep)[0].run == alone
    assert store.get(alone.id).sweep is None
    second = launch(store, corners(seeds=(0, 1, 2)))  # another sweep; the runs that wait are not reused
    assert (second.reused, second.queued) == (1, 8)


@pytest.mark.parametrize(
    "other",
    ["settings", "engine", "versions", "seed", "unknown"],
)
def test_what_was_made_otherwise_is_not_reused(store: Store, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    store.submit(corners().specs()[0])
    finished(store)
    definition = corners()
    if other == "settings":
        definition = corners(settings=replace(SETTINGS, batch_size=8))
    if other == "seed":
        definition = corners(seeds=(7,))
    if other == "engine":
        monkeypatch.setattr(sweeping, "contents_now", lambda _model, _task: replace(HERE, engine=2))
    if other == "versions":
        installed = facts.versions()
        monkeypatch.setattr(facts, "versions", lambda: installed | {"torch": "0.1"})
    if other == "unknown":
        monkeypatch.setattr(sweeping, "contents_now", lambda _model, _task: None)
    assert launch(store, definition).reused == 0


def test_a_paused_sweep_starts_nothing_and_goes_on_where_it_was(store: Store) -> None:
    launched = launch(store, corners())
    store.submit(corners().specs()[0], owner="Grace")
    running = begun(store)
    order = [run.id for run in store.queue()]
    pause(store, launched.sweep)
    assert [run.owner for run in store.queue()] == ["Grace"]
    assert store.get(order[0]).position is None
    assert store.get(running.id).state is State.RUNNING
    now = sweeps.get(store, launched.sweep.id)
    assert progress(now, rows(store, now)).state == "paused"
    store.request_stop(store.queue()[0].id)
    store.conclude(store.get(running.id), State.STOPPED)
    assert not store.active()  # nothing to start a supervisor for
    resume(store, now)
    assert [run.id for run in store.queue()] == [run_id for run_id in order if store.get(run_id).sweep]
    assert store.active()


def test_stopping_ends_what_waits_and_asks_what_runs_and_keeps_what_is_done(store: Store) -> None:
    launched = launch(store, corners())
    done, running = finished(store), begun(store)
    stop(store, launched.sweep)
    states = [row.state for row in rows(store, launched.sweep)]
    assert states == ["finished", "running", "stopped", "stopped", "stopped", "stopped"]
    assert store.get(running.id).stop_requested
    assert store.get(done.id).state is State.FINISHED
    store.conclude(store.get(running.id), State.STOPPED)
    now = sweeps.get(store, launched.sweep.id)
    told = progress(now, rows(store, now))
    assert (told.state, told.finished, told.complete, told.seconds_left) == ("stopped", 1, False, None)


def test_time_left_goes_by_the_runs_that_finished(store: Store) -> None:
    launched = launch(store, corners(seeds=(0,)))
    assert progress(launched.sweep, rows(store, launched.sweep)).seconds_left is None
    finished(store, seconds=10.0)
    assert progress(launched.sweep, rows(store, launched.sweep)).seconds_left == pytest.approx(20.0)
    begun(store)
    assert progress(launched.sweep, rows(store, launched.sweep)).seconds_left == pytest.approx(9.5 + 10.0)
    store.conclude(next(run for run in store.list(state=State.RUNNING)), State.FAILED, "It diverged.")
    finished(store)
    told = progress(launched.sweep, rows(store, launched.sweep))
    assert (told.state, told.runs, told.finished, told.failed, told.complete) == ("finished", 3, 2, 1, False)


def test_a_priority_reaches_the_runs_that_wait(store: Store) -> None:
    store.submit(corners().specs()[0], owner="Grace")
    launched = launch(store, corners())
    sweeps.change_priority(store, launched.sweep, 5)
    assert store.queue()[0].sweep == launched.sweep.id
    assert sweeps.get(store, launched.sweep.id).priority == 5


def test_only_whoever_launched_it_or_an_administrator_may_change_it(store: Store) -> None:
    ada, grace = Actor("a" * 8, "Ada"), Actor("b" * 8, "Grace")
    launched = launch(store, corners(), by=ada)
    assert launched.sweep.owner == "Ada"
    acts: list[Callable[[], None]] = [
        lambda: pause(store, launched.sweep, grace),
        lambda: stop(store, launched.sweep, grace),
        lambda: resume(store, launched.sweep, grace),
        lambda: sweeps.change_priority(store, launched.sweep, 1, grace),
        lambda: sweeps.change_priority(store, launched.sweep, 1, ada),  # a place before others is not hers to take
    ]
    for act in acts:
        with pytest.raises(ForbiddenError):
            act()
    pause(store, launched.sweep, ada)
    resume(store, launched.sweep, Actor(administrator=True))
    theirs = launch(store, corners(), by=grace)
    assert theirs.sweep.id != launched.sweep.id


def test_a_sweep_that_has_no_room_in_the_queue_leaves_nothing_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAFIT_MAX_QUEUED_BY_OWNER", "5")
    ada = Actor("a" * 8, "Ada")
    with pytest.raises(SpafitError, match="6 runs would be queued, and this queue has room for 5 of yours now"):
        launch(store, corners(), by=ada)
    assert (sweeps.newest(store), store.list()) == ([], [])
    assert launch(store, corners(seeds=(0,)), by=ada).queued == 3
    assert launch(store, corners()).queued == 6  # of the person at the machine


def test_an_unknown_sweep_is_said(store: Store) -> None:
    with pytest.raises(SpafitError, match="There is no sweep 'nothing'"):
        sweeps.get(store, "nothing")
