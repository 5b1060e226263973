"""What the supervisor and a run's process do to a run: claim it, carry its events to the store, say how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from spafit.runs.database import DamagedRowError, reading, writing
from spafit.runs.rows import Rows
from spafit.runs.run import Run, State, changes, run_from_row
from spafit.runs.schema import events as events_table
from spafit.runs.schema import runs as runs_table

DAMAGED = "Its row in the database is damaged, so it cannot be done."


class Attempts(Rows):
    """The store as far as attempts of runs go. Whoever has lost a claim changes nothing."""

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
            self._fail_damaged([run_id], State.QUEUED)
            return None

    def fail_damaged(self) -> None:
        """Fail the running runs whose row was found damaged: nobody could follow or stop them.

        Their process finds that at its next sign of life and ends.
        """
        if self.damaged:
            self._fail_damaged(self.damaged, State.RUNNING)

    def _fail_damaged(self, ids: Iterable[str], state: State) -> None:
        columns = runs_table.c
        failed = update(runs_table).where(columns.id.in_(ids), columns.state == state)
        with writing(self.engine) as connection:
            connection.execute(failed.values(state=State.FAILED, reason=DAMAGED, ended_at=self.clock()))

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
