"""Who is in a class: joining with code and nickname, leaving, and who was seen lately."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from spafit.classroom import nicknames
from spafit.runs import Actor, Store, StoreError, classes
from spafit.runs.class_rules import ClassError
from spafit.runs.classes import Class, Member, member_from_row
from spafit.runs.database import reading, writing
from spafit.runs.schema import class_members as table

MOST_STUDENTS = 300
SEEN_EVERY = timedelta(seconds=10)
HERE_FOR = timedelta(seconds=30)
"""Whoever had a page open within this time is here."""
NO_OWNER = (
    "Joining needs a server that others reach, and cookies: start it with 'make run HOST=0.0.0.0', allow cookies for "
    "this address and reload the page."
)


def join(store: Store, actor: Actor, code: str, nickname: str) -> Member:
    """Let an owner into a class; whoever was in it before is who they were.

    Raises:
        ClassError: no such class, it has ended, nobody joins any more, or the nickname is taken or cannot be.
    """
    if not actor.id:
        raise ClassError(NO_OWNER)
    course, now = classes.by_code(store.engine, code), store.clock()
    if course.ended(now):
        raise ClassError(f"The class {course.name} has ended; nobody joins it any more.")
    try:
        with writing(store.engine) as connection:
            _leave_others(connection, actor.id, course, now)
            if before := _member(connection, course.id, actor.id):
                _set(connection, before, here=True, seen_at=now)
            else:
                _add(connection, course, actor.id, nickname, now)
    except StoreError as error:
        if isinstance(error.__cause__, IntegrityError):
            with reading(store.engine) as connection:
                if before := _member(connection, course.id, actor.id):
                    return before  # another tab of the same browser was faster
            name = nicknames.checked(nickname)
            raise ClassError(
                f"The nickname {name} is taken in this class, or looks like one; choose another."
            ) from None
        raise
    return find(store, course.id, actor.id)


def leave(store: Store, member: Member) -> None:
    """Let a student leave a class that has ended. Raises `ClassError` while it goes on."""
    course = classes.get(store.engine, member.class_id)
    if not course.ended(store.clock()):
        raise ClassError(f"You are in the class {course.name} until it ends; its teacher can take you out.")
    remove(store, member)


def remove(store: Store, member: Member) -> None:
    """Take a student out; their runs and guesses stay, and with the code they come back as who they were."""
    with writing(store.engine) as connection:
        _set(connection, member, here=False)


def find(store: Store, class_id: str, owner_id: str) -> Member:
    """Return a student of a class. Raises `ClassError`."""
    with reading(store.engine) as connection:
        member = _member(connection, class_id, owner_id)
    if member is None:
        raise ClassError("There is no such student in this class.")
    return member


def members(store: Store, class_id: str) -> list[Member]:
    """Return a class's students in the order of joining, those who left included."""
    query = select(table).where(table.c.class_id == class_id).order_by(table.c.number)
    with reading(store.engine) as connection:
        return [member_from_row(row) for row in connection.execute(query).mappings()]


def seen(store: Store, member: Member) -> None:
    """Note that a student has a page open; written now and then only."""
    now = store.clock()
    if now - member.seen_at >= SEEN_EVERY:
        with writing(store.engine) as connection:
            _set(connection, member, seen_at=now)


def is_here(member: Member, now: datetime) -> bool:
    """Whether a student has a page open."""
    return member.here and now - member.seen_at < HERE_FOR


def _leave_others(connection: Connection, owner_id: str, course: Class, now: datetime) -> None:
    rows = connection.execute(select(table).where(table.c.owner_id == owner_id, table.c.here)).mappings().all()
    for member in map(member_from_row, rows):
        if member.class_id == course.id:
            continue
        other = classes.of_id(connection, member.class_id)
        if not other.ended(now):
            raise ClassError(f"You are in the class {other.name} until it ends; its teacher can take you out.")
        _set(connection, member, here=False)


def _add(connection: Connection, course: Class, owner_id: str, nickname: str, now: datetime) -> None:
    if course.closed:
        raise ClassError(f"Nobody joins the class {course.name} any more; ask its teacher.")
    name = nicknames.checked(nickname)
    last = connection.execute(select(func.max(table.c.number)).where(table.c.class_id == course.id)).scalar() or 0
    if last >= MOST_STUDENTS:
        raise ClassError(f"The class {course.name} is full: it has {MOST_STUDENTS} students.")
    values = {"class_id": course.id, "owner_id": owner_id, "number": last + 1, "here": True}
    values |= {"nickname": name, "nickname_key": nicknames.key(name), "joined_at": now, "seen_at": now}
    connection.execute(insert(table).values(values))


def _member(connection: Connection, class_id: str, owner_id: str) -> Member | None:
    mine = select(table).where(table.c.class_id == class_id, table.c.owner_id == owner_id)
    row = connection.execute(mine).mappings().first()
    return None if row is None else member_from_row(row)


def _set(connection: Connection, member: Member, **values: object) -> None:
    mine = (table.c.class_id == member.class_id, table.c.owner_id == member.owner_id)
    connection.execute(update(table).where(*mine).values(**values))
