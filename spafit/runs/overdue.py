"""When the supervisor ends a run that goes on: it took longer than a run may, or gives no sign of life."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from spafit.runs.limits import HOURS
from spafit.runs.run import Run

SILENT_AFTER = timedelta(minutes=5)
"""A run's process writes a sign of life every two seconds, whatever else it does."""
GRACE_SECONDS = 60.0
"""For how long it must stay silent while the database can be written: one that was locked or full explains silence."""

SILENT = "The run's process gave no sign of life for over five minutes and was ended."
OVERTIME_IN_CLASS = "It took longer than the {minutes:g} minutes that a run may take in this class and was ended."
OVERTIME = "It took longer than the {hours:g} hours that a run may take here ({variable}) and was ended."


@dataclass
class Silence:
    """What is remembered of a run's silence from one look to the next."""

    since: float | None = None

    def broken_by(self, run: Run, now: datetime) -> bool:
        """Whether the run has given a sign of life lately."""
        if run.heartbeat_at is not None and now - run.heartbeat_at <= SILENT_AFTER:
            self.since = None
            return True
        return False

    def lasts(self, clock: float) -> bool:
        """Whether it has lasted long enough, called at moments when the database could be written."""
        if self.since is None:
            self.since = clock
        return clock - self.since >= GRACE_SECONDS


def overtime(run: Run, now: datetime) -> str | None:
    """Return why a run is ended that took too long; None while it has time."""
    hours = HOURS.value()
    taken = timedelta() if run.started_at is None else now - run.started_at
    if run.limit_seconds is not None and taken > timedelta(seconds=run.limit_seconds):
        return OVERTIME_IN_CLASS.format(minutes=run.limit_seconds / 60)
    if taken <= timedelta(hours=hours):
        return None
    return OVERTIME.format(hours=hours, variable=HOURS.variable)
