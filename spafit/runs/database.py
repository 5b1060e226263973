"""Opening the run store's database: SQLite in WAL mode by default, migrated when it is opened.

SQLite commits are synced to disk (`synchronous=FULL`) except on connections opened for the events of a run that is
still going: losing the last second of a curve with the power is fine, losing a result is not.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from spafit import access
from spafit.errors import SpafitError
from spafit.runs.schema import HEAD

BUSY_SECONDS = 5.0
"""How long a statement waits for another program's write before it gives up."""
MIGRATION_SECONDS = 60.0
FULL_BYTES = 1_000_000
"""With less than this free a disk is full for SQLite, whose files grow by pages and by 32 kB of shared memory."""


class StoreError(SpafitError):
    """The run store cannot do what was asked; `str()` says why and what helps."""


class StoreBusyError(StoreError):
    """Another program holds the database; trying again may work."""


class DamagedRowError(StoreError):
    """Something in the database cannot be read; the rest of it can."""


class StoreFullError(StoreError):
    """The disk is full; trying again works once there is space."""


def connect(url: str, *, durable: bool = True, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """Return an engine for ``url``. Nothing is opened yet.

    ``durable`` makes SQLite sync every commit to disk.

    Raises:
        StoreError: the URL cannot be read, its driver is not installed, or it is no file that other processes find.
    """
    try:
        sqlite = url.startswith("sqlite")
        engine = create_engine(url, connect_args={"timeout": busy_seconds} if sqlite else {})
    except NoSuchModuleError as error:
        raise StoreError(
            f"SPAFIT_DATABASE_URL names a kind of database that is not supported here ({error})."
        ) from error
    except ImportError as error:
        raise StoreError(f"SPAFIT_DATABASE_URL needs a database driver that is not installed ({error}).") from error
    except (ArgumentError, ValueError) as error:
        raise StoreError(
            "SPAFIT_DATABASE_URL is not a database URL; it looks like sqlite:////folder/file.db."
        ) from error
    if engine.dialect.name == "sqlite":
        if not Path(engine.url.database or "").is_absolute():
            # In memory, no other process would see it; a relative path is another file in every folder.
            raise StoreError(
                "SPAFIT_DATABASE_URL must name a database file by its whole path, as sqlite:////folder/file.db does."
            )
        _tune_sqlite(engine, durable)
    return engine


def _tune_sqlite(engine: Engine, durable: bool) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, below: the driver's own rules leave DDL out of transactions
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A transaction that reads first and then writes fails at once under contention, whatever the timeout; one
        # that takes the write lock at its start waits its turn.
        immediate = connection.get_execution_options().get("spafit_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Generator[Connection]:
    """Yield a connection in a transaction that only reads: everything in it sees one moment. Raises `StoreError`."""
    with _explained(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """Yield a connection in a transaction that holds the write lock; committed at the end. Raises `StoreError`."""
    with _explained(engine), engine.connect().execution_options(spafit_write=True) as connection, connection.begin():
        yield connection


def place(engine: Engine) -> str:
    """Return where the database is, for a sentence: a file, or a URL without its password; not on a shared server."""
    if access.shared():
        return "of this server"
    if engine.dialect.name == "sqlite" and engine.url.database:
        return engine.url.database
    return engine.url.render_as_string(hide_password=True)


@contextmanager
def _explained(engine: Engine) -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise _explain(error, engine) from error
    except OverflowError as error:
        raise StoreError(f"A number is larger than the run database {place(engine)} can hold.") from error
    except SpafitError:
        raise
    except (ValueError, TypeError, KeyError) as error:  # a cell that is no date, no JSON, no state
        raise DamagedRowError(f"A row of the run database {place(engine)} is damaged and cannot be read.") from error


def _explain(error: SQLAlchemyError, engine: Engine) -> StoreError:
    """Turn a driver's error into a sentence."""
    where = place(engine)
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    said = " ".join(said.split()).rstrip(".")
    if re.search("locked|busy", said):
        return StoreBusyError(
            f"The run database {where} is locked by another program; close that program or try again."
        )
    if "disk is full" in said or "No space left" in said or ("disk I/O error" in said and _is_full(engine)):
        return StoreFullError(f"The disk that holds the run database {where} is full; free some space and try again.")
    if "disk I/O error" in said:
        return StoreError(f"The disk that holds the run database {where} cannot be read or written; it may be faulty.")
    if "readonly" in said:
        return StoreError(f"The run database {where} cannot be written; check the permissions of file and folder.")
    if "unable to open" in said:
        return StoreError(f"The run database {where} cannot be opened; its folder must exist and be writable.")
    if "not a database" in said or "malformed" in said:
        return StoreError(f"The file {where} is damaged or not a run database; move it away and a new one is made.")
    return StoreError(f"The run database {where} reports: {said[:300]}.")


def _is_full(engine: Engine) -> bool:
    """Whether the disk has no room; SQLite calls it an input/output error when its shared memory cannot grow."""
    try:
        return shutil.disk_usage(Path(engine.url.database or "").parent).free < FULL_BYTES
    except OSError:
        return False


def revision(engine: Engine) -> str | None:
    """Return the migration the database is at; None for an empty one. Raises `StoreError`."""
    with reading(engine) as connection:
        if not engine.dialect.has_table(connection, "alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def migrate(engine: Engine, home: Path, target: str = HEAD) -> None:
    """Bring the database to ``target``. Fast when it is there; safe when several processes do it at once.

    Raises:
        StoreError: the database cannot be opened, or a newer version of spafit wrote it.
    """
    if revision(engine) == target:
        return
    sqlite = engine.dialect.name == "sqlite" and engine.url.database
    lock = Path(f"{engine.url.database}.lock") if sqlite else home / "database.lock"
    try:
        with FileLock(lock, timeout=MIGRATION_SECONDS):
            if revision(engine) != target:
                _upgrade(engine, target)
    except Timeout as error:
        raise StoreBusyError(
            f"The run database {place(engine)} is being set up by another program for over "
            f"{MIGRATION_SECONDS:.0f} s; try again."
        ) from error
    except OSError as error:
        raise StoreError(
            f"The run database {place(engine)} cannot be opened; its folder must exist and be writable."
        ) from error


def _upgrade(engine: Engine, target: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    if engine.dialect.name == "sqlite":
        with _explained(engine), engine.connect() as connection:
            # Lasting property of the file; it cannot be set inside a transaction.
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.cursor().execute("PRAGMA journal_mode=WAL")
    config = Config()
    config.set_main_option("script_location", "spafit.runs:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, target)
    except CommandError as error:
        raise StoreError(
            f"The run database {place(engine)} was written by a newer version of spafit; update spafit to open it."
        ) from error
