"""What happens to runs when processes come and go: real supervisors and workers, killed and stopped for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from spafit.runs import Actor, Run, State, Store, attend, ensure_supervisor, processes, rerun, stop, submit, sweeps
from tests.runs.helpers import command_lines, eventually, processes_of, scripted

pytestmark = pytest.mark.usefixtures("scripted_runs")


def over(store: Store, run_id: str) -> Run | None:
    run = store.get(run_id)
    return run if run.state.over else None


def stepping(store: Store, run_id: str) -> Run | None:
    run = store.get(run_id)
    return run if run.step > 0 and run.process else None


def kinds(store: Store, run_id: str) -> list[str]:
    return [event["kind"] for _seq, event in store.events(run_id)]


def test_a_submitted_run_is_done_and_everything_leaves(home: Path, store: Store) -> None:
    run_id = submit(scripted("steps=3"), owner="Ada")
    run = eventually(lambda: over(store, run_id))
    assert (run.state, run.reason, run.owner) == (State.FINISHED, None, "Ada")
    assert kinds(store, run_id) == ["phase", "started", "step", "step", "step", "evaluated", "finished"]
    assert run.metrics == {"accuracy": 0.7}
    assert (run.trainable, run.total, run.total_steps, run.step, run.device) == (10, 100, 3, 3, "cpu")
    assert run.versions["python"] and run.hardware["cores"] >= 1
    assert (store.folder(run_id) / "trained.safetensors").read_bytes() == b"trained"
    eventually(lambda: not processes_of(home))


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("diverge", "The loss became NaN at step 2; try a smaller learning rate."),
        ("bug", "KeyError: 'no such thing'"),
        ("disk", "The disk is full"),
        ("memory", "ran out of memory"),
        ("exit", "exit code 3"),
        ("segfault", "signal SIGSEGV"),
        ("nothing", "ended without a result"),
    ],
)
def test_a_failing_run_says_why_and_keeps_its_curve(store: Store, then: str, said: str) -> None:
    run_id = submit(scripted(f"steps=2 delay=0.3 then={then}"))
    run = eventually(lambda: over(store, run_id))
    assert run.state is State.FAILED
    assert said in (run.reason or "")
    assert "Traceback" not in (run.reason or "")
    assert "step" in kinds(store, run_id)
    if then == "bug":
        assert "Traceback" in (store.folder(run_id) / "log.txt").read_text()


def test_a_killed_run_is_failed_and_says_why(home: Path, store: Store) -> None:
    run_id = submit(scripted("steps=9999 delay=0.05 child=1"))
    run = eventually(lambda: stepping(store, run_id))
    os.kill(processes.pid_of(run.process or ""), signal.SIGKILL)
    failed = eventually(lambda: over(store, run_id), seconds=10)
    assert failed.state is State.FAILED
    assert "killed" in (failed.reason or "")
    assert kinds(store, run_id).count("step") > 0
    eventually(lambda: not processes_of(home))  # its helper process too


@pytest.mark.parametrize(
    "script",
    ["steps=9999 delay=0.05 child=1", "steps=1 then=sleep child=1", "steps=1 then=deafen child=1"],
    ids=["cooperative", "needs TERM", "needs KILL"],
)
def test_stop_keeps_the_curve_and_leaves_no_process(home: Path, store: Store, script: str) -> None:
    run_id = submit(scripted(script))
    eventually(lambda: stepping(store, run_id))
    stop(run_id)
    run = eventually(lambda: over(store, run_id))
    assert run.state is State.STOPPED
    assert run.ended_at is not None
    assert kinds(store, run_id).count("step") > 0
    assert run.validation_metrics == ({"accuracy": 0.5} if "delay" in script else {})
    eventually(lambda: not processes_of(home))


def test_one_run_per_device_and_the_rest_in_turn(store: Store) -> None:
    first = submit(scripted("steps=9999 delay=0.02"), by=Actor("a"))
    eventually(lambda: stepping(store, first))
    second, third = submit(scripted("steps=1"), by=Actor("a")), submit(scripted("steps=1"), by=Actor("b"))
    assert [run.id for run in store.queue()] == [third, second]
    assert [run.state for run in (store.get(second), store.get(third))] == [State.QUEUED, State.QUEUED]
    stop(first)
    runs = [eventually(lambda i=i: over(store, i)) for i in (first, third, second)]
    assert [run.state for run in runs] == [State.STOPPED, State.FINISHED, State.FINISHED]
    for earlier, later in pairwise(runs):
        assert earlier.ended_at and later.started_at and earlier.ended_at <= later.started_at


def kill(pid: int) -> None:
    """Kill a process for good; it holds its lock until it is gone."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def supervisor_of(store: Store, run_id: str) -> int:
    return processes.pid_of(store.get(run_id).supervisor or "")


