"""The supervisor's decisions, with processes and time in the test's hands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spafit.runs import Actor, Run, State, Store, StoreBusyError, processes, sweeps
from spafit.runs.attempts import OUTSIDE
from spafit.runs.supervisor import KILL_AFTER, TERMINATE_AFTER, Supervisor
from spafit.runs.worker import EXIT_STOOD_BACK, EXIT_UNSAVED
from spafit.training.events import Step
from tests.runs.helpers import scripted


@dataclass
class Child:
    pid: int
    code: int | None = None
    asks: bool = False

    def poll(self) -> int | None:
        return self.code

    def waits(self) -> bool:
        return self.asks


@dataclass
class Room:
    """A store, a supervisor, the children that it started and the signals that it sent."""

    store: Store
    now: float = 0.0
    wall: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    children: dict[str, Child] = field(default_factory=dict)
    signals: list[tuple[int, signal.Signals]] = field(default_factory=list)
    broken: bool = False
    resting: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = Store(self.store.engine, self.store.home, lambda: self.wall)
        self.supervisor = Supervisor(
            self.store, self, clock=lambda: self.now, end_group=lambda *sent: self.signals.append(sent)
        )

    def start(self, run: Run) -> Child:
        if self.broken:
            raise OSError("Cannot allocate memory")
        rested = self.resting.pop(run.sweep or "", None)
        self.children[run.id] = rested or Child(1_000_000 + run.number)
        self.children[run.id].asks = False
        self.store.attach(run, f"{processes.host()}/boot/{self.children[run.id].pid}/1", {}, {})
        return self.children[run.id]

    def rest(self, sweep: str, worker: Child) -> None:
        self.resting[sweep] = worker

    def keep(self, sweeps: Collection[str]) -> None:
        self.resting = {sweep: child for sweep, child in self.resting.items() if sweep in sweeps}

    def warm_up(self) -> None: ...
    def close(self) -> None: ...

    def running(self, task: str = "x", device: str = "auto") -> tuple[str, Child]:
        run_id = self.store.submit(scripted(task, device=device))
        self.supervisor.tick()
        return run_id, self.children[run_id]


@pytest.fixture
def room(store: Store) -> Room:
    return Room(store)


def test_stop_asks_then_terminates_then_kills_within_five_seconds(room: Room) -> None:
    run_id, child = room.running()
    room.store.request_stop(run_id)
    seen = []
    while room.now < KILL_AFTER + 0.2:
        room.supervisor.tick()
        seen.append((room.now, [how for _pid, how in room.signals]))
        room.now += 0.1
    assert all(not sent for now, sent in seen if now < TERMINATE_AFTER)
    assert all(signal.SIGTERM in sent for now, sent in seen if now > TERMINATE_AFTER + 0.1)
    assert all(signal.SIGKILL not in sent for now, sent in seen if now < KILL_AFTER)
    assert seen[-1][1][-1] is signal.SIGKILL
    assert {pid for pid, _how in room.signals} == {child.pid}
    assert KILL_AFTER < 4.5
    child.code = -signal.SIGKILL
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.STOPPED


def test_a_process_that_stays_after_its_run_is_over_is_ended_and_holds_its_device_until_then(room: Room) -> None:
    run_id, child = room.running()
    room.store.conclude(room.store.get(run_id), State.FINISHED)
    waiting = room.store.submit(scripted())
    room.supervisor.tick()
    assert room.store.get(waiting).state is State.QUEUED
    room.now = TERMINATE_AFTER
    room.supervisor.tick()
    assert room.signals == []  # it may still be tidying up
    room.now = KILL_AFTER
    room.supervisor.tick()
    assert room.signals == [(child.pid, signal.SIGKILL)]
    child.code = -9
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.FINISHED
    assert room.store.get(waiting).state is State.RUNNING


@pytest.mark.parametrize(
    ("code", "said"),
    [(-9, "was killed"), (-11, "SIGSEGV"), (1, "exit code 1"), (0, "exit code 0"), (EXIT_UNSAVED, "could not write")],
)
def test_a_process_that_ends_without_a_word_fails_its_run(room: Room, code: int, said: str) -> None:
    run_id, child = room.running()
    child.code = code
    room.supervisor.tick()
    run = room.store.get(run_id)
    assert run.state is State.FAILED and said in (run.reason or "")
    assert room.signals == [(child.pid, signal.SIGKILL)]  # whatever the process left in its group


def test_no_conclusion_is_drawn_from_a_worker_that_stood_back(room: Room) -> None:
    run_id, child = room.running()
    child.code = EXIT_STOOD_BACK
    room.supervisor._conclude(room.supervisor.watched[run_id])
    assert room.store.get(run_id).state is State.RUNNING


def test_a_death_is_recorded_once_the_database_can_be_written(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, child = room.running()
    child.code = -9
    with monkeypatch.context() as patch:

        def locked(*_arguments: object) -> None:
            raise StoreBusyError("locked")

        patch.setattr(room.store, "conclude", locked)
        with pytest.raises(StoreBusyError):
            room.supervisor.tick()
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.FAILED


def test_a_run_goes_back_into_the_queue_when_no_process_can_be_started(room: Room) -> None:
    run_id = room.store.submit(scripted())
    room.broken = True
    with pytest.raises(OSError, match="allocate"):
        room.supervisor.tick()
    room.broken = False
    room.supervisor.tick()
    assert room.store.get(run_id).state is State.RUNNING
    assert room.store.get(run_id).attempt == 1


def dead_identity() -> str:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = processes.identity(process.pid)
        assert processes.is_alive(name)
    assert not processes.is_alive(name)
    return name


def test_a_claim_of_a_dead_supervisor_goes_back_into_the_queue(room: Room) -> None:
    run_id = room.store.submit(scripted())
    room.store.claim(run_id, dead_identity())
    room.supervisor.tick()
    room.supervisor.tick()
    assert room.store.get(run_id).supervisor == room.supervisor.name


def test_a_claim_of_another_living_supervisor_is_left_alone(room: Room) -> None:
    run_id = room.store.submit(scripted())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        room.store.claim(run_id, processes.identity(other.pid))
        room.supervisor.tick()
        assert room.supervisor.watched == {} and room.store.get(run_id).state is State.RUNNING


@pytest.mark.parametrize(("boot", "birth", "ended"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_only_a_dead_runs_own_processes_are_ended(room: Room, boot: int, birth: int, ended: bool) -> None:
    """Its process number may be somebody else's by now: given out again, or of an earlier start of the machine."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as other:
        parts = processes.identity(other.pid).split("/")
        if ended:
            other.communicate()
        run = room.store.claim(room.store.submit(scripted()), dead_identity())
        assert run is not None
        name = f"{parts[0]}/{parts[1]}{'x' * boot}/{parts[2]}/{parts[3]}{'1' * birth}"
        room.store.attach(run, name, {}, {})
        room.supervisor.tick()
        assert room.store.get(run.id).state is State.FAILED
        assert room.signals == ([(other.pid, signal.SIGKILL)] if ended else [])


