"""Starting the processes that do runs: one of them ahead of time, and one a sweep that does its runs one by one."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Collection
from pathlib import Path

import psutil

from spafit.runs import environment, processes
from spafit.runs.run import Run

SPARE_MEMORY = 2 * 1024**3
"""A process that waits with PyTorch imported holds about half a gigabyte; with less than this free there is none."""


class Worker:
    """A process that does the runs it is told, over a socket that is its stdin.

    After a run of a sweep it asks for the next one, with data and model still in its memory; after others it ends.
    """

    def __init__(self, log: Path, variables: dict[str, str], *run_ids: str) -> None:
        self.environment = variables
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        with theirs:
            stdin = theirs.fileno()
            self._process = processes.start(
                "spafit.runs.worker", *run_ids, output=log, environment=variables, stdin=stdin
            )
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code of a process that has ended."""
        return self._process.poll()

    def waits(self) -> bool:
        """Whether it has asked for another run since it was last told one."""
        try:
            return bool(self._line.recv(1))
        except OSError:  # nothing said so far, or nobody there any more
            return False

    def tell(self, run_id: str) -> bool:
        """Hand it a run; False when it is gone."""
        try:
            self._line.sendall(f"{run_id}\n".encode())
        except OSError:
            return False
        return True

    def dismiss(self) -> None:
        """End it while it does nothing; it may be in the middle of an import."""
        self._line.close()
        processes.end_group(self.pid, signal.SIGKILL)
        self._process.wait()


class Workers:
    """Starts a worker for a run: the one that did the last run of its sweep, else the one that waits with PyTorch
    imported, else a new one."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._spare: Worker | None = None
        self._resting: dict[str, Worker] = {}

    def start(self, run: Run) -> Worker:
        """Return the process that has begun to do a claimed run. Raises OSError when none can be started."""
        wanted = environment.restored(run.environment)
        if run.sweep is not None and (resting := self._resting.pop(run.sweep, None)) and _begins(resting, run, wanted):
            return resting
        spare, self._spare = self._spare, None
        if spare is not None and _begins(spare, run, wanted):
            return spare
        return Worker(self._log, wanted, run.id)

    def warm_up(self) -> None:
        """Have a worker import PyTorch and wait, unless there is one or memory is short."""
        if self._spare is None and psutil.virtual_memory().available > SPARE_MEMORY:
            self._spare = Worker(self._log, dict(os.environ))

    def rest(self, sweep: str, worker: Worker) -> None:
        """Keep a worker that has asked for the next run of its sweep."""
        self._resting[sweep] = worker

    def keep(self, sweeps: Collection[str]) -> None:
        """Send away the resting workers of all other sweeps, and every one while memory is short."""
        short = bool(self._resting) and psutil.virtual_memory().available < SPARE_MEMORY
        for sweep in [sweep for sweep in self._resting if short or sweep not in sweeps]:
            self._resting.pop(sweep).dismiss()

    def close(self) -> None:
        """Send away whoever waits."""
        self.keep(())
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.dismiss()


def _begins(worker: Worker, run: Run, wanted: dict[str, str]) -> bool:
    """Hand a waiting worker its run; one that cannot take it is sent away."""
    # Libraries read their variables when they are imported, which it has done already.
    if worker.poll() is None and worker.environment == wanted and worker.tell(run.id):
        return True
    worker.dismiss()
    return False
