"""The process that does one run, or the runs of one sweep one by one: ``python -m spafit.runs.worker RUN_ID``.

Without an id it imports PyTorch first and then waits for one on stdin; it ends when stdin is closed. After a run of a
sweep it asks there for the next one. It trains in the main thread, and a second thread (`EventWriter`) brings events to
the store and brings back the wish to stop, so that training never waits for a disk.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import functools
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock, Thread
from types import FrameType
from typing import TYPE_CHECKING, Any

from spafit import access
from spafit.errors import SpafitError
from spafit.machine import TRAINING_MEMORY_SCORE, TRAINING_NICENESS, yield_to_others
from spafit.runs import disk, facts, limits, processes
from spafit.runs.attempts import OUTSIDE
from spafit.runs.database import StoreError, connect
from spafit.runs.run import Run, State
from spafit.runs.store import Store

if TYPE_CHECKING:
    from spafit.training.kept import Kept

EXIT_STOOD_BACK = 75
"""Exit code of a worker whose run is somebody else's by now; the supervisor draws no conclusion from it."""
EXIT_UNSAVED = 74
"""Exit code of a worker that could not write how its run ended."""
BATCH_SECONDS = 0.2
HEARTBEAT_SECONDS = 2.0
CONCLUDE_SECONDS = 300.0
"""How long a run that is over keeps trying to write its result while the database is locked or the disk full."""
RETRY_SECONDS = 1.0

UNFINISHED = "The training ended without a result; the details are in the run's log."
MEMORY = "The machine ran out of memory; try a smaller batch size or a shorter maximal length."
DISK = "The disk is full; free some space and run it again."


class Terminated(BaseException):
    """SIGTERM arrived."""


class EventWriter(Thread):
    """Carries events to the store in batches, with a sign of life, and learns from it whether the run should stop.

    While the store is locked or full it keeps what it has and tries again.
    """

    def __init__(self, store: Store, run: Run) -> None:
        super().__init__(daemon=True, name="spafit-writer")
        self.stop_event = Event()
        self._store = store
        self._run = run
        self._waiting: list[dict[str, Any]] = []
        self._hardware: dict[str, Any] | None = None
        self._lock = Lock()
        self._closing = Event()

    def add(self, event: dict[str, Any], hardware: dict[str, Any] | None = None) -> None:
        """Hand over an event; returns at once."""
        with self._lock:
            self._waiting.append(event)
            self._hardware = hardware or self._hardware

    def close(self) -> list[dict[str, Any]]:
        """Stop carrying and return the events that are not in the store."""
        self._closing.set()
        if self.ident is not None:
            self.join()
        return self._waiting

    def run(self) -> None:
        beat = 0.0
        while not self._closing.wait(BATCH_SECONDS):
            try:
                if self._waiting or time.monotonic() - beat > HEARTBEAT_SECONDS:
                    self._deliver()
                    beat = time.monotonic()
                elif self._store.should_stop(self._run):
                    self.stop_event.set()
            except StoreError as error:
                _log(f"{datetime.now(UTC):%H:%M:%S} {error} Trying again.")

    def _deliver(self) -> None:
        with self._lock:
            batch, hardware = list(self._waiting), self._hardware
        if self._store.record(self._run, batch, hardware):
            self.stop_event.set()
        with self._lock:
            del self._waiting[: len(batch)]
            self._hardware = None


def main(arguments: list[str] | None = None) -> int:
    """Do the run named by the first argument, or by the first line on stdin; return the process's exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments:
        run_id = arguments[0]
    else:
        from spafit.runs.preload import preload

        preload()
        run_id = sys.stdin.readline().strip()
    if run_id:
        yield_to_others(TRAINING_NICENESS, TRAINING_MEMORY_SCORE)
    try:
        while run_id:
            code = work(run_id)
            if code is not None:
                return code
            run_id = _ask()
    except StoreError:
        _log(traceback.format_exc())
        return EXIT_UNSAVED
    return 0


def _ask() -> str:
    """Say that the run is over and the next of its sweep may come; return that one's id, nothing when there is none."""
    with contextlib.suppress(OSError):
        os.write(sys.stdin.fileno(), b"\n")
    return sys.stdin.readline().strip()


