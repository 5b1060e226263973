"""When the runs that wait will start, and when all are done, from how long runs take. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from spafit.runs import Run, State

RECENT = 12
"""Finished runs whose time between their end and the process's start is looked at."""


@dataclass(frozen=True)
class Outlook:
    """Seconds from now."""

    starts: dict[str, float]
    """By the id of a run that waits."""
    all_done: float | None
    """None while nothing runs or waits, or nobody knows how long runs take."""


def outlook(running: Sequence[float | None], waiting: Sequence[tuple[str, float | None]], between: float) -> Outlook:
    """Return when runs start that go one after the other.

    Args:
        running: what is left of each run that goes; None where that is not known.
        waiting: id and expected seconds of the runs that wait, in their order.
        between: seconds from one run's end to the next one's launch.
    """
    starts: dict[str, float] = {}
    now: float | None = 0.0
    for left in running:
        now = None if now is None or left is None else max(now, left)
    first = not running
    for run_id, seconds in waiting:
        if now is None:
            break
        if not first:
            now += between
        first = False
        starts[run_id] = now
        now = None if seconds is None else now + seconds
    return Outlook(starts, now if running or waiting else None)


def seconds_between(finished: Iterable[Run]) -> float:
    """Return the seconds that a run's turn takes beside its own: starting its process and writing its end."""
    spent = [
        (run.ended_at - run.started_at).total_seconds() - run.seconds
        for run in finished
        if run.state is State.FINISHED and run.ended_at and run.started_at and run.seconds is not None
    ]
    return max(0.0, median(spent[-RECENT:])) if spent else 0.0


def usual_seconds(finished: Iterable[Run]) -> float | None:
    """Return the mean seconds of runs like these; None without any."""
    seconds = [run.seconds for run in finished if run.state is State.FINISHED and run.seconds is not None]
    return fmean(seconds[-RECENT:]) if seconds else None


def left_of(run: Run, expected: float | None) -> float | None:
    """Return the seconds that a run which goes still takes: what it says itself, else what is expected of it."""
    if run.remaining is not None:
        return run.remaining
    return None if expected is None else max(0.0, expected - (run.seconds or 0.0))
