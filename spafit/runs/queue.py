"""Who is next: by priority, then turn by turn among owners, then by age. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Protocol, TypeVar


class Waiting(Protocol):
    """What the queue needs to know of a run."""

    @property
    def number(self) -> int: ...
    @property
    def owner(self) -> str: ...  # the owner's id: names can be made up
    @property
    def priority(self) -> int: ...
    @property
    def queued_at(self) -> datetime: ...


Item = TypeVar("Item", bound=Waiting)


def order(waiting: Iterable[Item], last_started: Mapping[str, datetime]) -> list[Item]:
    """Return the runs in the order in which they will start.

    The highest priority goes first. Within it the turn is the owner's who has waited longest since a run of theirs
    started (``last_started``, by owner; owners who never had one come first, the one with the oldest run leading), and
    the owner's oldest run takes it. So somebody who submits forty runs delays somebody who submits one by one run.
    """
    lines: dict[int, dict[str, list[Item]]] = {}
    for run in sorted(waiting, key=_age):
        lines.setdefault(run.priority, {}).setdefault(run.owner, []).append(run)
    # Turns as integers: those owners that have had one in the order of their last start, and each start adds the next.
    turns = {owner: turn for turn, owner in enumerate(sorted(last_started, key=lambda owner: last_started[owner]))}
    result: list[Item] = []
    for _priority, owners in sorted(lines.items(), reverse=True):
        # Whoever starts goes behind everybody else, so the first round's order is that of every further round.
        first = sorted(owners, key=lambda owner: (turns.get(owner, -1), _age(owners[owner][0])))
        for each in zip_longest(*(owners[owner] for owner in first)):
            result += [run for run in each if run is not None]
        latest = len(turns) + len(result)
        turns |= {run.owner: latest + place for place, run in enumerate(result)}
    return result


def _age(run: Waiting) -> tuple[datetime, int]:
    return run.queued_at, run.number


def device_of(requested: str, auto: str | None) -> str | None:
    """Return the device a request means; None while it is not known what ``auto`` is on this machine."""
    return auto if requested == "auto" else requested


def next_to_start(
    queue: Sequence[tuple[str, str]], busy: Collection[str | None], auto: str | None = None
) -> str | None:
    """Return the id of the first run in the queue whose device is free, or None.

    Args:
        queue: (id, requested device) in the order of `order`.
        busy: the devices that runs occupy now; None for a run whose device is not known yet.
        auto: what "auto" means on this machine, once a run has told.

    One run per device. A run on a device not known yet could be anywhere, so nothing starts beside it.
    """
    for run, requested in queue:
        wanted = device_of(requested, auto)
        if not busy or (wanted is not None and None not in busy and wanted not in busy):
            return run
    return None
