"""Classes in the store, and what a class allows when one of its students submits a run.

A class's teachers may do to its runs what their owners may. Its students are owners as everybody is; a class is left
when it has ended, or when its teacher says so, so that leaving it opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, false, func, or_, select

from spafit.runs import limits, measured
from spafit.runs.class_rules import ClassError, Rules
from spafit.runs.database import reading
from spafit.runs.rights import Action, Actor
from spafit.runs.run import State, run_from_row
from spafit.runs.schema import actions as actions_table
from spafit.runs.schema import class_guesses as guesses_table
from spafit.runs.schema import class_members as members_table
from spafit.runs.schema import class_teachers as teachers_table
from spafit.runs.schema import classes as classes_table
from spafit.runs.schema import runs as runs_table
from spafit.training.config import RunSpec

TRUTH = ""
"""In place of an owner: what guesses are held against, once the teacher has revealed it."""
NO_CLASS = "There is no class with that code: look at it again, or ask your teacher."


@dataclass(frozen=True)
class Class:
    """One class. Times are by the server's clock."""

    id: str
    code: str
    name: str
    created_at: datetime
    ends_at: datetime
    rules: Rules
    paused: bool
    closed: bool
    """Whether nobody joins any more."""
    alone: bool
    """Whether nobody else starts runs on this server while it goes on."""
    anonymous: bool
    guesses_revealed: bool
    test_revealed: bool

    def ended(self, now: datetime) -> bool:
        """Whether it is over."""
        return now >= self.ends_at


@dataclass(frozen=True)
class Member:
    """A student in a class."""

    class_id: str
    owner_id: str
    number: int
    """In the order of joining."""
    nickname: str
    joined_at: datetime
    seen_at: datetime
    here: bool
    """False for whoever left; what they did stays."""

    def shown(self, anonymous: bool) -> str:
        """Return what the class sees of their name."""
        return f"Student {self.number}" if anonymous else self.nickname


def by_code(engine: Engine, code: str) -> Class:
    """Return the class of a join code, in any case and with any spaces or dashes. Raises `ClassError`."""
    wanted = "".join(letter for letter in code.lower() if letter.isalnum())[:16]
    with reading(engine) as connection:
        row = connection.execute(select(classes_table).where(classes_table.c.code == wanted)).mappings().first()
    if row is None:
        raise ClassError(NO_CLASS)
    return from_row(row)


def get(engine: Engine, class_id: str) -> Class:
    """Return a class. Raises `ClassError`."""
    with reading(engine) as connection:
        return of_id(connection, class_id)


def of_id(connection: Connection, class_id: str) -> Class:
    """Return a class. Raises `ClassError` when it was deleted."""
    row = connection.execute(select(classes_table).where(classes_table.c.id == class_id)).mappings().first()
    if row is None:
        raise ClassError("This class does not exist any more: its teacher has deleted it.")
    return from_row(row)


def from_row(row: Mapping[str, Any]) -> Class:
    """Return the class in a row of its table."""
    values: dict[str, Any] = {name: row[name] for name in Class.__dataclass_fields__}
    values["rules"] = Rules.from_dict(row["rules"])
    return Class(**values)


def membership(engine: Engine, owner_id: str) -> tuple[Class, Member] | None:
    """Return the class that an owner is in now, and who they are there; None for whoever is in none."""
    if not owner_id:
        return None
    with reading(engine) as connection:
        return _membership(connection, owner_id)


def taught_by(engine: Engine, owner_id: str) -> list[Class]:
    """Return the classes that an owner teaches, the newest first."""
    query = select(classes_table).join(teachers_table, teachers_table.c.class_id == classes_table.c.id)
    query = query.where(teachers_table.c.owner_id == owner_id).order_by(classes_table.c.number.desc())
    with reading(engine) as connection:
        return [from_row(row) for row in connection.execute(query).mappings()]


def _membership(connection: Connection, owner_id: str) -> tuple[Class, Member] | None:
    mine = select(members_table).where(members_table.c.owner_id == owner_id, members_table.c.here)
    row = connection.execute(mine.order_by(members_table.c.joined_at.desc())).mappings().first()
    return None if row is None else (of_id(connection, row["class_id"]), member_from_row(row))


