"""The durable list of runs: what was submitted, in which state it is, and every event.

One `Store` per database and process, safe to use from several threads; other processes see every change at once.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from spafit.home import database_url, spafit_home
from spafit.runs import audit, limits
from spafit.runs import queue as queueing
from spafit.runs.database import DamagedRowError, StoreError, connect, migrate, place, reading, writing
from spafit.runs.environment import carried
from spafit.runs.rights import Action, Actor, acting, require_change, require_names, require_submit
from spafit.runs.run import FINAL_SCORES, Origin, Run, State, changes, run_from_row
from spafit.runs.schema import Wish
from spafit.runs.schema import events as events_table
from spafit.runs.schema import runs as runs_table
from spafit.runs.schema import sweeps as sweeps_table
from spafit.training.config import RunSpec

ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that are mistaken for one another when read aloud
ID_LENGTH = 8
OWNER_LENGTH = 80
NAME_LENGTH = 200
OF_ONE_ATTEMPT = ("reason", "started_at", "ended_at", "heartbeat_at", "supervisor", "process", "device", "phase")
OF_ONE_ATTEMPT += ("trainable", "total", "total_steps", "seconds", "remaining")
OF_ONE_ATTEMPT += ("weights_hash", "data_hash", "engine_generation")
STOPPED_IN_QUEUE = "Stopped before it started."
DAMAGED = "Its row in the database is damaged, so it cannot be done."
SCORES = (*FINAL_SCORES, "further_tests")

Clock = Callable[[], datetime]
Runs = list[Run]
Events = list[tuple[int, dict[str, Any]]]


def utc_now() -> datetime:
    """Return the time as stored."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Queued:
    """A queued run as the queue looks at it."""

    number: int
    id: str
    owner: str
    """The owner's id: names can be made up."""
    priority: int
    queued_at: datetime
    requested_device: str


def new_id() -> str:
    """Return an id for a run or a sweep; it may have been given out before, with one chance in 10^11 or so."""
    return "".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH))


class UnknownRunError(StoreError):
    """No run has that id."""


