"""What a class's teacher does: create it, let others teach, pause, end, limit, reveal, anonymise, reset, delete.

Whoever holds the class's key teaches it, and so does an administrator; asked here, where it is done.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from spafit.classroom import roster
from spafit.quantities import is_whole
from spafit.runs import Actor, ForbiddenError, State, Store, StoreError, classes, owners
from spafit.runs.class_rules import ClassError, Limits, Rules
from spafit.runs.classes import Class, Member
from spafit.runs.database import reading, writing
from spafit.runs.lists import one_line
from spafit.runs.rights import require_names
from spafit.runs.rows import ID_LETTERS, new_id
from spafit.runs.schema import actions as actions_table
from spafit.runs.schema import class_guesses as guesses_table
from spafit.runs.schema import class_teachers as teachers_table
from spafit.runs.schema import classes as classes_table
from spafit.runs.schema import runs as runs_table

CODE_LETTERS = 6
KEY_BYTES = 12
NAME_LENGTH = 60
MOST_MINUTES = 24 * 60
MOST_CLASSES = 20
"""That one teacher has at a time."""


def create(
    store: Store, actor: Actor, name: str, rules: Rules, *, minutes: int, alone: bool = False
) -> tuple[Class, str]:
    """Make a class and return it with its teacher's key, which is kept nowhere.

    Raises:
        SpafitError: the name, the end or the setting cannot be, or whoever asks may not.
    """
    if not actor.id and not actor.administrator:
        raise ForbiddenError("A class needs an owner: allow cookies for this address and reload the page.")
    if alone and not actor.administrator:
        raise ForbiddenError("Only an administrator may give a class the server to itself.")
    require_names(actor, rules.setting.model, rules.setting.task)
    name = one_line(name, NAME_LENGTH)
    if not name:
        raise ClassError("Give the class a name.")
    now, key, salt = store.clock(), secrets.token_urlsafe(KEY_BYTES), secrets.token_hex(16)
    switches: dict[str, Any] = dict.fromkeys(
        ("paused", "closed", "anonymous", "guesses_revealed", "test_revealed"), False
    )
    row: dict[str, Any] = {
        "name": name,
        "created_by": actor.id,
        "created_at": now,
        "ends_at": now + _minutes(minutes),
        "alone": alone,
    }
    row |= {"rules": rules.to_dict(), "salt": salt, "key_hash": owners.hashed(key, salt), **switches}
    while True:
        class_id, code = new_id(), "".join(secrets.choice(ID_LETTERS) for _ in range(CODE_LETTERS))
        try:
            with writing(store.engine) as connection:
                _check_number(connection, actor, row["created_at"])
                connection.execute(insert(classes_table).values(id=class_id, code=code, **row))
                if actor.id:
                    connection.execute(insert(teachers_table).values(class_id=class_id, owner_id=actor.id))
            return classes.get(store.engine, class_id), key
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):  # a code given out before: draw another
                raise


def _check_number(connection: Connection, actor: Actor, now: Any) -> None:
    columns = classes_table.c
    theirs = select(func.count()).where(columns.created_by == actor.id, columns.ends_at > now)
    if not actor.administrator and connection.execute(theirs).scalar_one() >= MOST_CLASSES:
        raise ClassError(f"You have {MOST_CLASSES} classes that go on; end one first.")


def _minutes(minutes: object) -> timedelta:
    if not is_whole(minutes, 1, MOST_MINUTES):
        raise ClassError(f"A class ends after a whole number of minutes from 1 to {MOST_MINUTES:,}, not {minutes!r}.")
    return timedelta(minutes=int(str(minutes)))


def teaches(actor: Actor, class_id: str) -> bool:
    """Whether somebody may do all within a class."""
    return actor.administrator or class_id in actor.teaches


def enter_key(store: Store, actor: Actor, code: str, key: str) -> Class:
    """Let whoever has a class's key teach it in this browser too. Raises `ClassError`."""
    if not actor.id:
        raise ClassError(roster.NO_OWNER)
    course = classes.by_code(store.engine, code)
    with owners.one_guess:
        with reading(store.engine) as connection:
            columns = (classes_table.c.salt, classes_table.c.key_hash)
            salt, kept = connection.execute(select(*columns).where(classes_table.c.id == course.id)).one()
        right = hmac.compare_digest(kept, owners.hashed(key, salt))
    if not right:
        raise ClassError("That is not the teacher's key of this class.")
    if course.id not in actor.teaches:
        with writing(store.engine) as connection:
            connection.execute(insert(teachers_table).values(class_id=course.id, owner_id=actor.id))
    return course


def pause(store: Store, actor: Actor, course: Class, paused: bool) -> None:
    """Let no further run of the class start or be submitted, or let them again; those that go, go on to their end."""
    _change(store, actor, course, paused=paused)


def close(store: Store, actor: Actor, course: Class, closed: bool) -> None:
    """Let nobody join any more, or let them again."""
    _change(store, actor, course, closed=closed)


def end_after(store: Store, actor: Actor, course: Class, minutes: int) -> None:
    """Let the class end so many minutes from now, also one that has ended; 0 ends it at once."""
    _change(store, actor, course, ends_at=store.clock() + (timedelta() if minutes == 0 else _minutes(minutes)))


