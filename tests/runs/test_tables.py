"""Tables of runs: what the database filters, sorts, counts and cuts into pages is what Python would."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from spafit.runs import Run, State, Store, StoreError, tables
from spafit.runs.database import migrate
from spafit.runs.lists import one_line
from spafit.runs.schema import TAG_MARK, Tags
from spafit.runs.store import MOST_TAGS
from spafit.runs.tables import Order, Wanted
from spafit.stratification import preset
from spafit.training.config import RunSpec, TrainSettings

SQLITE = sqlite.dialect()
METRICS = {"one": "accuracy", "two": "pearson"}
SETTINGS = (preset("spafit", 6, 1, 5), preset("spafit", 6, 4, 4), preset("full", 6), preset("lora", 6))


@pytest.fixture
def filled(store: Store) -> Store:
    """Return runs of two tasks and owners; every third is finished."""
    for number in range(12):
        spec = RunSpec("tiny", ("one", "two")[number % 2], SETTINGS[number % 4], TrainSettings(seed=number % 3))
        run_id = store.submit(spec, owner=("Ada", "Bo")[number // 6])
        if number % 3 == 0:
            run = store.claim(run_id, "a test")
            assert run is not None
            metric = METRICS[run.task]
            scores = {"metrics": {metric: 0.1}, "validation_metrics": {metric: number / 100}, "baseline": {}}
            store.conclude(run, State.FINISHED, events=[{"kind": "finished", "steps": 1, "seconds": 2.0, **scores}])
    return store


def test_the_columns_repeat_the_specification(filled: Store) -> None:
    by_name = {run.stratification: run for run in filled.list()}
    cell, full = by_name["SPAFIT-1-5"], by_name[preset("full", 6).name]
    assert (cell.method, cell.n1, cell.n2, cell.learning_rate) == ("spafit", 1, 5, cell.spec.learning_rate)
    assert (full.method, full.n1, full.n2) == ("full", None, None)


def test_pages_hold_every_run_once_and_sorted_with_empty_ones_last(filled: Store) -> None:
    def value(run: Run, by: str) -> Any:
        return run.validation_metrics.get(METRICS[run.task]) if by == "validation" else getattr(run, by)

    for by, descending in product(tables.SORTS, (True, False)):
        found = [
            run
            for offset in range(0, 12, 5)
            for run in tables.page(filled, Wanted(), Order(by, descending), METRICS, offset=offset, limit=5)
        ]
        assert len({run.id for run in found}) == len(found) == tables.count(filled, Wanted()) == 12
        told = [value(run, by) for run in found]
        known = [one for one in told if one is not None]
        assert told == known + [None] * (12 - len(known)), by
        assert known == sorted(known, reverse=descending), by


def test_filters_leave_what_they_name(filled: Store) -> None:
    first = filled.list(oldest_first=True)[0].id
    filled.tag(first, ["50%", "a_b"])
    for wanted in (Wanted(owner="Ada"), Wanted(task="two"), Wanted(owner="Bo", task="one"), Wanted(tag="50%")):
        found = tables.page(filled, wanted, Order(), METRICS)
        assert len(found) == tables.count(filled, wanted) > 0
        assert all(wanted.owner in (None, run.owner) and wanted.task in (None, run.task) for run in found)
    for none in (Wanted(tag="50"), Wanted(tag="50_"), Wanted(tag="aXb"), Wanted(owner="ada"), Wanted(archived=True)):
        assert tables.count(filled, none) == 0
    assert tables.values(filled, "owner") == ["Ada", "Bo"]
    assert tables.values(filled, "tags") == ["50%", "a_b"]


def test_groups_count_runs_and_summarize_the_finished_ones(filled: Store) -> None:
    for by in tables.GROUPS:
        groups = tables.groups(filled, Wanted(), by, METRICS)
        assert sum(group.runs for group in groups) == 12
        for group in groups:
            runs = [run for run in filled.list() if run.task == group.task and getattr(run, by) == group.value]
            scores = [s for run in runs if (s := run.validation_metrics.get(METRICS[run.task])) is not None]
            assert (group.runs, group.scored) == (len(runs), len(scores))
            assert group.mean == (pytest.approx(sum(scores) / len(scores)) if scores else None)
            assert (group.lowest, group.highest) == ((min(scores), max(scores)) if scores else (None, None))


@given(st.lists(st.text(max_size=60), max_size=8))
def test_tags_come_back_from_the_database_whole(tags: list[str]) -> None:
    kept, column = tuple(filter(None, (one_line(tag, 40) for tag in tags))), Tags()
    stored = column.process_bind_param(kept, SQLITE)
    assert column.process_result_value(stored, SQLITE) == kept
    assert all(f"{TAG_MARK}{tag}{TAG_MARK}" in stored for tag in kept)


def test_a_note_and_tags_are_bounded_and_written_down(filled: Store) -> None:
    run_id = filled.list()[0].id
    filled.note(run_id, " first\nsecond\x00 ")
    assert filled.get(run_id).note == "first\nsecond"
    with pytest.raises(StoreError, match=f"at most {MOST_TAGS} tags"):
        filled.tag(run_id, [str(number) for number in range(MOST_TAGS + 1)])


def test_runs_from_before_get_the_columns_that_their_specification_repeats(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/runs.db", tmp_path)
    run_id = store.submit(RunSpec("tiny", "one", SETTINGS[0], replace(TrainSettings(), learning_rate=0.5)))
    store.engine.dispose()
    with sqlite3.connect(tmp_path / "runs.db") as raw:
        for table in ("class_guesses", "class_members", "class_teachers", "classes"):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("DROP INDEX ix_runs_class_id_owner_id")
        later = ("class_id", "limit_examples", "limit_seconds", "test_hidden")
        for column in ("method", "n1", "n2", "learning_rate", "note", "tags", *later):
            raw.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        raw.execute("UPDATE alembic_version SET version_num = '0007'")
        assert json.loads(raw.execute("SELECT spec FROM runs").fetchone()[0])["settings"]["learning_rate"] == 0.5
    migrate(store.engine, tmp_path)
    run = store.get(run_id)
    assert (run.method, run.n1, run.n2, run.learning_rate, run.tags) == ("spafit", 1, 5, 0.5, ())
