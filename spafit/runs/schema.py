"""The tables of the run store. `migrations/` builds them; a test holds the two to each other."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

HEAD = "0009"
"""The newest migration. Kept here so that opening a store that is up to date never imports Alembic."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime in Python, a naive one in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Word(TypeDecorator[str]):
    """A short text; members of a `StrEnum` are stored as their value whatever the driver thinks of enums."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


TAG_MARK = "\n"
"""Stands before and after each tag in the database, so that a whole tag can be looked for; no tag contains it."""


class Tags(TypeDecorator[tuple[str, ...]]):
    """Tags in their order, as one text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:
        return TAG_MARK.join(("", *value, "")) if value else ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(filter(None, (value or "").split(TAG_MARK)))


class Wish(StrEnum):
    """What somebody wants of a sweep. Whether it is finished is seen from its runs."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    # `number` is the order of submission, which clocks that jump cannot change; `id` is what people and links say.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("state", Word(16), nullable=False),
    # The owner's name, only shown; `owner_id` says whose it is: empty for the person at the machine.
    Column("owner", String(80), nullable=False),
    Column("owner_id", String(32), nullable=False, server_default=""),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("origin", Word(16), nullable=False),
    Column("sweep", String(80)),
    Column("stop_requested", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False, server_default="0"),
    # What people write beside it.
    Column("note", Text, nullable=False, server_default=""),
    Column("tags", Tags, nullable=False, server_default=""),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("heartbeat_at", UtcDateTime),
    # What is to be done. The columns beside `spec` repeat parts of it, for lists, filters and sorting.
    Column("spec", JSON, nullable=False),
    Column("environment", JSON, nullable=False),
    Column("model", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("stratification", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("method", Word(16)),
    Column("n1", Integer),
    Column("n2", Integer),
    Column("learning_rate", Float),
    Column("requested_device", String(32), nullable=False),
    # Who does it.
    Column("supervisor", String(200)),
    Column("process", String(200)),
    Column("device", String(32)),
    Column("versions", JSON, nullable=False),
    Column("hardware", JSON, nullable=False),
    # What the specification names without saying it; null for runs from before, which belong to no series.
    Column("weights_hash", String(64)),
    Column("data_hash", String(64)),
    Column("engine_generation", Integer),
    # How far it is, and what came out.
    Column("phase", String(32)),
    Column("trainable", Integer),
    Column("total", Integer),
    Column("total_steps", Integer),
    Column("step", Integer, nullable=False),
    Column("seconds", Float),
    Column("remaining", Float),
    Column("metrics", JSON, nullable=False),
    Column("validation_metrics", JSON, nullable=False),
    Column("baseline", JSON, nullable=False),
    Column("validation_baseline", JSON, nullable=False, server_default="{}"),
    Column("further_tests", JSON, nullable=False, server_default="{}"),
    # Of a class's run: which class's, what it may take, and whether its test scores are not to be seen yet.
    Column("class_id", String(32)),
    Column("limit_examples", Float),
    Column("limit_seconds", Float),
    Column("test_hidden", Boolean, nullable=False, server_default="0"),
    Index(None, "class_id", "owner_id"),
    Index(None, "state", "priority"),
    Index(None, "owner", "started_at"),
    Index(None, "state", "owner_id"),
    Index(None, "owner_id", "started_at"),
    Index(None, "sweep"),
    sqlite_autoincrement=True,  # a number is never given out twice, even when the newest run is deleted
)

events = Table(
    "events",
    metadata,
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", JSON, nullable=False),
)

owners = Table(
    "owners",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("key_hash", String(128)),  # of the administrator's key that they entered, if they did
    Column("created_at", UtcDateTime, nullable=False),
)

administrator_key = Table(
    "administrator_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("salt", String(32), nullable=False),
    Column("hash", String(128), nullable=False),
)

actions = Table(
    "actions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("subject", String(80), nullable=False),  # a run's id or a data set's key; it may be gone
    Column("action", Word(32), nullable=False),
    Column("owner_id", String(32), nullable=False),
    Column("name", String(80), nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "subject"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("owner_id", String(32), nullable=False),
    Column("owner", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("state", Word(16), nullable=False),
    Column("owner", String(80), nullable=False),
    Column("owner_id", String(32), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("definition_key", String(64), nullable=False),
    Index(None, "definition_key"),
)

# Runs that a sweep found finished already; those that it submitted name it in their own row.
reused_runs = Table(
    "reused_runs",
    metadata,
    Column("sweep", Integer, ForeignKey("sweeps.number", ondelete="CASCADE"), primary_key=True),
    Column("run", Integer, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True),
)

classes = Table(
    "classes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("code", String(16), nullable=False, unique=True),  # what students type to join
    Column("name", String(80), nullable=False),
    Column("created_by", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("rules", JSON, nullable=False),  # `spafit.runs.class_rules`
    Column("paused", Boolean, nullable=False),
    Column("closed", Boolean, nullable=False),  # nobody joins any more
    Column("alone", Boolean, nullable=False),  # while it goes on, nobody else starts runs here
    Column("anonymous", Boolean, nullable=False),
    Column("guesses_revealed", Boolean, nullable=False),
    Column("test_revealed", Boolean, nullable=False),
    # Of the teacher's key.
    Column("salt", String(32), nullable=False),
    Column("key_hash", String(128), nullable=False),
)


def _of_a_class() -> tuple[Column[str], Column[str]]:
    """Return the columns that say which class and whose."""
    return (
        Column("class_id", String(32), ForeignKey("classes.id", ondelete="CASCADE"), primary_key=True),
        Column("owner_id", String(32), primary_key=True),
    )


class_teachers = Table("class_teachers", metadata, *_of_a_class(), Index(None, "owner_id"))

class_members = Table(
    "class_members",
    metadata,
    *_of_a_class(),
    Column("number", Integer, nullable=False),  # in the order of joining
    Column("nickname", String(40), nullable=False),
    Column("nickname_key", String(80), nullable=False),  # the same for names that look the same
    Column("joined_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("here", Boolean, nullable=False),  # false for whoever left
    Index(None, "owner_id"),
    Index(None, "class_id", "nickname_key", unique=True),
)

class_guesses = Table(
    "class_guesses",
    metadata,
    *_of_a_class(),
    Column("kind", Word(16), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("locked_at", UtcDateTime, nullable=False),
    Column("points", Integer),  # null until the teacher reveals
)
