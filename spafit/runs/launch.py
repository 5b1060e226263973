"""Starting the supervisor when there is something for it to do. Cheap enough for every page view."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from spafit.home import spafit_home
from spafit.runs import processes
from spafit.runs.database import StoreError
from spafit.runs.rights import Actor
from spafit.runs.store import Store
from spafit.training.config import RunSpec

IDLE_SECONDS = 300.0


def supervisor_lock(home: Path) -> FileLock:
    """Return the lock that the one supervisor of a home (and of one database there) holds for as long as it lives."""
    elsewhere = os.environ.get("SPAFIT_DATABASE_URL")
    mark = f"-{hashlib.sha256(elsewhere.encode()).hexdigest()[:8]}" if elsewhere else ""
    return FileLock(home / f"supervisor{mark}.lock", thread_local=False)


def supervisor_log(home: Path) -> Path:
    """Return the file that the supervisor's own words go to."""
    return home / "supervisor.log"


def idle_seconds() -> float:
    """Return how long to stay without work, from ``SPAFIT_IDLE_SECONDS``; 0 also means: keep no worker warm."""
    try:
        return max(float(os.environ.get("SPAFIT_IDLE_SECONDS", IDLE_SECONDS)), 0.0)
    except ValueError:
        return IDLE_SECONDS


def submit(
    spec: RunSpec,
    owner: str = "",
    *,
    by: Actor | None = None,
    priority: int = 0,
    sweep: str | None = None,
    name: str | None = None,
) -> str:
    """Queue a run, see to it that somebody works on the queue, and return the run's id.

    Raises:
        SpafitError: whoever asks may not, or the run is more than this installation allows.
    """
    run_id = Store.open().submit(spec, by=by, owner=owner, priority=priority, sweep=sweep, name=name)
    ensure_supervisor()
    return run_id


def stop(run_id: str, by: Actor | None = None) -> None:
    """Ask a run to stop; it ends within five seconds, its curve is kept."""
    Store.open().request_stop(run_id, by)
    attend()


def rerun(run_id: str, by: Actor | None = None) -> None:
    """Queue a stopped or failed run again, as another attempt."""
    Store.open().requeue(run_id, by)
    ensure_supervisor()


def attend() -> None:
    """See to it that queued and running runs have a supervisor, which notices runs whose process is gone.

    For every page view and every command: after a crash or a restart of the machine this is what picks up the queue.
    One query when there is nothing to do.
    """
    if Store.open().active():
        ensure_supervisor()


def ensure_supervisor() -> None:
    """Start the supervisor of this ``SPAFIT_HOME`` unless there is one, and return without waiting for it.

    It works through the queue, keeps a process with PyTorch imported ready for the next run, and leaves when there has
    been nothing to do for a while (``SPAFIT_IDLE_SECONDS``). Calling this before a run is submitted warms it up.
    """
    if has_supervisor() or (not idle_seconds() and not Store.open().active()):
        return
    home = spafit_home()
    try:
        process = processes.start("spafit.runs.supervisor", output=supervisor_log(home))
    except OSError as error:
        raise StoreError(f"The process that works through the queue cannot be started ({error.strerror}).") from error
    # Collects the exit status when the supervisor leaves before we do, so that no zombie stays behind.
    threading.Thread(target=_wait, args=(process,), daemon=True, name="spafit-supervisor-exit").start()


def has_supervisor() -> bool:
    """Whether the supervisor of this ``SPAFIT_HOME`` lives."""
    home = spafit_home()
    lock = supervisor_lock(home)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError as error:
        raise StoreError(
            f"The data folder {home} cannot be written ({error.strerror}), so no run can be worked on."
        ) from error
    lock.release()
    return False


def _wait(process: subprocess.Popen[bytes]) -> None:
    process.wait()
