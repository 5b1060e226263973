"""What a run's own events say about its time: where the seconds went, and what was decided to save some. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Events = Iterable[Mapping[str, Any]]


def seconds_by_phase(events: Events, now: float = 0.0) -> list[tuple[str, float]]:
    """Return (phase, seconds) in order of first appearance: as the run added them up, else up to its latest event.

    The names are those of `spafit.training.events.PHASES`; the seconds add up to the time since the launch. While a run
    goes, its phase lasts until `now` (seconds since the launch), if that is later than the latest event.
    """
    spent: dict[str, float] = {}
    phase, latest = None, 0.0
    for event in events:
        if event.get("timeline"):
            return [(str(name), float(seconds)) for name, seconds in event["timeline"]]
        seconds = event.get("seconds")
        if seconds is not None:
            if phase is not None:
                spent[phase] += seconds - latest
            latest = seconds
        if event["kind"] == "phase":
            phase = event["name"]
            spent.setdefault(phase, 0.0)
    if phase is not None:
        spent[phase] += max(0.0, now - latest)
    return list(spent.items())


def decisions(events: Events) -> list[str]:
    """Return the automatic choices of the run and why, a sentence each; empty until everything is loaded."""
    for event in events:
        if event["kind"] == "started":
            return [f"Precision: {event['precision']} on {event['device']}.", *event["decisions"]]
    return []