def test_a_run_of_another_machine_is_given_up_after_a_minute_without_a_sign_of_life(room: Room) -> None:
    run = room.store.claim(room.store.submit(scripted()), "elsewhere/boot/1/1")
    assert run is not None
    room.store.attach(run, "elsewhere/boot/2/2", {}, {})
    room.wall += timedelta(seconds=59)
    room.supervisor.tick()
    assert room.store.get(run.id).state is State.RUNNING
    room.wall += timedelta(seconds=2)
    room.supervisor.tick()
    assert "elsewhere" in (room.store.get(run.id).reason or "")


def test_what_auto_means_is_learned_and_another_device_is_used_beside_it(room: Room) -> None:
    first, child = room.running()
    on_cpu = room.store.submit(scripted(device="cpu"))
    room.supervisor.tick()
    assert room.store.get(on_cpu).state is State.QUEUED  # the first may be anywhere
    started = {"kind": "started", "device": "cuda", "total_steps": 1, "trainable": 1, "total": 1}
    room.store.record(room.store.get(first), [started])
    room.supervisor.tick()
    assert room.store.get(on_cpu).state is State.RUNNING
    another = room.store.submit(scripted())
    room.supervisor.tick()
    assert room.store.get(another).state is State.QUEUED  # auto is the GPU, which is busy
    child.code = 0
    room.supervisor.tick()
    assert room.store.get(another).state is State.RUNNING


def test_idleness_is_counted_from_the_last_work(room: Room) -> None:
    room.supervisor.tick()
    room.now = 10.0
    room.supervisor.tick()
    assert room.supervisor.idle_for() == 10.0
    _run_id, child = room.running()
    assert room.supervisor.idle_for() == 0.0
    child.code = 0
    room.supervisor.tick()
    room.now = 15.0
    room.supervisor.tick()
    assert room.supervisor.idle_for() == 5.0


def test_an_identity_is_of_one_process(tmp_path: Path) -> None:
    mine = processes.identity()
    assert processes.is_alive(mine) and processes.is_local(mine)
    host, boot, pid, birth = mine.split("/")
    for other in ((host, "boot", pid, birth), (host, boot, pid, f"{birth}1"), ("elsewhere", boot, pid, birth)):
        assert not processes.is_alive("/".join(other))


