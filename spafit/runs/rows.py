"""One run's row in the database, and where the run's files are: what everything else about runs stands on."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from spafit.runs.database import StoreError, place
from spafit.runs.schema import runs as runs_table

ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that are mistaken for one another when read aloud
ID_LENGTH = 8

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time as stored."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id for a run or a sweep; it may have been given out before, with one chance in 10^11 or so."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


class UnknownRunError(StoreError):
    """No run has that id."""


class Rows:
    """A database of runs, its folder and its clock."""

    def __init__(self, engine: Engine, home: Path, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.home = home
        self.clock = clock
        self.damaged: set[str] = set()
        """Runs that a list left out, because their row cannot be read."""
        self.replaced = False
        """Whether this process has seen another database there, which is gone."""
        self._file = self._inode()

    @property
    def in_place(self) -> bool:
        """Whether the database is still the one that was opened: its file was not deleted or replaced since."""
        return self._inode() == self._file

    def _inode(self) -> int | None:
        """Return what tells the file from a later one of the same name; None when there is no file."""
        try:
            return Path(self.engine.url.database or "").stat().st_ino if self.engine.dialect.name == "sqlite" else None
        except OSError:
            return None

    @property
    def where(self) -> str:
        """Where the database is: a file, or a URL without its password."""
        return place(self.engine)

    def folder(self, run_id: str) -> Path:
        """Return the run's folder (log, trained parameters), which exists once the run has started."""
        if not run_id or not set(run_id) <= set(ID_LETTERS):
            raise UnknownRunError(f"{run_id!r} is not a run id; ids look like {'k7m2p9xw'!r}.")
        return self.home / "runs" / run_id

    def _row(self, connection: Connection, run_id: str, *columns: Any) -> Mapping[str, Any]:
        row = connection.execute(select(*columns or (runs_table,)).where(runs_table.c.id == run_id)).mappings().first()
        if row is None:
            raise UnknownRunError(f"There is no run {run_id!r} in {self.where}.")
        return row

    def _set(self, connection: Connection, number: int, **values: Any) -> None:
        connection.execute(update(runs_table).where(runs_table.c.number == number).values(**values))