def test_a_run_outlives_its_supervisor_and_the_queue_goes_on(home: Path, store: Store) -> None:
    running, waiting = submit(scripted("steps=15 delay=0.1")), submit(scripted("steps=1"))
    eventually(lambda: stepping(store, running))
    first = supervisor_of(store, running)
    kill(first)
    attend()  # what any page view does
    assert eventually(lambda: over(store, running)).state is State.FINISHED
    assert eventually(lambda: over(store, waiting)).state is State.FINISHED
    assert store.get(running).attempt == 1
    assert supervisor_of(store, waiting) != first
    eventually(lambda: not processes_of(home))


def test_after_everything_was_killed_a_page_view_tells_and_goes_on(home: Path, store: Store) -> None:
    running, waiting = submit(scripted("steps=9999 delay=0.05")), submit(scripted("steps=1"))
    run = eventually(lambda: stepping(store, running))
    kill(supervisor_of(store, running))
    kill(processes.pid_of(run.process or ""))
    attend()
    failed = eventually(lambda: over(store, running), seconds=10)
    assert failed.state is State.FAILED
    assert "killed, or the machine was restarted" in (failed.reason or "")
    assert eventually(lambda: over(store, waiting)).state is State.FINISHED
    rerun(running)
    again = eventually(lambda: stepping(store, running))
    assert (again.attempt, again.reason) == (2, None)


def test_a_stop_wished_while_no_supervisor_lives_is_carried_out(home: Path, store: Store) -> None:
    run_id = submit(scripted("steps=1 then=deafen"))
    eventually(lambda: stepping(store, run_id))
    kill(supervisor_of(store, run_id))
    stop(run_id)
    run = eventually(lambda: over(store, run_id))
    assert (run.state, run.reason) == (State.STOPPED, "It did not answer in time, so its process was ended.")
    eventually(lambda: not processes_of(home))


def test_a_run_ended_from_outside_is_failed(store: Store) -> None:
    run_id = submit(scripted("steps=9999 delay=0.05"))
    run = eventually(lambda: stepping(store, run_id))
    os.kill(processes.pid_of(run.process or ""), signal.SIGTERM)
    failed = eventually(lambda: over(store, run_id))
    assert failed.state is State.FAILED
    assert "SIGTERM" in (failed.reason or "")


def test_many_submitters_at_once_share_one_supervisor_and_lose_nothing(home: Path, store: Store) -> None:
    code = (
        "from spafit.runs import submit\nfrom tests.runs.helpers import scripted\n"
        "for seed in range(2): print(submit(scripted('steps=1', seed=seed)))"
    )
    command = [sys.executable, "-c", code]
    with ThreadPoolExecutor(3) as pool:
        outputs = list(pool.map(lambda _i: subprocess.check_output(command, text=True), range(3)))
    ids = [run_id for output in outputs for run_id in output.split()]
    assert len(set(ids)) == 6
    runs = [eventually(lambda i=i: over(store, i), seconds=60) for i in ids]
    assert {run.state for run in runs} == {State.FINISHED}
    assert {run.attempt for run in runs} == {1}
    assert sorted(run.number for run in runs) == list(range(1, 7))
    eventually(lambda: not processes_of(home))


def test_the_run_sees_the_variables_of_whoever_submitted_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit(scripted("steps=40 delay=0.1"))
    eventually(lambda: stepping(store, first))  # the supervisor has its environment by now
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
    second = submit(scripted("steps=1"))
    stop(first)
    eventually(lambda: over(store, second))
    started = [event for _seq, event in store.events(second) if event["kind"] == "started"]
    assert started[0]["decisions"] == [str(tmp_path)]


