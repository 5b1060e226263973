"""Runs as a table: filtered, sorted and cut into pages by the database, so that thousands cost no more than a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, null, select, type_coerce

from spafit.runs.database import reading
from spafit.runs.run import Run, State
from spafit.runs.schema import TAG_MARK
from spafit.runs.schema import runs as runs_table
from spafit.runs.store import Store
from spafit.stratification import Method

SORTS = {
    "number": runs_table.c.number,
    "name": runs_table.c.name,
    "task": runs_table.c.task,
    "model": runs_table.c.model,
    "method": runs_table.c.method,
    "n1": runs_table.c.n1,
    "n2": runs_table.c.n2,
    "seed": runs_table.c.seed,
    "learning_rate": runs_table.c.learning_rate,
    "state": runs_table.c.state,
    "owner": runs_table.c.owner,
    "trainable": runs_table.c.trainable,
    "seconds": runs_table.c.seconds,
    "pinned": runs_table.c.pinned,
    "validation": None,
}
"""What a table can be sorted by. The validation score depends on each task's metric; the test score is not among them:
choosing by it would use it up."""
GROUPS = ("task", "model", "method", "n1", "n2", "seed", "learning_rate", "state", "owner")
"""What rows can be counted by."""

Metrics = Mapping[str, str]
"""The primary metric of each task, by its key."""


@dataclass(frozen=True)
class Wanted:
    """Which runs a table shows."""

    owner: str | None = None
    owner_id: str | None = None
    task: str | None = None
    tag: str | None = None
    archived: bool = False

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds of these runs and of no others."""
        columns = runs_table.c
        found = [columns.archived == self.archived]
        for name in ("owner", "owner_id", "task"):
            if (value := getattr(self, name)) is not None:
                found.append(columns[name] == value)
        if self.tag is not None:
            marked = f"{TAG_MARK}{self.tag}{TAG_MARK}"
            found.append(type_coerce(columns.tags, Text).contains(marked, autoescape=True))
        return found


@dataclass(frozen=True)
class Order:
    """How a table is sorted: by one of `SORTS`; equal ones newest first, empty ones last."""

    by: str = "number"
    descending: bool = True


@dataclass(frozen=True)
class Group:
    """The runs of one task and model that have one value in common."""

    task: str
    model: str
    value: Any
    runs: int
    scored: int
    """Finished runs with a score, which the next three are about; None where there is none."""
    lowest: float | None
    mean: float | None
    highest: float | None


def page(
    store: Store, wanted: Wanted, order: Order, metrics: Metrics, *, offset: int = 0, limit: int = 50
) -> list[Run]:
    """Return one page of the runs."""
    column = _score(metrics) if order.by == "validation" else SORTS[order.by]
    assert column is not None
    direction = column.desc() if order.descending else column.asc()
    query = select(runs_table).where(*wanted.conditions)
    query = query.order_by(direction.nulls_last(), runs_table.c.number.desc())
    return store.read(query.offset(offset).limit(limit))


def some(store: Store, ids: Sequence[str]) -> list[Run]:
    """Return the runs with these ids, in their order; those that are gone are left out."""
    found = {run.id: run for run in store.read(select(runs_table).where(runs_table.c.id.in_(ids)))}
    return [found[run_id] for run_id in ids if run_id in found]


def count(store: Store, wanted: Wanted) -> int:
    """Return how many runs there are."""
    with reading(store.engine) as connection:
        return connection.execute(select(func.count()).select_from(runs_table).where(*wanted.conditions)).scalar_one()


def groups(store: Store, wanted: Wanted, by: str, metrics: Metrics) -> list[Group]:
    """Return the runs counted by one of `GROUPS`, apart for each task and model: their scores cannot be compared."""
    columns = runs_table.c
    score = case((columns.state == State.FINISHED, _score(metrics)), else_=null())
    figures = (func.count(), func.count(score), func.min(score), func.avg(score), func.max(score))
    key = (columns.task, columns.model, columns[by])
    query = select(*key, *figures).where(*wanted.conditions).group_by(*key).order_by(*key)
    with reading(store.engine) as connection:
        return [Group(*row) for row in connection.execute(query).tuples()]


def values(store: Store, name: str, archived: bool = False) -> list[str]:
    """Return what runs have in a column to filter by ("owner", "task" or "tags"), each once, without empty ones."""
    column = runs_table.c[name]
    query = select(column).distinct().where(runs_table.c.archived == archived)
    with reading(store.engine) as connection:
        found = connection.execute(query).scalars().all()
    if name == "tags":
        found = [tag for tags in found for tag in tags]
    return sorted({value for value in found if value}, key=str.casefold)


def _score(metrics: Metrics) -> ColumnElement[Any]:
    """Return the validation score of each run by its task's metric."""
    columns = runs_table.c
    cases = [(columns.task == task, columns.validation_metrics[metric].as_float()) for task, metric in metrics.items()]
    return case(*cases, else_=null()) if cases else null()


def rates_tried(store: Store, run: Run) -> int:
    """Return at how many learning rates finished runs tried this run's stratification, model, data and engine."""
    columns = runs_table.c
    same = ("task", "model", "stratification", "weights_hash", "data_hash", "engine_generation")
    query = select(func.count(columns.learning_rate.distinct()))
    query = query.where(*(columns[name] == getattr(run, name) for name in same), columns.state == State.FINISHED)
    with reading(store.engine) as connection:
        return connection.execute(query).scalar_one()


def finished_mark(store: Store) -> tuple[int, str]:
    """Return how many runs are finished and when the last one was: another pair after any has come or gone."""
    query = select(func.count(), func.max(runs_table.c.ended_at)).where(runs_table.c.state == State.FINISHED)
    with reading(store.engine) as connection:
        number, last = connection.execute(query).one()
    return number, str(last)


def mapped(store: Store, cells: int) -> set[tuple[str, str]]:
    """Return the pairs of model and task of which so many cells of the triangle were measured."""
    columns = runs_table.c
    places = select(columns.model, columns.task, columns.n1, columns.n2).distinct()
    places = places.where(columns.state == State.FINISHED, columns.method == Method.SPAFIT.value).subquery()
    pairs = select(places.c.model, places.c.task).group_by(places.c.model, places.c.task)
    with reading(store.engine) as connection:
        return {(model, task) for model, task in connection.execute(pairs.having(func.count() >= cells))}