def member_from_row(row: Mapping[str, Any]) -> Member:
    """Return the student in a row of the members' table."""
    return Member(**{name: row[name] for name in Member.__dataclass_fields__})


def check_submission(
    connection: Connection, actor: Actor, spec: RunSpec, now: datetime, counted_in: str | None = None
) -> tuple[Class, Member] | None:
    """Refuse what a class does not allow; return the class that the run belongs to and whose it is there.

    In the transaction that queues the run, so that two at once do not both have the last place. ``counted_in`` is the
    class that a run which is queued again belongs to already.

    Raises:
        ClassError: the class has ended or is paused, a locked setting was changed, a limit is reached, or a class has
            the server to itself, or the class has measured this already.
        LimitError: the run would take more than the class allows.
    """
    found = _membership(connection, actor.id) if actor.id else None
    if found is None:
        _check_others(connection, actor, now)
        return None
    course, member = found
    if course.ended(now):
        raise ClassError(f"The class {course.name} has ended; leave it on the Class page to start runs of your own.")
    if course.paused:
        raise ClassError(f"The class {course.name} is paused; its teacher lets it go on.")
    if course.rules.guess_first and not course.guesses_revealed and not _has_guessed(connection, member):
        raise ClassError("Guess first, on the Class page; then start your first run.")
    course.rules.check(spec)
    most = course.rules.limits
    limits.check_examples(spec, most.examples)
    _check_new(connection, course, spec)
    columns = runs_table.c
    count = select(func.count(), func.count().filter(columns.state.in_((State.QUEUED, State.RUNNING))))
    theirs = count.where(columns.class_id == course.id, columns.owner_id == member.owner_id)
    started, under_way = connection.execute(theirs).one()
    started += len(connection.execute(deleted_since([member])).all())
    if counted_in != course.id and started >= most.runs:
        raise ClassError(f"You have started {started} runs, as many as this class allows each student.")
    if under_way >= most.at_once:
        one = "run waits or goes" if under_way == 1 else "runs wait or go"
        raise ClassError(
            f"{under_way} of your {one}, as many as this class allows at once; start more when one is over."
        )
    return course, member


def _check_new(connection: Connection, course: Class, spec: RunSpec) -> None:
    """Refuse what a run of the class does or did already. Raises `ClassError`."""
    columns = runs_table.c
    alike = (columns.class_id == course.id, columns.seed == spec.settings.seed)
    alike += (columns.stratification == spec.stratification.name, columns.state.not_in((State.FAILED, State.STOPPED)))
    rows = connection.execute(select(runs_table).where(*alike)).mappings()
    if twin := measured.same(spec, map(run_from_row, rows)):
        raise ClassError(
            f"{measured.said(twin)} (run {twin.id}): the same setting, data and seed; open that run, or choose another "
            "seed."
        )


def deleted_since(members: Sequence[Member]) -> Select[Any]:
    """Return the query for the runs that students started since they joined and that are deleted: they were theirs."""
    done = actions_table.c
    started = [and_(done.owner_id == one.owner_id, done.at >= one.joined_at) for one in members]
    gone = done.subject.not_in(select(runs_table.c.id))
    return select(done.subject).where(done.action == Action.SUBMIT, or_(false(), *started), gone).distinct()


def refuse_many(connection: Connection, actor: Actor) -> None:
    """Refuse many runs at once from somebody in a class. Raises `ClassError`."""
    if actor.id and _membership(connection, actor.id) is not None:
        raise ClassError("In a class runs are started one at a time, so that everybody has their turn.")


def _check_others(connection: Connection, actor: Actor, now: datetime) -> None:
    """Refuse runs of whoever is in no class while one has the server to itself."""
    if actor.administrator:
        return
    query = select(classes_table).where(classes_table.c.alone, classes_table.c.ends_at > now)
    for row in connection.execute(query).mappings():
        if row["id"] not in actor.teaches:
            raise ClassError("A class has this server to itself now; join it on the Class page, or come back later.")


def _has_guessed(connection: Connection, member: Member) -> bool:
    columns = guesses_table.c
    mine = select(columns.kind).where(columns.class_id == member.class_id, columns.owner_id == member.owner_id)
    return connection.execute(mine.limit(1)).first() is not None
