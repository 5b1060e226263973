"""Who may do what to a run or an upload. Asked where something is done, never only where it is offered.

Whoever made it may stop, rename, tag, note, pin, archive and delete it, and so may a teacher of the class that it was
started in, and an administrator: the person at the machine, or a visitor who has entered the administrator's key.
Everybody may look, copy the setting, and compare. How a run of a class did on the test part is for nobody there before
the class's teacher opens it, and neither is what would tell it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spafit import access
from spafit.errors import SpafitError

TEST_CLOSED = (
    "The test scores of this class are closed until its teacher opens them, and so is what would tell them: "
    "the answers on the test part, and the trained model as files."
)


class Action(StrEnum):
    """What is done to a run or an upload, as the record of it says."""

    SUBMIT = "queued"
    UPLOAD = "uploaded"
    RERUN = "queued again"
    STOP = "stopped"
    ARCHIVE = "archived"
    RESTORE = "taken out of the archive"
    CHANGE = "changed"
    PIN = "pinned"
    UNPIN = "unpinned"
    EVICT = "weights removed"
    DELETE = "deleted"


class ForbiddenError(SpafitError):
    """Whoever asks has not the right to it."""


@dataclass(frozen=True)
class Actor:
    """Whoever asks for something."""

    id: str = ""
    """The public, random id of an owner; empty for the person at the machine, and for a visitor who is not known."""
    name: str = ""
    """What they call themselves; only ever shown."""
    administrator: bool = False
    teaches: frozenset[str] = frozenset()
    """The ids of the classes that they teach."""


AT_MACHINE = Actor(administrator=True)
"""Whoever types a command, or opens a dashboard that only this machine can reach."""


def acting(by: Actor | None) -> Actor:
    """Return who acts. Where a program does not say, it is the person at the machine, unless others are served."""
    if by is None:
        if access.shared():
            raise ForbiddenError("It is not known who asks for this, so it is not done.")
        return AT_MACHINE
    return by


def may_change(actor: Actor, owner_id: str, class_id: str | None = None) -> bool:
    """Whether somebody may stop, rename, archive or delete what that owner made, in that class if in any."""
    return actor.administrator or (bool(actor.id) and actor.id == owner_id) or class_id in actor.teaches


def require_change(by: Actor | None, owner_id: str, what: str, class_id: str | None = None) -> Actor:
    """Return who acts. Raises `ForbiddenError` unless they may change what that owner made."""
    actor = acting(by)
    if not may_change(actor, owner_id, class_id):
        raise ForbiddenError(f"{what} belongs to somebody else: only they or an administrator may change it.")
    return actor


def shows_test(hidden: bool, *, to_others: bool) -> bool:
    """Whether it is shown how a run did on the test part, with all that tells it: its answers there, its weights.

    Args:
        hidden: whether the run is one of a class whose teacher has not opened the test scores.
        to_others: whether somebody else than the person at the machine is shown it; the class's teacher counts as one.
    """
    return not (hidden and to_others)


def require_test(hidden: bool, *, to_others: bool) -> None:
    """Raise `ForbiddenError` unless `shows_test`."""
    if not shows_test(hidden, to_others=to_others):
        raise ForbiddenError(TEST_CLOSED)


def require_administrator(by: Actor | None, what: str) -> Actor:
    """Return who acts. Raises `ForbiddenError` unless it is an administrator; ``what`` names what only they may do."""
    actor = acting(by)
    if not actor.administrator:
        raise ForbiddenError(f"Only an administrator may {what}: it changes what everybody sees.")
    return actor


def require_names(actor: Actor, model: str, task: str) -> None:
    """Raise `ForbiddenError` where a visitor's run names something by its path on this machine.

    Their run's process reads no folder for a name that could be both (`spafit.runs.worker`).
    """
    if (actor.id or access.shared()) and (access.is_path(model) or access.is_path(task)):
        raise ForbiddenError(access.NO_PATHS)


def require_submit(by: Actor | None, priority: int = 0) -> Actor:
    """Return who acts. Raises `ForbiddenError` unless they may queue a run with that priority."""
    actor = acting(by)
    if not actor.administrator:
        if not actor.id:
            raise ForbiddenError(
                "Runs and uploads need an owner: allow cookies for this address and reload the page "
                "(the server must have been started with 'make run')."
            )
        if priority:
            raise ForbiddenError("Only an administrator may give a run a priority.")
    return actor
