"""What the data folder takes on disk, and how room is made: old trained parameters go, figures and curves never do."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from spafit.files import require_space
from spafit.runs import audit
from spafit.runs.database import reading, writing
from spafit.runs.limits import WEIGHTS_GB
from spafit.runs.rights import Action, Actor
from spafit.runs.run import State
from spafit.runs.schema import runs as runs_table
from spafit.runs.store import Store

WEIGHTS = "*.safetensors"
FREE_BEFORE_A_RUN = 500_000_000
"""Bytes that must be free when a run starts: its log, its caches, and what it saves."""
SERVER = Actor(name="the server")


@dataclass(frozen=True)
class Use:
    """Bytes on disk, by what they are for."""

    free: int
    database: int
    weights: int
    logs: int
    cache: int
    datasets: int

    @property
    def total(self) -> int:
        """All that the data folder takes."""
        return self.database + self.weights + self.logs + self.cache + self.datasets


def use(store: Store) -> Use:
    """Return what the data folder takes and what is free beside it."""
    home = store.home
    weights = sum(map(_size, (home / "runs").glob(f"*/{WEIGHTS}")))
    return Use(
        free=shutil.disk_usage(home).free,
        database=sum(map(_size, home.glob("spafit.db*"))),
        weights=weights,
        logs=folder_size(home / "runs") - weights,
        cache=folder_size(home / "cache"),
        datasets=folder_size(home / "datasets"),
    )


def folder_size(folder: Path) -> int:
    """Return the bytes of a folder's files; 0 when there is none."""
    return sum(map(_size, folder.rglob("*")))


def weights_size(store: Store, run_id: str) -> int:
    """Return the bytes that a run's saved weights take; 0 when there are none."""
    return sum(map(_size, store.folder(run_id).glob(WEIGHTS)))


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):  # gone while we look
        return path.stat().st_size if path.is_file() else 0
    return 0


def make_room(store: Store) -> list[str]:
    """Remove the oldest saved weights until the rest is within the cap; return the runs that lost theirs.

    Runs that wait or go keep theirs, and so do pinned ones. What was done is on each run's page.
    """
    sizes = {folder.name: sum(map(_size, folder.glob(WEIGHTS))) for folder in (store.home / "runs").glob("*")}
    beyond = sum(sizes.values()) - WEIGHTS_GB.value() * 1e9
    if beyond <= 0:
        return []
    columns = runs_table.c
    over = (columns.pinned.is_(False), columns.state.not_in([State.QUEUED, State.RUNNING]))
    with reading(store.engine) as connection:
        oldest_first = connection.execute(select(columns.id).where(*over).order_by(columns.ended_at, columns.number))
        candidates = [run_id for run_id in oldest_first.scalars() if sizes.get(run_id)]
    removed = []
    for run_id in candidates:
        if beyond <= 0:
            break
        for path in store.folder(run_id).glob(WEIGHTS):
            path.unlink(missing_ok=True)
        beyond -= sizes[run_id]
        removed.append(run_id)
        with writing(store.engine) as connection:
            audit.record(connection, store.clock(), SERVER, Action.EVICT, run_id, "to make room for newer ones")
    return removed


def check_before_a_run(store: Store) -> None:
    """Raise `SpafitError` when the disk has too little room for a run to start."""
    require_space(store.home, FREE_BEFORE_A_RUN, "A run")
