"""Who did what to a run or an upload, and when; kept also after it was deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from spafit.runs.database import reading
from spafit.runs.rights import Action, Actor
from spafit.runs.schema import actions as actions_table


@dataclass(frozen=True)
class Done:
    """One thing that somebody did."""

    at: datetime
    subject: str
    action: str
    name: str
    administrator: bool
    detail: str

    @property
    def who(self) -> str:
        """Who it was, in words."""
        if self.administrator:
            return f"{self.name} (administrator)" if self.name else "an administrator"
        return self.name or "somebody without a name"


def record(connection: Connection, at: datetime, actor: Actor, action: Action, subject: str, detail: str = "") -> None:
    """Write down what somebody does, in the transaction that does it."""
    who = {"owner_id": actor.id, "name": actor.name, "administrator": actor.administrator}
    connection.execute(insert(actions_table).values(at=at, subject=subject, action=action, detail=detail, **who))


def history(engine: Engine, subject: str) -> list[Done]:
    """Return what was done to a run or an upload, oldest first."""
    columns = actions_table.c
    wanted = (columns.at, columns.subject, columns.action, columns.name, columns.administrator, columns.detail)
    with reading(engine) as connection:
        rows = connection.execute(select(*wanted).where(columns.subject == subject).order_by(columns.number))
        return [Done(*row) for row in rows.tuples()]
