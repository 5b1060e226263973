"""What people look at: one run, lists, the queue, counts, and a run's events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from spafit import access
from spafit.runs import queue as queueing
from spafit.runs.database import DamagedRowError, reading
from spafit.runs.rights import shows_test
from spafit.runs.rows import Rows
from spafit.runs.run import Run, State, run_from_row, without_test
from spafit.runs.schema import Wish
from spafit.runs.schema import classes as classes_table
from spafit.runs.schema import events as events_table
from spafit.runs.schema import runs as runs_table
from spafit.runs.schema import sweeps as sweeps_table

OWNER_LENGTH = 80

Runs = list[Run]
Events = list[tuple[int, dict[str, Any]]]


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
    sweep: str | None


class Lists(Rows):
    """The store as far as it is read. A damaged row is left out of lists and remembered."""

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
        class_id: str | None = None,
        task: str | None = None,
        model: str | None = None,
        origin: str | None = None,
        name: str | None = None,
        oldest_first: bool = False,
        limit: int | None = 200,
    ) -> Runs:
        """Return runs, newest first unless ``oldest_first``.

        ``archived=None`` means both; ``state`` may name several; ``name`` may be a part of the run's, in any case.
        """
        number = runs_table.c.number
        query = select(runs_table).order_by(number.asc() if oldest_first else number.desc()).limit(limit)
        equal = {
            runs_table.c.task: task,
            runs_table.c.model: model,
            runs_table.c.origin: origin,
            runs_table.c.owner: None if owner is None else one_line(owner, OWNER_LENGTH),
            runs_table.c.owner_id: owner_id,
            runs_table.c.archived: archived,
            runs_table.c.sweep: sweep,
            runs_table.c.class_id: class_id,
        }
        query = query.where(*(column == value for column, value in equal.items() if value is not None))
        if name is not None:
            query = query.where(runs_table.c.name.icontains(name, autoescape=True))
        if state is not None:
            query = query.where(runs_table.c.state.in_([state] if isinstance(state, str) else list(state)))
        return self.read(query)

    def read(self, query: Select[Any]) -> Runs:
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
        return sorted(self.read(select(runs_table).where(runs_table.c.id.in_(ids))), key=lambda run: run.position or 0)

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
                select(events_table.c.seq, events_table.c.body, runs_table.c.test_hidden)
                .join(runs_table, runs_table.c.number == events_table.c.run)
                .where(runs_table.c.id == run_id, events_table.c.seq > after)
                .where(events_table.c.attempt == runs_table.c.attempt)
                .order_by(events_table.c.seq)
                .limit(limit)
            )
            found = connection.execute(query).all()
            if not found:
                self._row(connection, run_id)  # an unknown id is an error, a run without events is not
        shown = not found or shows_test(found[0].test_hidden, to_others=access.shared())  # all are of one run
        return [(seq, body if shown else without_test(body)) for seq, body, _hidden in found]

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

    def _queue(self, connection: Connection) -> Sequence[Queued]:
        """Return the queue in order: the few columns that decide it, for a page asks this every few seconds."""
        columns = runs_table.c
        wanted = (columns.number, columns.id, columns.owner_id, columns.priority, columns.queued_at)
        waiting = connection.execute(
            select(*wanted, columns.requested_device, columns.sweep).where(columns.state == State.QUEUED, _not_paused())
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
    """Whether a run belongs to no sweep and no class that is paused."""
    columns = runs_table.c
    sweeps = select(sweeps_table.c.id).where(sweeps_table.c.state == Wish.PAUSED)
    classes = select(classes_table.c.id).where(classes_table.c.paused)
    return and_(
        or_(columns.sweep.is_(None), columns.sweep.not_in(sweeps)),
        or_(columns.class_id.is_(None), columns.class_id.not_in(classes)),
    )


def one_line(text: str, length: int) -> str:
    """Return what somebody typed as stored: printable, single spaces, no longer than ``length``."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:length]