@pytest.mark.parametrize("code", [-9, 3])
def test_a_killed_run_of_a_sweep_is_tried_again_once_and_then_failed(room: Room, code: int) -> None:
    sweep = sweeps.create(room.store, {}, "key")
    run_id = room.store.submit(scripted(), sweep=sweep.id)
    attempts = []
    for _ in range(3):
        room.supervisor.tick()
        attempts.append(room.store.get(run_id).attempt)
        room.children[run_id].code = code
        room.supervisor.tick()
        room.children[run_id].code = None
    failed = room.store.get(run_id)
    assert (failed.state, failed.attempt) == (State.FAILED, 2 if code == -9 else 1)
    assert ("was killed" if code == -9 else "exit code 3") in (failed.reason or "")


def test_a_lost_run_waits_again_at_once_unless_its_sweep_or_itself_was_stopped(room: Room) -> None:
    states = {}
    for wish in (*sweeps.Wish, "run stopped", "no sweep"):
        sweep = sweeps.create(room.store, {}, "key")
        run_id = room.store.submit(scripted(), sweep=None if wish == "no sweep" else sweep.id)
        lost = room.store.claim(run_id, room.supervisor.name)
        assert lost is not None
        if isinstance(wish, sweeps.Wish):
            sweeps.change_state(room.store, sweep, wish)
        elif wish == "run stopped":
            room.store.request_stop(run_id)
        assert room.store.conclude(lost, State.FAILED, OUTSIDE)  # as its own process says it
        run = room.store.get(run_id)
        states[str(wish)] = (run.state, run.attempt)
    again, over = (State.QUEUED, 2), (State.FAILED, 1)
    assert states == {"running": again, "paused": again, "stopped": over, "run stopped": over, "no sweep": over}


def test_the_next_run_is_prepared_for_once_the_one_before_it_trains(room: Room) -> None:
    run_id, child = room.running()
    assert not room.supervisor.another_follows
    room.store.submit(scripted())
    room.supervisor.tick()
    assert not room.supervisor.another_follows  # the first still loads: that is not to be held up
    room.store.record(room.store.get(run_id), [Step(1, 0.1, 1.0, 1e-3, 1.0, 8).to_dict()])
    room.supervisor.tick()
    assert room.supervisor.another_follows
    child.code = 0
    room.supervisor.tick()
    assert not room.supervisor.another_follows


def test_the_runs_of_a_sweep_share_a_process_and_give_way_between_them(room: Room) -> None:
    sweep = sweeps.create(room.store, {}, "key", by=Actor("ada"))
    runs = [room.store.submit(scripted(), sweep=sweep.id, by=Actor("ada")) for _ in range(4)]
    room.supervisor.tick()
    other = room.store.submit(scripted(), by=Actor("bob"))
    order, pids = [], []

    def end(run_id: str) -> None:
        """As workers do: one of a sweep asks for the next, any other leaves."""
        order.append(run_id)
        pids.append(room.children[run_id].pid)
        room.store.conclude(room.store.get(run_id), State.FINISHED)
        room.supervisor.tick()
        assert room.supervisor.watched.keys() == {run_id}  # it may still be tidying up
        if run_id == other:
            room.children[run_id].code = 0
        room.children[run_id].asks = True
        room.supervisor.tick()

    for run_id in (runs[0], other, *runs[1:]):
        assert not room.supervisor.another_follows or run_id == runs[0]
        end(run_id)
    assert len({pid for run_id, pid in zip(order, pids, strict=True) if run_id != other}) == 1
    assert len(set(pids)) == 2 and room.signals == [(room.children[other].pid, signal.SIGKILL)]
    assert room.resting == {}  # nothing of the sweep waits, so its process leaves


@pytest.mark.parametrize("paused", [True, False])
def test_the_process_of_a_sweep_leaves_when_it_is_paused(room: Room, paused: bool) -> None:
    sweep = sweeps.create(room.store, {}, "key")
    first, second = (room.store.submit(scripted(), sweep=sweep.id) for _ in range(2))
    room.supervisor.tick()
    if paused:
        sweeps.change_state(room.store, sweep, sweeps.Wish.PAUSED)
    room.store.conclude(room.store.get(first), State.FINISHED)
    room.children[first].asks = True
    room.supervisor.tick()
    assert room.store.get(second).state is (State.QUEUED if paused else State.RUNNING)
    assert room.resting == {} and (second in room.children) is not paused


def test_a_process_that_is_not_done_is_told_no_other_run_of_its_sweep(room: Room) -> None:
    sweep = sweeps.create(room.store, {}, "key")
    first, second = (room.store.submit(scripted(), sweep=sweep.id) for _ in range(2))
    room.supervisor.tick()
    room.store.conclude(room.store.get(first), State.STOPPED)
    room.supervisor.tick()
    room.now = KILL_AFTER
    room.supervisor.tick()
    assert room.signals == [(room.children[first].pid, signal.SIGKILL)]
    room.children[first].code = -9
    room.supervisor.tick()
    room.supervisor.tick()
    assert room.children[second] is not room.children[first]
    assert room.store.get(second).state is State.RUNNING