def set_limits(store: Store, actor: Actor, course: Class, limits: Limits) -> None:
    """Change the class's limits, also for its runs that wait or go."""
    require(actor, course)
    values = {"limit_examples": limits.examples, "limit_seconds": 60 * limits.minutes}
    with writing(store.engine) as connection:
        rules = classes.of_id(connection, course.id).rules
        _set(connection, course, rules=replace(rules, limits=limits).to_dict())
        mine = (runs_table.c.class_id == course.id, runs_table.c.state.in_((State.QUEUED, State.RUNNING)))
        connection.execute(update(runs_table).where(*mine).values(values))


def anonymise(store: Store, actor: Actor, course: Class, anonymous: bool) -> None:
    """Show numbers instead of nicknames, beside every run of the class and in what is written down about it."""
    require(actor, course)
    members = roster.members(store, course.id)
    columns, done = runs_table.c, actions_table.c
    mine = select(columns.id).where(columns.class_id == course.id).scalar_subquery()
    with writing(store.engine) as connection:
        _set(connection, course, anonymous=anonymous)
        for member in members:
            name = member.shown(anonymous)
            theirs = (columns.class_id == course.id, columns.owner_id == member.owner_id)
            connection.execute(update(runs_table).where(*theirs).values(owner=name))
            records = (done.subject.in_(mine), done.owner_id == member.owner_id)
            connection.execute(update(actions_table).where(*records).values(name=name))


def reveal_test(store: Store, actor: Actor, course: Class) -> None:
    """Let everybody see the test scores of the class's runs, from now on."""
    require(actor, course)
    with writing(store.engine) as connection:
        _set(connection, course, test_revealed=True)
        mine = runs_table.c.class_id == course.id
        connection.execute(update(runs_table).where(mine).values(test_hidden=False))


def reveal_guesses(
    store: Store, actor: Actor, course: Class, truth: Mapping[str, Any], points: Mapping[tuple[str, str], int]
) -> None:
    """Show what came out beside the guesses, with the points of each (by owner and kind); nobody guesses any more."""
    require(actor, course)
    columns = guesses_table.c
    with writing(store.engine) as connection:
        _set(connection, course, guesses_revealed=True)
        connection.execute(
            delete(guesses_table).where(columns.class_id == course.id, columns.owner_id == classes.TRUTH)
        )
        for kind, value in truth.items():
            row = {"class_id": course.id, "owner_id": classes.TRUTH, "kind": kind, "value": value}
            connection.execute(insert(guesses_table).values(row | {"locked_at": store.clock()}))
        for (owner_id, kind), reached in points.items():
            one = (columns.class_id == course.id, columns.owner_id == owner_id, columns.kind == kind)
            connection.execute(update(guesses_table).where(*one).values(points=reached))


def remove(store: Store, actor: Actor, course: Class, member: Member) -> None:
    """Take a student out of the class."""
    require(actor, course)
    roster.remove(store, member)


def stop_all(store: Store, actor: Actor, course: Class) -> int:
    """Ask every run of the class that waits or goes to stop; return how many."""
    require(actor, course)
    under_way = store.list(class_id=course.id, state=(State.QUEUED, State.RUNNING), archived=None, limit=None)
    for run in under_way:
        store.request_stop(run.id, actor)
    return len(under_way)


def reset(store: Store, actor: Actor, course: Class) -> None:
    """Delete the class's runs and guesses; its students stay. Raises `ClassError` while runs are ending."""
    ids = _delete_runs(store, actor, course)
    with writing(store.engine) as connection:
        _forget(connection, ids, roster.members(store, course.id))
        connection.execute(delete(guesses_table).where(guesses_table.c.class_id == course.id))
        _set(connection, course, guesses_revealed=False, test_revealed=False, paused=False)


def delete_class(store: Store, actor: Actor, course: Class) -> None:
    """Delete the class with its runs, students, guesses and what is written down about them.

    Raises:
        ClassError: runs are still ending; they have been asked to.
    """
    ids = _delete_runs(store, actor, course)
    with writing(store.engine) as connection:
        _forget(connection, ids, roster.members(store, course.id))
        connection.execute(delete(classes_table).where(classes_table.c.id == course.id))


def _forget(connection: Connection, ids: Sequence[str], members: Sequence[Member]) -> None:
    """Delete what is written down about these runs, and about those that students deleted themselves."""
    gone = connection.execute(classes.deleted_since(members)).scalars()
    connection.execute(delete(actions_table).where(actions_table.c.subject.in_([*ids, *gone])))


def _delete_runs(store: Store, actor: Actor, course: Class) -> list[str]:
    pause(store, actor, course, True)  # nothing new while the rest ends
    stop_all(store, actor, course)
    runs = store.list(class_id=course.id, archived=None, limit=None)
    if going := [run for run in runs if not run.state.over]:
        one = "run is" if len(going) == 1 else "runs are"
        raise ClassError(f"{len(going)} {one} ending, which takes up to five seconds; then press this again.")
    for run in runs:
        store.delete(run.id, actor)
    return [run.id for run in runs]


def require(actor: Actor, course: Class) -> None:
    """Raise `ForbiddenError` unless somebody teaches the class."""
    if not teaches(actor, course.id):
        raise ForbiddenError("Only the teacher of this class may do that.")


def _change(store: Store, actor: Actor, course: Class, **values: Any) -> None:
    require(actor, course)
    with writing(store.engine) as connection:
        _set(connection, course, **values)


def _set(connection: Connection, course: Class, **values: Any) -> None:
    connection.execute(update(classes_table).where(classes_table.c.id == course.id).values(**values))