def test_each_database_of_a_home_has_a_supervisor_of_its_own(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit(scripted("steps=9999 delay=0.05"))
    eventually(lambda: stepping(store, first))
    monkeypatch.setenv("SPAFIT_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    second = submit(scripted("steps=1"))
    assert eventually(lambda: over(Store.open(), second)).state is State.FINISHED
    assert store.get(first).state is State.RUNNING


def test_a_worker_waits_warm_and_takes_the_next_run(home: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAFIT_IDLE_SECONDS", "60")
    ensure_supervisor()
    waiting = eventually(lambda: [line for line in command_lines(home) if line.endswith("spafit.runs.worker")])
    assert len(waiting) == 1
    warm = next(p.pid for p in processes_of(home) if p.cmdline()[-1] == "spafit.runs.worker")
    run_id = submit(scripted("steps=2"))
    run = eventually(lambda: over(store, run_id))
    assert run.state is State.FINISHED
    assert processes.pid_of(run.process or "") == warm
    eventually(lambda: [line for line in command_lines(home) if line.endswith("spafit.runs.worker")])


def test_while_a_run_trains_a_worker_gets_warm_for_the_one_that_waits(
    home: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPAFIT_IDLE_SECONDS", "60")
    first, second = submit(scripted("steps=9999 delay=0.02")), submit(scripted("steps=2"))

    def warm() -> int | None:
        return next((p.pid for p in processes_of(home) if p.cmdline()[-1] == "spafit.runs.worker"), None)

    waiting = eventually(lambda: warm() if stepping(store, first) else None)
    stop(first)
    run = eventually(lambda: over(store, second))
    assert (run.state, processes.pid_of(run.process or "")) == (State.FINISHED, waiting)


@pytest.mark.parametrize("lost", ["supervisor.lock", "spafit.db"])
def test_a_supervisor_whose_home_or_database_is_deleted_leaves(home: Path, store: Store, lost: str) -> None:
    run_id = submit(scripted("steps=9999 delay=0.05"))
    eventually(lambda: stepping(store, run_id))
    (home / lost).unlink()
    eventually(lambda: not processes_of(home))


def in_a_sweep(store: Store, tasks: list[str], owner: str = "ada") -> list[str]:
    sweep = sweeps.create(store, {}, f"key {tasks}", by=Actor(owner))
    return [submit(scripted(task), by=Actor(owner), sweep=sweep.id) for task in tasks]


def process_of(store: Store, run_id: str) -> int:
    return processes.pid_of(store.get(run_id).process or "")


def test_one_process_does_a_sweep_and_another_owners_run_comes_in_between(home: Path, store: Store) -> None:
    first, second, third = in_a_sweep(store, ["steps=99 delay=0.02", "steps=2", "steps=2 then=diverge"])
    eventually(lambda: stepping(store, first))
    other = submit(scripted("steps=1"), by=Actor("bob"))
    stop(first)  # one cell; the process and the rest of the sweep go on
    runs = [eventually(lambda i=i: over(store, i)) for i in (first, other, second, third)]
    assert [run.state for run in runs] == [State.STOPPED, State.FINISHED, State.FINISHED, State.FAILED]
    for earlier, later in pairwise(runs):
        assert earlier.ended_at and later.started_at and earlier.ended_at <= later.started_at
    assert process_of(store, first) == process_of(store, second) == process_of(store, third)
    assert process_of(store, other) != process_of(store, first)
    assert "diverge" not in (store.folder(second) / "log.txt").read_text()
    assert third in (store.folder(third) / "log.txt").read_text()
    eventually(lambda: not processes_of(home))


def test_a_killed_process_of_a_sweep_costs_the_run_an_attempt_and_the_rest_nothing(home: Path, store: Store) -> None:
    first, second, third = in_a_sweep(store, ["steps=1", "steps=60 delay=0.05", "steps=1"])
    run = eventually(lambda: stepping(store, second))
    assert process_of(store, first) == processes.pid_of(run.process or "")
    kill(processes.pid_of(run.process or ""))
    again = eventually(lambda: over(store, second))
    assert (again.state, again.attempt) == (State.FINISHED, 2)
    finished = [eventually(lambda i=i: over(store, i)) for i in (first, third)]
    assert {(one.state, one.attempt) for one in finished} == {(State.FINISHED, 1)}
    eventually(lambda: not processes_of(home))


def test_the_process_of_a_sweep_ends_its_run_and_leaves_when_its_supervisor_is_killed(home: Path, store: Store) -> None:
    first, second = in_a_sweep(store, ["steps=30 delay=0.05", "steps=1"])
    eventually(lambda: stepping(store, first))
    kill(supervisor_of(store, first))
    attend()
    runs = [eventually(lambda i=i: over(store, i)) for i in (first, second)]
    assert {(run.state, run.attempt) for run in runs} == {(State.FINISHED, 1)}
    assert process_of(store, first) != process_of(store, second)
    eventually(lambda: not processes_of(home))
