"""Starting the processes that do runs, one of them ahead of time."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from spafit.runs import environment, processes
from spafit.runs.run import Run

SPARE_MEMORY = 2 * 1024**3
"""A process that waits with PyTorch imported holds about half a gigabyte; with less than this free there is none."""


class Workers:
    """Starts a worker for a run: the one that waits with PyTorch imported when it fits, else a new one."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._spare: subprocess.Popen[bytes] | None = None

    def start(self, run: Run) -> subprocess.Popen[bytes]:
        """Return the process that has begun to do a claimed run. Raises OSError when none can be started."""
        wanted = environment.restored(run.environment)
        spare, self._spare = self._spare, None
        if spare is not None:
            # Libraries read their variables when they are imported, which the spare has done already.
            if spare.poll() is None and wanted == dict(os.environ) and _tell(spare, run.id):
                return spare
            _dismiss(spare)
        return processes.start("spafit.runs.worker", run.id, output=self._log, environment=wanted)

    def warm_up(self) -> None:
        """Have a worker import PyTorch and wait, unless there is one or memory is short."""
        if self._spare is None and psutil.virtual_memory().available > SPARE_MEMORY:
            self._spare = processes.start("spafit.runs.worker", output=self._log, stdin=subprocess.PIPE)

    def close(self) -> None:
        """Send the waiting worker away."""
        spare, self._spare = self._spare, None
        if spare is not None:
            _dismiss(spare)


def _tell(worker: subprocess.Popen[bytes], run_id: str) -> bool:
    """Hand a waiting worker its run; False when it is gone."""
    assert worker.stdin is not None
    try:
        worker.stdin.write(f"{run_id}\n".encode())
        worker.stdin.close()
    except OSError:
        return False
    return True


def _dismiss(worker: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if worker.stdin is not None:
            worker.stdin.close()
    worker.kill()  # it may be in the middle of an import; it holds nothing
    worker.wait()