def work(run_id: str) -> int | None:
    """Do a claimed run from its first event to its result in the store.

    Returns:
        The process's exit code; None where the process may do another run of the same sweep.
    """
    store = Store.open()
    run = store.get(run_id)
    hardware = facts.hardware()
    if run.state is not State.RUNNING or not store.attach(run, processes.identity(), facts.versions(), hardware):
        return EXIT_STOOD_BACK
    if run.owner_id:
        access.serve_others()  # what a visitor named is no folder here either, whatever lies beside this process
    folder = store.folder(run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_to(folder / "log.txt")
        disk.make_room(store)
        disk.check_before_a_run(store)
    except OSError as error:
        return conclude(store, run, State.FAILED, _unexpected(error), [])
    except SpafitError as error:
        return conclude(store, run, State.FAILED, str(error), [])
    _log(f"--- {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, run {run.id}, attempt {run.attempt}")
    signal.signal(signal.SIGTERM, _on_terminate)
    # Losing the last second of a curve in a power cut is fine; waiting for the disk at every batch of events is not.
    hurried = Store(connect(str(store.engine.url.render_as_string(hide_password=False)), durable=False), store.home)
    writer = EventWriter(hurried, run)
    writer.start()
    state, reason, last = perform(run, writer, folder, hardware)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = conclude(store, run, state, reason, [*writer.close(), *last])
    if run.sweep is None or code or not last:  # what an error or a signal has left behind is for no other run
        return code
    hurried.engine.dispose()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return None


def perform(
    run: Run, writer: EventWriter, folder: Path, hardware: dict[str, Any]
) -> tuple[State, str | None, list[dict[str, Any]]]:
    """Train; return the state it ended in, why, and the last event, which belongs into the store with the state."""
    try:
        for event in _train(run, writer, folder):
            if event["kind"] == "finished":
                _sync(folder)
                return State(event["state"]), None, [event]
            if event["kind"] == "started":
                limits.check_steps(run.spec, event["total_steps"], run.limit_examples)
            writer.add(event, hardware | _accelerator() if event["kind"] == "started" else None)
        return State.FAILED, UNFINISHED, []
    except Terminated:
        stopped = writer.stop_event.is_set()
        return (State.STOPPED, None, []) if stopped else (State.FAILED, OUTSIDE, [])
    except SpafitError as error:
        _log(traceback.format_exc())
        return State.FAILED, str(error), []
    except MemoryError:
        _log(traceback.format_exc())
        return State.FAILED, MEMORY, []
    except Exception as error:
        _log(traceback.format_exc())
        return State.FAILED, _unexpected(error), []


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK
    said = " ".join(str(error).split())[:200]
    return f"An unexpected error ended it ({type(error).__name__}: {said}); see the run's log."


def conclude(store: Store, run: Run, state: State, reason: str | None, events: list[dict[str, Any]]) -> int:
    """Write how the run ended, trying for as long as that may help; return the process's exit code."""
    deadline = time.monotonic() + CONCLUDE_SECONDS
    while True:
        try:
            store.conclude(run, state, reason, events)
            return 0
        except StoreError:
            _log(traceback.format_exc())
            if time.monotonic() > deadline:
                return EXIT_UNSAVED
            time.sleep(RETRY_SECONDS)


def _train(run: Run, writer: EventWriter, folder: Path) -> Iterator[dict[str, Any]]:
    from spafit.training.loop import train

    kept = None if run.sweep is None else _kept()
    for event in train(run.spec, should_stop=writer.stop_event.is_set, folder=folder, kept=kept):
        yield event.to_dict()


@functools.cache
def _kept() -> Kept:
    """Return what the runs of a sweep share in this process."""
    from spafit.training.kept import Kept

    return Kept()


def _accelerator() -> dict[str, Any]:
    """Return name and memory of the GPU in use, if any; asks PyTorch only when the training has loaded it."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return {}
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    return {"gpu": properties.name, "gpu_memory": properties.total_memory}


def _write_to(log: Path) -> None:
    """Send everything this process says, warnings of C libraries and crash reports included, to the run's log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.enable()


def _log(text: str) -> None:
    """Write to stdout, which is the run's log; nothing is written when the disk is full, and nothing else suffers."""
    with contextlib.suppress(OSError):
        print(text, flush=True)  # noqa: T201


def _on_terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _sync(folder: Path) -> None:
    """See to it that everything in the run's folder is on disk before the store says that the run finished."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
