"""What the supervisor and a run's process do to a run: claim it, carry its events to the store, say how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from spafit.runs.database import DamagedRowError, reading, writing
from spafit.runs.rows import Rows
from spafit.runs.run import FINAL_SCORES, Run, State, changes, run_from_row
from spafit.runs.schema import Wish, sweeps
from spafit.runs.schema import events as events_table
from spafit.runs.schema import runs as runs_table

DAMAGED = "Its row in the database is damaged, so it cannot be done."
KILLED = (
    "The run's process was killed (signal SIGKILL): by somebody, or by the system because memory ran out; "
    "a smaller batch size needs less."
)
VANISHED = "The run's process is gone without a word: it was killed, or the machine was restarted."
OUTSIDE = "The run's process was asked to end from outside (signal SIGTERM), for example because the machine shut down."
LOST = "The machine that did the run ({host}) has given no sign of life for over a minute."

OF_ONE_ATTEMPT = ("reason", "started_at", "ended_at", "heartbeat_at", "supervisor", "process", "device", "phase")
OF_ONE_ATTEMPT += ("trainable", "total", "total_steps", "seconds", "remaining")
OF_ONE_ATTEMPT += ("weights_hash", "data_hash", "engine_generation")
"""Columns that a new attempt begins without."""
SCORES = (*FINAL_SCORES, "further_tests")


def was_lost(reason: str) -> bool:
    """Whether a run failed because its process or its machine went, and not by itself."""
    return reason in (KILLED, VANISHED, OUTSIDE) or reason.startswith(LOST.partition("{")[0])


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

        A run of a sweep that goes on is queued again in the same transaction if its first attempt was lost: nobody sees
        it failed in between. Returns False, changing nothing, when the attempt is over already or the run is somebody
        else's by now, so that the first to say how a run ended is believed.
        """
        now = self.clock()
        with writing(self.engine) as connection:
            values = {"state": State(state), "reason": reason, "ended_at": now, "phase": None, "remaining": None}
            ended = self._set_running(connection, run, {**changes(events), **values})
            if ended:
                self._add(connection, run, events)
                if state is State.FAILED and was_lost(reason or "") and self._has_another_try(connection, run):
                    self._queue_again(connection, run.number, run.attempt)
        return ended

    def _has_another_try(self, connection: Connection, run: Run) -> bool:
        columns = runs_table.c
        query = select(columns.number).join(sweeps, sweeps.c.id == columns.sweep)
        goes_on = (columns.attempt == 1, columns.stop_requested.is_(False), sweeps.c.state != Wish.STOPPED)
        return connection.execute(query.where(columns.number == run.number, *goes_on)).first() is not None

    def _queue_again(self, connection: Connection, number: int, attempt: int, **more: Any) -> None:
        """Make a run that is over wait once more, as the attempt after this one."""
        cleared = dict.fromkeys(OF_ONE_ATTEMPT)
        emptied = {column: {} for column in SCORES}
        state = {"state": State.QUEUED, "attempt": attempt + 1, "queued_at": self.clock(), "step": 0}
        self._set(connection, number, **cleared, **emptied, **state, **more, stop_requested=False, archived=False)

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
