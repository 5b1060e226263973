"""What the store remembers, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.runs import Run, State, Store, StoreError, UnknownRunError
from spafit.runs.database import connect
from spafit.runs.run import changes
from spafit.stratification import preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Evaluated, Finished, Phase, Progress, Started, Step
from tests.runs.helpers import scripted

STARTED = Started(20, 128, 1000, "cpu", "fp32", 1e-3, 64, 8, 5, 2, ("why",), 1.5).to_dict() | {
    "decisions": ["why"],
    "choices": [],
}
FINISHED = Finished("finished", {"accuracy": 0.7}, {"accuracy": 0.8}, {"accuracy": 0.5}, 9.0, 20).to_dict()


def step(number: int) -> dict[str, Any]:
    return Step(number, number / 10, 1.0, 1e-3, 2.0 + number, number * 16, 10.0 - number).to_dict()


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def store(home: Path) -> Store:
    opened = Store.open()
    return Store(opened.engine, opened.home, Clock())


def claimed(store: Store, spec: RunSpec | None = None) -> Run:
    run = store.claim(store.submit(spec or scripted()), "me")
    assert run is not None
    assert store.attach(run, "process", {"torch": "2"}, {"cores": 2})
    return store.get(run.id)


def test_how_long_a_run_has_said_nothing(store: Store) -> None:
    run = claimed(store)
    assert store.quiet_for(run.id) == 0
    store.record(run, [step(1)])
    store.record(run, [])  # a sign of life is no event
    first, second = store.quiet_for(run.id), store.quiet_for(run.id)
    assert 0 < first == second - 1  # the test's clock moves on by a second each time it is asked
    store.conclude(run, State.FAILED, "why")
    store.requeue(run.id)
    assert store.quiet_for(run.id) == 0


def test_a_run_comes_back_as_it_was_submitted(store: Store) -> None:
    settings = TrainSettings(seed=7, learning_rate=0.25, device="cpu")
    spec = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4), settings)
    run = store.get(store.submit(spec, owner=" Ada \n Lovelace ", priority=3, sweep="s1"))
    assert run.spec == spec
    assert (run.state, run.owner, run.priority, run.sweep, run.attempt) == (State.QUEUED, "Ada Lovelace", 3, "s1", 1)
    assert (run.name, run.stratification, run.seed, run.requested_device) == ("SPAFIT-2-4", "SPAFIT-2-4", 7, "cpu")
    assert run.created_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert run.position == 1


def test_the_learning_rate_is_written_out_when_a_run_is_submitted(store: Store) -> None:
    spec = scripted()
    assert spec.settings.learning_rate is None
    assert store.get(store.submit(spec)).spec.settings.learning_rate == spec.learning_rate


def test_ids_are_short_and_fit_in_an_address(store: Store) -> None:
    ids = [store.submit(scripted()) for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(len(run_id) == 8 and run_id.isalnum() and run_id == run_id.lower() for run_id in ids)


def test_events_fill_in_the_row_and_come_back_in_order(store: Store) -> None:
    run = claimed(store)
    first, rest = [Phase("data", 0.1).to_dict(), STARTED], [step(1), step(2)]
    assert store.record(run, first) is False
    seen = store.events(run.id)
    assert [event for _seq, event in seen] == first
    store.record(run, [*rest, Evaluated(2, {"accuracy": 0.6}, 0.9, 5.0, 0.2).to_dict()])
    assert [event["kind"] for _seq, event in store.events(run.id, after=seen[-1][0])] == ["step", "step", "evaluated"]
    assert len(store.events(run.id, limit=2)) == 2
    now = store.get(run.id)
    assert (now.phase, now.total_steps, now.trainable, now.total, now.device) == ("data", 20, 128, 1000, "cpu")
    assert (now.step, now.remaining, now.seconds, now.progress) == (2, 8.0, 5.0, 0.1)
    assert (now.validation_metrics, now.metrics) == ({"accuracy": 0.6}, {})
    store.record(run, [Evaluated(2, {"accuracy": 0.6}, 0.9, 6.0, 0.2, remaining=7.0).to_dict()])
    assert store.get(run.id).remaining == 7.0  # of what comes after the last step, too


def test_the_result_and_the_state_appear_together(store: Store) -> None:
    run = claimed(store)
    store.record(run, [STARTED])
    assert store.conclude(run, State.FINISHED, None, [FINISHED])
    ended = store.get(run.id)
    assert (ended.state, ended.reason, ended.phase, ended.remaining) == (State.FINISHED, None, None, None)
    assert (ended.metrics, ended.validation_metrics, ended.baseline) == (
        {"accuracy": 0.7},
        {"accuracy": 0.8},
        {"accuracy": 0.5},
    )
    assert (ended.seconds, ended.step) == (9.0, 20)
    assert ended.ended_at is not None and ended.started_at is not None and ended.ended_at > ended.started_at


def test_further_test_parts_are_kept_and_forgotten_with_the_attempt(store: Store) -> None:
    run = claimed(store)
    further = {"test_mismatched": {"metrics": {"accuracy": 0.6}, "baseline": {"accuracy": 0.4}}}
    store.conclude(run, State.FAILED, "The power failed.", [FINISHED | {"further_tests": further}])
    ended = store.get(run.id)
    assert ended.further_tests == further == ended.to_dict()["further_tests"]
    assert ended.tests == {
        "test": ({"accuracy": 0.7}, {"accuracy": 0.5}),
        "test_mismatched": ({"accuracy": 0.6}, {"accuracy": 0.4}),
    }
    store.requeue(run.id)
    assert store.get(run.id).further_tests == {} == store.get(run.id).tests


def test_a_finished_event_of_an_earlier_version_can_be_stored(store: Store) -> None:
    run = claimed(store)
    store.conclude(run, State.FINISHED, None, [{k: v for k, v in FINISHED.items() if k != "further_tests"}])
    assert store.get(run.id).tests == {"test": ({"accuracy": 0.7}, {"accuracy": 0.5})}


def test_a_stopped_run_keeps_its_latest_live_figures(store: Store) -> None:
    run = claimed(store)
    store.record(run, [STARTED, Evaluated(2, {"accuracy": 0.6}, 0.9, 5.0, 0.2).to_dict()])
    store.conclude(run, State.STOPPED, None, [Finished("stopped", {}, {}, {}, 6.0, 3).to_dict()])
    ended = store.get(run.id)
    assert (ended.metrics, ended.validation_metrics, ended.step) == ({}, {"accuracy": 0.6}, 3)


def test_the_first_to_say_how_a_run_ended_is_believed(store: Store) -> None:
    run = claimed(store)
    assert store.conclude(run, State.FINISHED, None, [FINISHED])
    assert not store.conclude(run, State.FAILED, "killed", [step(4)])
    assert store.record(run, [step(3)]) is True  # and whoever still trains should stop
    assert store.should_stop(run)
    assert (store.get(run.id).state, store.get(run.id).reason) == (State.FINISHED, None)
    assert [event["kind"] for _seq, event in store.events(run.id)] == ["finished"]


def test_only_one_claim_succeeds_and_only_one_process_gets_the_run(store: Store) -> None:
    run_id = store.submit(scripted())
    run = store.claim(run_id, "me")
    assert run is not None
    assert store.claim(run_id, "you") is None
    assert store.attach(run, "first", {}, {})
    assert not store.attach(run, "second", {}, {})
    assert not store.release(run)


def test_a_released_claim_is_nobodys(store: Store) -> None:
    run = store.claim(store.submit(scripted()), "me")
    assert run is not None and store.release(run)
    assert store.get(run.id).state is State.QUEUED
    assert not store.attach(run, "late", {}, {})
    again = store.claim(run.id, "you")
    assert again is not None
    assert not store.attach(run, "late", {}, {})
    assert store.attach(again, "process", {}, {})


def test_stopping(store: Store) -> None:
    waiting, running, ended = store.submit(scripted()), claimed(store), claimed(store)
    store.conclude(ended, State.FINISHED)
    for run_id in (waiting, running.id, ended.id):
        store.request_stop(run_id)
    assert (store.get(waiting).state, store.get(waiting).reason) == (State.STOPPED, "Stopped before it started.")
    assert store.get(running.id).state is State.RUNNING
    assert store.should_stop(running) and store.record(running, []) is True
    assert store.get(ended.id).state is State.FINISHED
    assert store.claim(waiting, "me") is None
    assert store.queue() == []


def test_running_again_is_a_new_attempt_of_the_same_run(store: Store) -> None:
    run = claimed(store)
    store.record(run, [STARTED, step(1)])
    with pytest.raises(StoreError, match="only a stopped or failed run"):
        store.requeue(run.id)
    store.request_stop(run.id)
    store.conclude(run, State.FAILED, "It broke.")
    store.requeue(run.id)
    again = store.get(run.id)
    assert (again.state, again.attempt, again.reason, again.step, again.stop_requested) == (
        State.QUEUED,
        2,
        None,
        0,
        False,
    )
    assert again.created_at == run.created_at and again.queued_at > run.queued_at
    assert store.events(run.id) == []
    assert store.record(run, [step(2)]) is True  # the old attempt's process finds that it is over
    second = store.claim(run.id, "me")
    assert second is not None
    assert store.record(run, [step(9)]) is True  # also when the same supervisor has the new one
    assert store.get(run.id).step == 0
    store.record(second, [STARTED])
    assert [event["kind"] for _seq, event in store.events(run.id)] == ["started"]


def test_lists_filter_and_show_the_newest_first(store: Store) -> None:
    first, second = store.submit(scripted(), owner="Ada"), store.submit(scripted(), owner="Grace", sweep="s")
    third = claimed(store)
    store.conclude(third, State.FAILED, "x")
    store.archive(third.id)
    assert [run.id for run in store.list()] == [second, first]
    assert [run.id for run in store.list(archived=None)] == [third.id, second, first]
    assert [run.id for run in store.list(archived=True)] == [third.id]
    assert [run.id for run in store.list(owner="Ada")] == [first]
    assert [run.id for run in store.list(sweep="s")] == [second]
    assert [run.id for run in store.list(state="queued", limit=1)] == [second]
    assert [run.id for run in store.list(state=["failed"], archived=None)] == [third.id]
    assert {run.id: run.position for run in store.list()} == {first: 1, second: 2}
    assert [(run.id, run.position) for run in store.queue()] == [(first, 1), (second, 2)]


def test_a_run_that_is_not_over_cannot_be_archived(store: Store) -> None:
    run_id = store.submit(scripted())
    with pytest.raises(StoreError, match="stop it before archiving"):
        store.archive(run_id)
    store.request_stop(run_id)
    store.archive(run_id)
    store.archive(run_id, False)
    assert [run.id for run in store.list()] == [run_id]


def test_renaming(store: Store) -> None:
    run_id = store.submit(scripted())
    store.rename(run_id, "  my   best ")
    assert store.get(run_id).name == "my best"
    store.rename(run_id, "a\x1b[31m\nb\udcff" + "c" * 300)
    assert store.get(run_id).name == "a[31m b" + "c" * 193
    assert store.get(store.submit(scripted(), name="one\ntwo")).name == "one two"
    assert store.get(store.submit(scripted(), name=" \x1b ")).name == "SPAFIT-2-4"
    with pytest.raises(StoreError, match="empty"):
        store.rename(run_id, " ")


@pytest.mark.parametrize("run_id", ["nope", "", "../../etc", "a" * 500])
def test_an_unknown_id_is_a_sentence(store: Store, run_id: str) -> None:
    for look in (store.get, store.events, store.request_stop, store.requeue, store.archive):
        with pytest.raises(UnknownRunError, match="There is no run"):
            look(run_id)


@pytest.mark.parametrize("run_id", ["", "..", "../x", "a/b"])
def test_a_runs_folder_is_inside_the_home(store: Store, run_id: str) -> None:
    with pytest.raises(UnknownRunError):
        store.folder(run_id)


def test_a_run_written_by_a_newer_version_is_listed_and_says_so(store: Store) -> None:
    run = store.get(store.submit(scripted()))
    newer = replace(run, spec_document={**run.spec_document, "schema": 99})
    with pytest.raises(ValueError, match="schema 99"):
        _ = newer.spec
    assert newer.model == "tiny"


def test_another_process_reads_what_this_one_wrote(store: Store, home: Path) -> None:
    run_id = store.submit(scripted())
    code = f"from spafit.runs import Store; print(Store.open().get({run_id!r}).state)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "queued"


def test_finished_runs_are_synced_and_events_need_not_be(store: Store) -> None:
    def synchronous(engine: Any) -> int:
        with engine.connect() as connection:
            return connection.exec_driver_sql("PRAGMA synchronous").scalar()

    assert synchronous(store.engine) == 2  # FULL: synced at every commit
    assert synchronous(connect(str(store.engine.url), durable=False)) == 1  # NORMAL


def test_the_pages_imports_stay_light() -> None:
    code = (
        "import sys, spafit.runs; spafit.runs.Store.open(); spafit.runs.attend()\n"
        "print(*sorted({'torch', 'transformers', 'alembic', 'pandas', 'numpy', 'streamlit'} & set(sys.modules)))"
    )
    Store.open()
    environment = {**os.environ, "PYTHONPATH": ""}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, env=environment).split() == []


kinds = st.sampled_from(
    [
        Phase("model", 0.5).to_dict(),
        STARTED,
        step(1),
        step(2),
        Progress(3, 3.5, 9.0).to_dict(),
        Evaluated(2, {"f1": 0.1}, 1.0, 4.0).to_dict(),
        FINISHED,
    ]
)


@given(st.lists(kinds, max_size=8), st.integers(0, 8))
def test_what_events_change_does_not_depend_on_batches(events: list[dict[str, Any]], cut: int) -> None:
    assert changes(events[:cut]) | changes(events[cut:]) == changes(events)


def test_progress_moves_the_run_on_without_a_point() -> None:
    changed = changes([step(2), Progress(7, 3.5, 9.0).to_dict()])
    assert (changed["step"], changed["remaining"], changed["seconds"]) == (7, 9.0, 3.5)


def test_counts_are_all_of_them_however_many_a_list_shows(store: Store) -> None:
    for _ in range(3):
        store.submit(scripted())
    claimed(store)
    assert len(store.list(limit=2)) == 2
    counts = store.counts()
    assert (counts[State.QUEUED], counts[State.RUNNING]) == (3, 1)
    assert [run.id for run in store.queue(2)] == [run.id for run in store.queue()][:2]
    assert [run.id for run in store.waiting()] == [run.id for run in store.queue()]
    assert [run.position for run in store.queue()] == [1, 2, 3]
