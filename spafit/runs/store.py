"""The durable list of runs: what was submitted, in which state it is, and every event.

One `Store` per database and process, safe to use from several threads; other processes see every change at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from spafit.home import database_url, spafit_home
from spafit.runs import audit, classes, limits
from spafit.runs.attempts import SCORES, Attempts
from spafit.runs.database import StoreError, connect, migrate, reading, writing
from spafit.runs.environment import carried
from spafit.runs.lists import OWNER_LENGTH, Lists, one_line
from spafit.runs.rights import Action, Actor, acting, require_change, require_names, require_submit
from spafit.runs.rows import UnknownRunError, new_id
from spafit.runs.run import Origin, State, repeated
from spafit.runs.schema import runs as runs_table
from spafit.training.config import RunSpec

__all__ = ["Store", "UnknownRunError", "new_id"]

NAME_LENGTH = 200
NOTE_LENGTH = 4000
TAG_LENGTH = 40
MOST_TAGS = 20
STOPPED_IN_QUEUE = "Stopped before it started."


class Store(Attempts, Lists):
    """Runs in a database. Every method raises `StoreError` (one sentence) when it is locked, full or broken.

    Here is what people ask for; what they look at is in `lists`, what processes do to a run in `attempts`.
    """

    _opened: ClassVar[dict[tuple[str, Path], Store]] = {}
    _opening = Lock()

    @classmethod
    def open(cls, url: str | None = None, home: Path | None = None) -> Store:
        """Return the store of ``SPAFIT_HOME`` (or of another URL and folder), migrated; the same object every time."""
        home = spafit_home() if home is None else home
        url = database_url() if url is None else url
        with cls._opening:
            store = cls._opened.get((url, home))
            if store is None or not store.in_place:
                engine = connect(url)
                migrate(engine, home)
                replaced = store is not None
                store = cls._opened[url, home] = cls(engine, home)
                store.replaced = replaced
        return store

    def submit(
        self,
        spec: RunSpec,
        *,
        by: Actor | None = None,
        owner: str = "",
        priority: int = 0,
        origin: Origin | str = Origin.LOCAL,
        sweep: str | None = None,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Put a run at the end of its owner's queue and return its id. On disk when this returns.

        It belongs to ``by`` (see `spafit.runs.rights`); ``owner`` is the name shown with it, theirs by default.
        ``environment`` is what `spafit.runs.environment.carried` takes the run's variables from. Starting whoever does
        the run is `spafit.runs.submit`'s business.
        """
        actor = require_submit(by, priority)
        require_names(actor, spec.model, spec.task)
        limits.check_examples(spec)
        now = self.clock()
        spec = spec.resolved()
        row = {
            "name": one_line(name or "", NAME_LENGTH) or spec.stratification.name[:NAME_LENGTH],
            "state": State.QUEUED,
            "owner": one_line(owner or actor.name, OWNER_LENGTH),
            "owner_id": actor.id,
            "priority": priority,
            "attempt": 1,
            "origin": Origin(origin),
            "sweep": sweep,
            "stop_requested": False,
            "archived": False,
            "created_at": now,
            "queued_at": now,
            "spec": spec.to_dict(),
            "environment": carried(environment),
            "model": spec.model,
            "task": spec.task,
            "stratification": spec.stratification.name,
            "seed": spec.settings.seed,
            **repeated(spec),
            "requested_device": spec.settings.device,
            "step": 0,
            **{column: {} for column in ("versions", "hardware", *SCORES)},
        }
        while True:
            run_id = new_id()
            try:
                with writing(self.engine) as connection:
                    self._check_queue(connection, actor)
                    row |= self._in_class(connection, actor, spec, sweep)
                    connection.execute(insert(runs_table).values(id=run_id, **row))
                    audit.record(connection, now, replace(actor, name=row["owner"]), Action.SUBMIT, run_id)
                return run_id
            except StoreError as error:
                if not isinstance(error.__cause__, IntegrityError):  # an id given out before: draw another
                    raise

    def _in_class(
        self,
        connection: Connection,
        actor: Actor,
        spec: RunSpec,
        sweep: str | None = None,
        counted_in: str | None = None,
    ) -> dict[str, Any]:
        """Refuse what the submitter's class does not allow; return what belonging to it writes into the run's row."""
        if sweep is not None:
            classes.refuse_many(connection, actor)
        found = classes.check_submission(connection, actor, spec, self.clock(), counted_in)
        if found is None:
            return {}
        course, member = found
        most = course.rules.limits
        return {
            "class_id": course.id,
            "owner": member.shown(course.anonymous),  # whatever they call themselves elsewhere
            "limit_examples": most.examples,
            "limit_seconds": 60 * most.minutes,
            "test_hidden": not course.test_revealed,
        }

    def request_stop(self, run_id: str, by: Actor | None = None) -> None:
        """Ask a run to stop. A queued one is stopped at once, one that is over stays as it is."""
        with self.changing(run_id, by, Action.STOP) as (connection, run):
            if run["state"] == State.QUEUED:
                self._set(
                    connection, run["number"], state=State.STOPPED, reason=STOPPED_IN_QUEUE, ended_at=self.clock()
                )
            elif run["state"] == State.RUNNING:
                self._set(connection, run["number"], stop_requested=True)

    def requeue(self, run_id: str, by: Actor | None = None) -> None:
        """Queue a stopped or failed run again, as a new attempt of the same run.

        Earlier attempts' events stay in the database; `events` shows the current attempt's.
        """
        with self.changing(run_id, by, Action.RERUN) as (connection, run):
            actor = acting(by)
            self._check_queue(connection, actor)
            if run["state"] not in (State.STOPPED, State.FAILED):
                raise StoreError(f"Run {run_id} is {run['state']}; only a stopped or failed run can be run again.")
            of_class: dict[str, Any] = {}
            if actor.id == run["owner_id"]:  # a teacher or an administrator may run anything again
                spec = RunSpec.from_dict(self._row(connection, run_id, runs_table.c.spec)["spec"])
                of_class = self._in_class(connection, actor, spec, counted_in=run["class_id"])
            self._queue_again(connection, run["number"], run["attempt"], **of_class)

    def archive(self, run_id: str, archived: bool = True, by: Actor | None = None) -> None:
        """Take a run that is over out of lists, or back in; nothing is deleted."""
        with self.changing(run_id, by, Action.ARCHIVE if archived else Action.RESTORE) as (connection, run):
            if not State(run["state"]).over:
                raise StoreError(f"Run {run_id} is {run['state']}; stop it before archiving it.")
            self._set(connection, run["number"], archived=archived)

    def rename(self, run_id: str, name: str, by: Actor | None = None) -> None:
        """Give a run another name. An empty one is refused."""
        name = one_line(name, NAME_LENGTH)
        if not name:
            raise StoreError("A run's name cannot be empty.")
        with self.changing(run_id, by, Action.CHANGE, f"the name to {name}") as (connection, run):
            self._set(connection, run["number"], name=name)

    def note(self, run_id: str, note: str, by: Actor | None = None) -> None:
        """Write a note beside a run; an empty one takes it away."""
        kept = "".join(letter for letter in note.strip() if letter.isprintable() or letter == "\n")[:NOTE_LENGTH]
        with self.changing(run_id, by, Action.CHANGE, "the note") as (connection, run):
            self._set(connection, run["number"], note=kept)

    def tag(self, run_id: str, tags: Iterable[str], by: Actor | None = None) -> None:
        """Give a run these tags and no others, each once."""
        kept = tuple(dict.fromkeys(filter(None, (one_line(tag, TAG_LENGTH) for tag in tags))))
        if len(kept) > MOST_TAGS:
            raise StoreError(f"A run takes at most {MOST_TAGS} tags.")
        with self.changing(run_id, by, Action.CHANGE, f"the tags to {', '.join(kept) or 'none'}") as (connection, run):
            self._set(connection, run["number"], tags=kept)

    def pin(self, run_id: str, pinned: bool = True, by: Actor | None = None) -> None:
        """Keep a run's trained parameters when room is made, or no longer."""
        with self.changing(run_id, by, Action.PIN if pinned else Action.UNPIN) as (connection, run):
            self._set(connection, run["number"], pinned=pinned)

    def delete(self, run_id: str, by: Actor | None = None) -> None:
        """Remove a run that is over: its figures, its curve, and its folder with log and trained parameters."""
        with self.changing(run_id, by, Action.DELETE) as (connection, run):
            if run["state"] in (State.QUEUED, State.RUNNING):
                raise StoreError(f"Run {run_id} is {run['state']}; stop it before deleting it.")
            connection.execute(delete(runs_table).where(runs_table.c.number == run["number"]))
        try:
            shutil.rmtree(self.folder(run_id))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StoreError(f"Run {run_id} is deleted, but not all of its files ({error.strerror}).") from error

    @contextmanager
    def changing(
        self, run_id: str, by: Actor | None, action: Action, detail: str = ""
    ) -> Generator[tuple[Connection, Mapping[str, Any]]]:
        """Open a transaction that changes a run, or what is kept beside it, if whoever asks may, and record it there.

        What they did is ``action``, and ``detail`` says what was changed, and to what. Yields the run's row as far as
        its changes depend on it.
        """
        with writing(self.engine) as connection:
            columns = runs_table.c
            run = self._row(
                connection, run_id, columns.number, columns.state, columns.attempt, columns.owner_id, columns.class_id
            )
            actor = require_change(by, run["owner_id"], f"Run {run_id}", run["class_id"])
            yield connection, run
            audit.record(connection, self.clock(), actor, action, run_id, detail)

    def check_room(self, runs: int, by: Actor | None = None) -> None:
        """Refuse to queue so many runs at once where not all of them have room. Raises `LimitError`."""
        actor = require_submit(by)
        with reading(self.engine) as connection:
            classes.refuse_many(connection, actor)
            limits.check_many(runs, *self._queued(connection, actor), administrator=actor.administrator)

    def _check_queue(self, connection: Connection, actor: Actor) -> None:
        limits.check_queue(*self._queued(connection, actor), administrator=actor.administrator)

    def _queued(self, connection: Connection, actor: Actor) -> tuple[int, int]:
        """How many runs wait, of everybody and of this owner."""
        columns = runs_table.c
        query = select(func.count(), func.count().filter(columns.owner_id == actor.id))
        queued, theirs = connection.execute(query.where(columns.state == State.QUEUED)).one()
        return queued, theirs
