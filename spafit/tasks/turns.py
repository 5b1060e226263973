"""Turns for reading what people bring: at most two files at once on this machine, whoever reads them; the others wait.

Reading one may take most of a gigabyte, so that a class that uploads together would fill the memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from spafit.home import spafit_home
from spafit.tasks.task import TaskError

AT_ONCE = 2
LOOK_SECONDS = 0.2
MARK = "SPAFIT_HAS_TURN"
"""In the environment of a process that has a turn: what it starts needs none."""


def _locks() -> list[FileLock]:
    return [FileLock(spafit_home() / "cache" / f"reading-{place}.lock") for place in range(AT_ONCE)]


@contextmanager
def turn(seconds: float) -> Generator[None]:
    """Wait for a turn, and give it back at the end.

    Raises:
        TaskError: none came within that many seconds.
    """
    if MARK in os.environ:
        yield
        return
    deadline = time.monotonic() + seconds
    while (lock := _free()) is None:
        if time.monotonic() > deadline:
            raise TaskError(f"{AT_ONCE} other files were being read all the time; try again in a few minutes.")
        time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _free() -> FileLock | None:
    """Take a turn if there is one."""
    for lock in _locks():
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return lock
    return None


def all_taken() -> bool:
    """Whether whoever asks now has to wait."""
    if MARK in os.environ:
        return False
    lock = _free()
    if lock is not None:
        lock.release()
    return lock is None