class Store:
    """Runs in a database. Every method raises `StoreError` (one sentence) when it is locked, full or broken."""

    _opened: ClassVar[dict[tuple[str, Path], Store]] = {}
    _opening = Lock()

    def __init__(self, engine: Engine, home: Path, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.home = home
        self.clock = clock
        self.damaged: set[str] = set()
        """Runs that a list left out, because their row cannot be read."""
        self.replaced = False
        """Whether this process has seen another database there, which is gone."""
        self._file = self._inode()

    @classmethod
    def open(cls, url: str | None = None, home: Path | None = None) -> Store:
        """Return the store of ``SPAFIT_HOME`` (or of another URL and folder), migrated; the same object every time."""
        home = spafit_home() if home is None else home
        url = database_url() if url is None else url
        with cls._opening:
            store = cls._opened.get((url, home))
            if store is None or not store.in_place:
                engine = connect(url)
                migrate(engine, home)
                replaced = store is not None
                store = cls._opened[url, home] = cls(engine, home)
                store.replaced = replaced
        return store

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

    # What people ask for ----------------------------------------------------------------------------------------

    def submit(
        self,
        spec: RunSpec,
        *,
        by: Actor | None = None,
        owner: str = "",
        priority: int = 0,
        origin: Origin | str = Origin.LOCAL,
        sweep: str | None = None,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Put a run at the end of its owner's queue and return its id. On disk when this returns.

        It belongs to ``by`` (see `spafit.runs.rights`); ``owner`` is the name shown with it, theirs by default.
        ``environment`` is what `spafit.runs.environment.carried` takes the run's variables from. Starting whoever does
        the run is `spafit.runs.submit`'s business.
        """
        actor = require_submit(by, priority)
        require_names(actor, spec.model, spec.task)
        limits.check_examples(spec)
        now = self.clock()
        spec = spec.resolved()
        row = {
            "name": _one_line(name or "", NAME_LENGTH) or spec.stratification.name[:NAME_LENGTH],
            "state": State.QUEUED,
            "owner": _one_line(owner or actor.name, OWNER_LENGTH),
            "owner_id": actor.id,
            "priority": priority,
            "attempt": 1,
            "origin": Origin(origin),
            "sweep": sweep,
            "stop_requested": False,
            "archived": False,
            "created_at": now,
            "queued_at": now,
            "spec": spec.to_dict(),
            "environment": carried(environment),
            "model": spec.model,
            "task": spec.task,
            "stratification": spec.stratification.name,
            "seed": spec.settings.seed,
            "requested_device": spec.settings.device,
            "step": 0,
            **{column: {} for column in ("versions", "hardware", *SCORES)},
        }
        while True:
            run_id = new_id()
            try:
                with writing(self.engine) as connection:
                    self._check_queue(connection, actor)
                    connection.execute(insert(runs_table).values(id=run_id, **row))
                    audit.record(connection, now, replace(actor, name=row["owner"]), Action.SUBMIT, run_id)
                return run_id
            except StoreError as error:
                if not isinstance(error.__cause__, IntegrityError):  # an id given out before: draw another
                    raise

    def request_stop(self, run_id: str, by: Actor | None = None) -> None:
        """Ask a run to stop. A queued one is stopped at once, one that is over stays as it is."""
        with self._changing(run_id, by, Action.STOP) as (connection, run):
            if run["state"] == State.QUEUED:
                self._set(
                    connection, run["number"], state=State.STOPPED, reason=STOPPED_IN_QUEUE, ended_at=self.clock()
                )
            elif run["state"] == State.RUNNING:
                self._set(connection, run["number"], stop_requested=True)

    def requeue(self, run_id: str, by: Actor | None = None) -> None:
        """Queue a stopped or failed run again, as a new attempt of the same run.

        Earlier attempts' events stay in the database; `events` shows the current attempt's.
        """
        with self._changing(run_id, by, Action.RERUN) as (connection, run):
            self._check_queue(connection, acting(by))
            if run["state"] not in (State.STOPPED, State.FAILED):
                raise StoreError(f"Run {run_id} is {run['state']}; only a stopped or failed run can be run again.")
            self._queue_again(connection, run)

    def try_again(self, run_id: str) -> None:
        """Queue a run whose first attempt was lost as a second attempt; does nothing once that has happened."""
        with writing(self.engine) as connection:
            run = self._row(connection, run_id)
            if run["state"] == State.FAILED and run["attempt"] == 1:
                self._queue_again(connection, run)

    def _queue_again(self, connection: Connection, run: Mapping[str, Any]) -> None:
        cleared = dict.fromkeys(OF_ONE_ATTEMPT)
        emptied = {column: {} for column in SCORES}
        state = {"state": State.QUEUED, "attempt": run["attempt"] + 1, "queued_at": self.clock(), "step": 0}
        self._set(connection, run["number"], **cleared, **emptied, **state, stop_requested=False, archived=False)

    def archive(self, run_id: str, archived: bool = True, by: Actor | None = None) -> None:
        """Take a run that is over out of lists, or back in; nothing is deleted."""
        with self._changing(run_id, by, Action.ARCHIVE if archived else Action.RESTORE) as (connection, run):
            if not State(run["state"]).over:
                raise StoreError(f"Run {run_id} is {run['state']}; stop it before archiving it.")
            self._set(connection, run["number"], archived=archived)

    def rename(self, run_id: str, name: str, by: Actor | None = None) -> None:
        """Give a run another name. An empty one is refused."""
        name = _one_line(name, NAME_LENGTH)
        if not name:
            raise StoreError("A run's name cannot be empty.")
        with self._changing(run_id, by, Action.RENAME, name) as (connection, run):
            self._set(connection, run["number"], name=name)

    def pin(self, run_id: str, pinned: bool = True, by: Actor | None = None) -> None:
        """Keep a run's trained parameters when room is made, or no longer."""
        with self._changing(run_id, by, Action.PIN if pinned else Action.UNPIN) as (connection, run):
            self._set(connection, run["number"], pinned=pinned)

    def delete(self, run_id: str, by: Actor | None = None) -> None:
        """Remove a run that is over: its figures, its curve, and its folder with log and trained parameters."""
        with self._changing(run_id, by, Action.DELETE) as (connection, run):
            if run["state"] in (State.QUEUED, State.RUNNING):
                raise StoreError(f"Run {run_id} is {run['state']}; stop it before deleting it.")
            connection.execute(delete(runs_table).where(runs_table.c.number == run["number"]))
        try:
            shutil.rmtree(self.folder(run_id))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StoreError(f"Run {run_id} is deleted, but not all of its files ({error.strerror}).") from error

    @contextmanager
    def _changing(
        self, run_id: str, by: Actor | None, action: Action, detail: str = ""
    ) -> Generator[tuple[Connection, Mapping[str, Any]]]:
        """A transaction that changes a run, with its row, if whoever asks may; what they did is written down in it."""
        with writing(self.engine) as connection:
            columns = runs_table.c
            run = self._row(connection, run_id, columns.number, columns.state, columns.attempt, columns.owner_id)
            actor = require_change(by, run["owner_id"], f"Run {run_id}")
            yield connection, run
            audit.record(connection, self.clock(), actor, action, run_id, detail)

    # What people look at ----------------------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """Return a run. Raises `UnknownRunError`, or `DamagedRowError` when its row cannot be read."""
        try:
            with reading(self.engine) as connection:
                row = self._row(connection, run_id)
                positions = self._positions(connection) if row["state"] == State.QUEUED else {}
                return run_from_row(row, positions.get(row["number"]))
        except DamagedRowError as error:
            raise DamagedRowError(f"Run {run_id} cannot be read: its row in the database is damaged.") from error

    def list(
        self,
        *,
        owner: str | None = None,
        owner_id: str | None = None,
        state: State | str | Collection[str] | None = None,
        archived: bool | None = False,
        sweep: str | None = None,
        task: str | None = None,
        name: str | None = None,
        oldest_first: bool = False,
        limit: int | None = 200,
    ) -> Runs:
        """Return runs, newest first unless ``oldest_first``.

        ``archived=None`` means both; ``state`` may name several; ``name`` may be a part of the run's, in any case.
        """
        number = runs_table.c.number
        query = select(runs_table).order_by(number.asc() if oldest_first else number.desc()).limit(limit)
        if task is not None:
            query = query.where(runs_table.c.task == task)
        if name is not None:
            query = query.where(runs_table.c.name.icontains(name, autoescape=True))
        if owner is not None:
            query = query.where(runs_table.c.owner == _one_line(owner, OWNER_LENGTH))
        if owner_id is not None:
            query = query.where(runs_table.c.owner_id == owner_id)
        if state is not None:
            query = query.where(runs_table.c.state.in_([state] if isinstance(state, str) else list(state)))
        if archived is not None:
            query = query.where(runs_table.c.archived == archived)
        if sweep is not None:
            query = query.where(runs_table.c.sweep == sweep)
        return self._read(query)

    def _read(self, query: Select[Any]) -> Runs:
        """Return the runs of a query; those whose row is damaged are left out and noted."""
        try:
            with reading(self.engine) as connection:
                rows = connection.execute(query).mappings().all()
                positions = self._positions(connection) if any(row["state"] == State.QUEUED for row in rows) else {}
                return [run_from_row(row, positions.get(row["number"])) for row in rows]
        except DamagedRowError:
            with reading(self.engine) as connection:
                ids = connection.execute(query.with_only_columns(runs_table.c.id)).scalars().all()
        runs = []
        for run_id in ids:
            try:
                runs.append(self.get(run_id))
            except DamagedRowError:
                self.damaged.add(run_id)
        return runs

    def queue(self, limit: int | None = None) -> Runs:
        """Return the queued runs in the order in which they will start, all or the first few."""
        with reading(self.engine) as connection:
            ids = [run.id for run in self._queue(connection)[:limit]]
        return sorted(self._read(select(runs_table).where(runs_table.c.id.in_(ids))), key=lambda run: run.position or 0)

    def waiting(self) -> Sequence[Queued]:
        """Return the queue in order, as far as starting its runs needs it."""
        with reading(self.engine) as connection:
            return self._queue(connection)

    def counts(self) -> dict[State, int]:
        """Return how many runs are in each state, archived ones included."""
        columns = runs_table.c
        with reading(self.engine) as connection:
            rows = connection.execute(select(columns.state, func.count()).group_by(columns.state)).all()
        found = {str(state): count for state, count in rows}
        return {state: found.get(state, 0) for state in State}

    def active(self) -> bool:
        """Whether any run goes or could; the cheapest question there is."""
        state = runs_table.c.state
        active = or_(state == State.RUNNING, and_(state == State.QUEUED, _not_paused()))
        with reading(self.engine) as connection:
            return connection.execute(select(runs_table.c.number).where(active).limit(1)).first() is not None

    def events(self, run_id: str, after: int = 0, limit: int | None = None) -> Events:
        """Return (sequence number, event) pairs of the run's current attempt, those after a number, oldest first."""
        with reading(self.engine) as connection:
            query = (
                select(events_table.c.seq, events_table.c.body)
                .join(runs_table, runs_table.c.number == events_table.c.run)
                .where(runs_table.c.id == run_id, events_table.c.seq > after)
                .where(events_table.c.attempt == runs_table.c.attempt)
                .order_by(events_table.c.seq)
                .limit(limit)
            )
            found = connection.execute(query).all()
            if not found:
                self._row(connection, run_id)  # an unknown id is an error, a run without events is not
        return [(seq, body) for seq, body in found]

    def quiet_for(self, run_id: str) -> float:
        """Return the seconds since the latest event of the run's current attempt was written; 0 without any event."""
        query = (
            select(events_table.c.at)
            .join(runs_table, runs_table.c.number == events_table.c.run)
            .where(runs_table.c.id == run_id, events_table.c.attempt == runs_table.c.attempt)
            .order_by(events_table.c.seq.desc())
            .limit(1)
        )
        with reading(self.engine) as connection:
            latest = connection.execute(query).scalar()
        return 0.0 if latest is None else max(0.0, (self.clock() - latest).total_seconds())

    # What supervisor and worker do ------------------------------------------------------------------------------

    def claim(self, run_id: str, supervisor: str) -> Run | None:
        """Make a queued run this supervisor's, in state running; None when somebody else was faster or stopped it.

        One whose row is damaged is failed, so that it does not hold up the others.
        """
        now = self.clock()
        claimed = {"state": State.RUNNING, "supervisor": supervisor, "process": None, "started_at": now}
        try:
            with writing(self.engine) as connection:
                row = self._row(connection, run_id)
                if row["state"] != State.QUEUED:
                    return None
                self._set(connection, row["number"], **claimed, heartbeat_at=now)
                return run_from_row(self._row(connection, run_id))
        except DamagedRowError:
            with writing(self.engine) as connection:
                failed = update(runs_table).where(runs_table.c.id == run_id)
                connection.execute(failed.values(state=State.FAILED, reason=DAMAGED, ended_at=now))
            return None

    def release(self, run: Run) -> bool:
        """Put a claimed run whose process never began back into the queue; False when it is no longer so."""
        with writing(self.engine) as connection:
            values = {"state": State.QUEUED, "started_at": None, "supervisor": None, "heartbeat_at": None}
            return self._set_running(connection, run, values, runs_table.c.process.is_(None))

    def attach(self, run: Run, process: str, versions: Mapping[str, str], hardware: Mapping[str, Any]) -> bool:
        """Note the process that does a run; False when the run is no longer that claim's (stand back then)."""
        with writing(self.engine) as connection:
            values = {"process": process, "versions": dict(versions), "hardware": dict(hardware)}
            return self._set_running(connection, run, values, runs_table.c.process.is_(None))

    def record(self, run: Run, events: Sequence[Mapping[str, Any]], hardware: Mapping[str, Any] | None = None) -> bool:
        """Add events and a sign of life, and return whether the run should stop (or is no longer this attempt's)."""
        with writing(self.engine) as connection:
            values = {"heartbeat_at": self.clock(), **changes(events)}
            if hardware is not None:
                values["hardware"] = dict(hardware)
            if not self._set_running(connection, run, values):
                return True
            self._add(connection, run, events)
            query = select(runs_table.c.stop_requested).where(runs_table.c.number == run.number)
            return bool(connection.execute(query).scalar())

    def should_stop(self, run: Run) -> bool:
        """Return whether the attempt should stop, or is no longer this claim's."""
        columns = runs_table.c
        mine = (columns.number == run.number, columns.attempt == run.attempt, columns.supervisor == run.supervisor)
        with reading(self.engine) as connection:
            found = connection.execute(select(columns.state, columns.stop_requested).where(*mine)).first()
        return found is None or found.state != State.RUNNING or found.stop_requested

    def conclude(
        self, run: Run, state: State, reason: str | None = None, events: Sequence[Mapping[str, Any]] = ()
    ) -> bool:
        """End a running attempt: its last events, its state and its reason in one transaction.

        Returns False, changing nothing, when the attempt is over already or the run is somebody else's by now, so that
        the first to say how a run ended is believed.
        """
        now = self.clock()
        with writing(self.engine) as connection:
            values = {"state": State(state), "reason": reason, "ended_at": now, "phase": None, "remaining": None}
            ended = self._set_running(connection, run, {**changes(events), **values})
            if ended:
                self._add(connection, run, events)
        return ended

    # Inside -----------------------------------------------------------------------------------------------------

    def _check_queue(self, connection: Connection, actor: Actor) -> None:
        columns = runs_table.c
        query = select(func.count(), func.count().filter(columns.owner_id == actor.id))
        queued, theirs = connection.execute(query.where(columns.state == State.QUEUED)).one()
        limits.check_queue(queued, theirs, administrator=actor.administrator)

    def _row(self, connection: Connection, run_id: str, *columns: Any) -> Mapping[str, Any]:
        row = connection.execute(select(*columns or (runs_table,)).where(runs_table.c.id == run_id)).mappings().first()
        if row is None:
            raise UnknownRunError(f"There is no run {run_id!r} in {self.where}.")
        return row

    def _set(self, connection: Connection, number: int, **values: Any) -> None:
        connection.execute(update(runs_table).where(runs_table.c.number == number).values(**values))

    def _set_running(self, connection: Connection, run: Run, values: Mapping[str, Any], *conditions: Any) -> bool:
        """Change a run if it still is the running attempt that ``run`` shows, claimed by the same supervisor."""
        columns = runs_table.c
        statement = update(runs_table).where(
            columns.number == run.number,
            columns.state == State.RUNNING,
            columns.attempt == run.attempt,
            columns.supervisor == run.supervisor,
            *conditions,
        )
        return connection.execute(statement.values(**values)).rowcount == 1

    def _add(self, connection: Connection, run: Run, events: Iterable[Mapping[str, Any]]) -> None:
        last = select(func.coalesce(func.max(events_table.c.seq), 0)).where(events_table.c.run == run.number)
        start = connection.execute(last).scalar_one() + 1
        at = self.clock()
        rows = [
            {"run": run.number, "seq": seq, "attempt": run.attempt, "at": at, "body": dict(event)}
            for seq, event in enumerate(events, start)
        ]
        if rows:
            connection.execute(insert(events_table), rows)

    def _queue(self, connection: Connection) -> Sequence[Queued]:
        """Return the queue in order: the few columns that decide it, for a page asks this every few seconds."""
        columns = runs_table.c
        wanted = (columns.number, columns.id, columns.owner_id, columns.priority, columns.queued_at)
        waiting = connection.execute(
            select(*wanted, columns.requested_device).where(columns.state == State.QUEUED, _not_paused())
        ).all()
        queued = [Queued(*row) for row in waiting]
        owners = (
            select(columns.owner_id, func.max(columns.started_at))
            .where(columns.started_at.is_not(None), columns.owner_id.in_({run.owner for run in queued}))
            .group_by(columns.owner_id)
        )
        last_started = dict(connection.execute(owners).tuples().all()) if queued else {}
        return queueing.order(queued, last_started)

    def _positions(self, connection: Connection) -> dict[int, int]:
        return {run.number: position for position, run in enumerate(self._queue(connection), 1)}


def _not_paused() -> ColumnElement[bool]:
    """Whether a run belongs to no sweep that is paused."""
    paused = select(sweeps_table.c.id).where(sweeps_table.c.state == Wish.PAUSED)
    return or_(runs_table.c.sweep.is_(None), runs_table.c.sweep.not_in(paused))


def _one_line(text: str, length: int) -> str:
    """Return what somebody typed as stored: printable, single spaces, no longer than ``length``."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:length]
