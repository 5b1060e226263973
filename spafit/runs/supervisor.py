"""The one process per ``SPAFIT_HOME`` that works through the queue: ``python -m spafit.runs.supervisor``.

It starts a process for each run, or hands it to the one that did the last run of the same sweep, notices when one dies,
ends the ones that should stop, and leaves when there has been nothing to do for a while. It may itself be killed at any
moment: what it needs to know is in the store, runs go on without it, and the next supervisor takes them over.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from spafit.helper import exit_words
from spafit.home import spafit_home
from spafit.runs import processes, queue
from spafit.runs.attempts import KILLED, LOST, VANISHED
from spafit.runs.database import StoreError, writing
from spafit.runs.launch import idle_seconds, supervisor_lock, supervisor_log
from spafit.runs.lists import Queued
from spafit.runs.overdue import SILENT, Silence, overtime
from spafit.runs.run import Run, State
from spafit.runs.store import Store
from spafit.runs.worker import EXIT_STOOD_BACK, EXIT_UNSAVED
from spafit.runs.workers import Workers

TICK_SECONDS = 0.2
TERMINATE_AFTER = 2.5
"""Seconds a run has to end by itself after Stop, before SIGTERM."""
KILL_AFTER = 3.5
"""Seconds after Stop, or after a run is over, until what is left of its processes is killed."""
LOST_AFTER = timedelta(seconds=60)
"""A run on another machine (a shared database) without a sign of life for this long is taken for dead."""
ERRORS_IN_A_ROW = 60
LOG_BYTES = 1_000_000

CRASHED = "The run's process ended unexpectedly ({how}); the details are in the run's log."
UNSAVED = "The run's process could not write to the database: it stayed locked, or the disk full."
FORCED = "It did not answer in time, so its process was ended."


class Process(Protocol):
    """What is needed of `Worker`."""

    pid: int

    def poll(self) -> int | None: ...
    def waits(self) -> bool: ...


class Starter(Protocol):
    """What is needed of `Workers`."""

    def start(self, run: Run) -> Process: ...
    def rest(self, sweep: str, worker: Any) -> None: ...
    def keep(self, sweeps: Collection[str]) -> None: ...
    def warm_up(self) -> None: ...
    def close(self) -> None: ...


@dataclass
class Watched:
    """A run whose process is being watched: a child of this supervisor, or one that an earlier supervisor left."""

    run: Run
    child: Process | None
    ending_since: float | None = None
    forced: bool = False
    silence: Silence = field(default_factory=Silence)

    @property
    def pid(self) -> int:
        if self.child is not None:
            return self.child.pid
        assert self.run.process is not None
        return processes.pid_of(self.run.process)

    @property
    def gone(self) -> bool:
        if self.child is not None:
            return self.child.poll() is not None
        return self.run.process is None or not processes.is_alive(self.run.process)


class Supervisor:
    """One pass over everything at a time (`tick`), with the clock and what touches processes handed in."""

    def __init__(
        self,
        store: Store,
        starter: Starter,
        *,
        clock: Callable[[], float] = time.monotonic,
        end_group: Callable[[int, signal.Signals], None] = processes.end_group,
    ) -> None:
        self.store = store
        self.starter = starter
        self.clock = clock
        self.end_group = end_group
        self.name = processes.identity()
        self.watched: dict[str, Watched] = {}
        self.auto_device: str | None = None
        self.idle_since: float | None = None
        self.another_follows = False
        """Whether a run waits that no process at hand will take, while every run that was started trains already."""

    def tick(self) -> None:
        """Look at every process once: conclude runs whose process is gone, take over orphans, end, and start."""
        running = {run.id: run for run in self.store.list(state=State.RUNNING, archived=None, limit=None)}
        self.store.fail_damaged()
        for run in running.values():
            if run.id not in self.watched:
                self._take_over(run)
        for watched in list(self.watched.values()):
            current = running.get(watched.run.id)
            if current is not None and current.attempt == watched.run.attempt:
                watched.run = current
                if current.requested_device == "auto" and current.device:
                    self.auto_device = current.device
            self._look_at(watched, over=current is None)
        waiting = self._start_what_can_start()
        self.starter.keep({run.sweep for run in waiting if run.sweep is not None})
        at_work = {watched.run.sweep for watched in self.watched.values()} - {None}
        all_train = all(watched.run.step for watched in self.watched.values())
        self.another_follows = all_train and any(run.sweep not in at_work for run in waiting)
        if self.watched or waiting:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = self.clock()

    def idle_for(self) -> float:
        """Return the seconds since there was anything to do."""
        return 0.0 if self.idle_since is None else self.clock() - self.idle_since

    def _take_over(self, run: Run) -> None:
        """Deal with a running run that this supervisor did not start."""
        name = run.process or run.supervisor
        if name is None or not processes.is_local(name):
            if run.heartbeat_at is None or self.store.clock() - run.heartbeat_at > LOST_AFTER:
                self.store.conclude(run, State.FAILED, LOST.format(host=processes.host_of(name)))
        elif run.supervisor is not None and run.supervisor != self.name and processes.is_alive(run.supervisor):
            return  # another home's, with the same database
        elif run.process is None:
            self.store.release(run)  # its supervisor died, or failed, between claiming it and starting a process
        else:
            self.watched[run.id] = Watched(run, None)

    def _look_at(self, watched: Watched, *, over: bool) -> None:
        if watched.gone:
            self._conclude(watched)
            return
        if over and watched.child is not None and watched.run.sweep is not None and watched.child.waits():
            self.starter.rest(watched.run.sweep, watched.child)
            del self.watched[watched.run.id]
            return
        if not over and (reason := self._why_end(watched)):
            # Said first: its process stands back from a run that is over, and is ended like any that stays.
            over = self.store.conclude(watched.run, State.FAILED, reason)
        if not over and not watched.run.stop_requested:
            return
        if watched.ending_since is None:
            watched.ending_since = self.clock()
        waited = self.clock() - watched.ending_since
        if waited >= KILL_AFTER:
            watched.forced = True
            self.end_group(watched.pid, signal.SIGKILL)
        elif waited >= TERMINATE_AFTER and not over:
            self.end_group(watched.pid, signal.SIGTERM)

    def _why_end(self, watched: Watched) -> str | None:
        """Return why a run that goes on must not; None when it may."""
        now = self.store.clock()
        if watched.silence.broken_by(watched.run, now):
            return overtime(watched.run, now)
        with writing(self.store.engine):  # raises while the database is locked or full, which would explain it
            pass
        return SILENT if watched.silence.lasts(self.clock()) else None

    def _conclude(self, watched: Watched) -> None:
        """Say in the store how a run ended if its process did not, and end what is left of its group."""
        code = watched.child.poll() if watched.child is not None else None
        if code != EXIT_STOOD_BACK:
            if watched.child is not None or processes.leads_its_group(watched.run.process or ""):
                self.end_group(watched.pid, signal.SIGKILL)
            if watched.run.stop_requested:
                self.store.conclude(watched.run, State.STOPPED, FORCED if watched.forced else None)
            else:
                self.store.conclude(watched.run, State.FAILED, _why(code))
        # Only now: while the store cannot be written, every tick tries again.
        del self.watched[watched.run.id]

    def _start_what_can_start(self) -> Sequence[Queued]:
        """Start queued runs on free devices; return the runs that wait."""
        waiting = self.store.waiting()
        while waiting:
            busy = {self._device(watched.run) for watched in self.watched.values()}
            chosen = queue.next_to_start([(run.id, run.requested_device) for run in waiting], busy, self.auto_device)
            if chosen is None:
                break
            run = self.store.claim(chosen, self.name)
            if run is not None:
                # Should this fail, the next tick finds a claim without a process and puts the run back.
                self.watched[run.id] = Watched(run, self.starter.start(run))
            waiting = self.store.waiting()
        return waiting

    def _device(self, run: Run) -> str | None:
        return run.device or queue.device_of(run.requested_device, self.auto_device)


def _why(code: int | None) -> str:
    if code is None:
        return VANISHED
    if code == -signal.SIGKILL:
        return KILLED
    if code == EXIT_UNSAVED:
        return UNSAVED
    return CRASHED.format(how=exit_words(code))


def serve(supervisor: Supervisor, lock: FileLock, stay: float) -> None:
    """Tick until idle for ``stay`` seconds, or until home or database are gone.

    The lock is held on entry and free on return.
    """
    errors = 0
    held = _inode(lock)
    while errors < ERRORS_IN_A_ROW:
        if held is None or _inode(lock) != held or not supervisor.store.in_place:
            _end_all(supervisor)
            return
        try:
            supervisor.tick()
            if supervisor.idle_for() >= stay and supervisor.idle_since is not None:
                # Whoever submits after this tick finds the lock held or free. If held, the run is seen by the check
                # below; if free, they start a supervisor of their own, and one of the two gets the lock back.
                lock.release()
                if not supervisor.store.active():
                    return
                lock.acquire(timeout=2)
            elif supervisor.idle_since is not None or (stay and supervisor.another_follows):
                supervisor.starter.warm_up()
            errors = 0
        except Timeout:
            return
        except (StoreError, OSError) as error:
            errors += 1
            _say(str(error))
        except Exception:
            errors += 1
            _say(traceback.format_exc())
        time.sleep(TICK_SECONDS if not errors else 1.0)


def _inode(lock: FileLock) -> int | None:
    """Return what tells the lock's file from a later one of the same name; None when it was deleted."""
    try:
        return Path(lock.lock_file).stat().st_ino
    except OSError:
        return None


def _end_all(supervisor: Supervisor) -> None:
    """End every run: there is nowhere to write to any more."""
    for watched in supervisor.watched.values():
        processes.end_group(watched.pid, signal.SIGKILL)


def _say(text: str) -> None:
    """Write to stdout, which is the supervisor's log, unless the disk is full."""
    with suppress(OSError):
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}", flush=True)  # noqa: T201


def main() -> int:
    """Be the supervisor of this home, unless another process is; return the process's exit code."""
    home = spafit_home()
    lock = supervisor_lock(home)
    try:
        lock.acquire(timeout=2)  # not 0: whoever looks whether there is a supervisor holds the lock for an instant
    except Timeout:
        return 0
    log = supervisor_log(home)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        os.truncate(log, 0)
    # Asked to leave, it leaves; the runs go on and the next supervisor takes them over.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workers = Workers(log)
    try:
        serve(Supervisor(Store.open(), workers), lock, idle_seconds())
    finally:
        workers.close()
        lock.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
