"""Opening, migrating and failing to open the database."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, text

from spafit.runs import Store, StoreBusyError, StoreError, StoreFullError
from spafit.runs.database import connect, migrate, revision, writing
from spafit.runs.schema import HEAD, metadata
from tests.runs.helpers import scripted


def engine_in(folder: Path, name: str = "runs.db", **options: float) -> Engine:
    return connect(f"sqlite:///{folder / name}", **options)


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "spafit.runs:migrations")
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def test_head_is_the_newest_migration() -> None:
    assert scripts().get_current_head() == HEAD


def test_the_migrations_build_exactly_the_tables_that_the_store_uses(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine, tmp_path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_every_revision_upgrades_to_the_newest_and_keeps_what_is_there(tmp_path: Path) -> None:
    for script in scripts().walk_revisions():
        engine = engine_in(tmp_path, f"{script.revision}.db")
        migrate(engine, tmp_path, script.revision)
        assert revision(engine) == script.revision
        with writing(engine) as connection:
            connection.execute(
                text(
                    "INSERT INTO runs (id, name, state, owner, priority, attempt, origin, stop_requested, archived,"
                    " created_at, queued_at, spec, environment, model, task, stratification, seed, requested_device,"
                    " versions, hardware, step, metrics, validation_metrics, baseline) VALUES"
                    " ('abc', 'old', 'finished', '', 0, 1, 'local', 0, 0,"
                    " '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000', '{}', '{}',"
                    " 'm', 't', 'SPAFIT-2-4', 0, 'auto', '{}', '{}', 3, '{\"accuracy\": 0.5}', '{}', '{}')"
                )
            )
        migrate(engine, tmp_path)
        run = Store(engine, tmp_path).get("abc")
        assert (run.name, run.metrics, run.step) == ("old", {"accuracy": 0.5}, 3)
        assert run.further_tests == {}


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)

    @event.listens_for(engine, "before_cursor_execute")
    def fail(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "CREATE TABLE events" in statement:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        migrate(engine, tmp_path)
    assert revision(engine) is None
    with sqlite3.connect(tmp_path / "runs.db") as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    event.remove(engine, "before_cursor_execute", fail)
    migrate(engine, tmp_path)
    assert revision(engine) == HEAD


def test_many_processes_may_open_a_new_store_at_once(home: Path) -> None:
    code = (
        "from spafit.runs import Store\nfrom tests.runs.helpers import scripted\nprint(Store.open().submit(scripted()))"
    )
    with ThreadPoolExecutor(4) as pool:
        ids = list(
            pool.map(lambda _i: subprocess.check_output([sys.executable, "-c", code], text=True).strip(), range(4))
        )
    assert {run.id for run in Store.open().list()} == set(ids)
    assert len(set(ids)) == 4


def test_many_threads_may_open_and_use_one_store(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _i: Store.open(), range(8)))
        ids = list(pool.map(lambda store: store.submit(scripted()), stores))
    assert len({id(store) for store in stores}) == 1
    assert {run.id for run in stores[0].list()} == set(ids)


def test_a_deleted_database_is_made_anew(home: Path) -> None:
    Store.open().submit(scripted())
    for path in home.glob("spafit.db*"):
        path.unlink()
    assert Store.open().list() == []
    store = Store.open()
    (home / "spafit.db").rename(home / "old.db")
    shutil.copy(home / "old.db", home / "spafit.db")
    assert Store.open() is not store  # another file of the same name


def test_a_locked_database_is_a_sentence_and_nothing_is_lost(tmp_path: Path) -> None:
    engine = engine_in(tmp_path, busy_seconds=0.1)
    migrate(engine, tmp_path)
    store = Store(engine, tmp_path)
    run_id = store.submit(scripted())
    other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match=r"runs\.db is locked by another program"):
        store.request_stop(run_id)
    assert store.get(run_id).state == "queued"  # readers do not wait for writers
    other.execute("ROLLBACK")
    store.request_stop(run_id)
    assert store.get(run_id).state == "stopped"


def test_a_transaction_that_writes_has_the_lock_from_its_start(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine, tmp_path)
    other = sqlite3.connect(tmp_path / "runs.db", timeout=0, isolation_level=None)
    with writing(engine), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine, tmp_path)
    store = Store(engine, tmp_path)
    run = store.claim(store.submit(scripted()), "me")
    assert run is not None
    store.record(run, [{"kind": "note", "text": "before"}])
    pages = {"limit": 0}

    @event.listens_for(engine, "checkout")
    def bound(connection: sqlite3.Connection, *_rest: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages['limit'] or 1073741823}")

    pages["limit"] = 1  # SQLite takes the present size instead: not one more page
    big = {"kind": "note", "text": "x" * 200_000}
    with pytest.raises(StoreFullError, match=r"The disk that holds the run database .* is full; free some space"):
        store.record(run, [big])
    assert [body["text"] for _seq, body in store.events(run.id)] == ["before"]
    pages["limit"] = 0
    store.record(run, [big])
    assert len(store.events(run.id)) == 2


def test_a_file_that_is_no_database_is_a_sentence_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_bytes(b"my holiday pictures" * 100)
    with pytest.raises(StoreError, match="is damaged or not a run database"):
        migrate(engine_in(tmp_path), tmp_path)
    assert (tmp_path / "runs.db").read_bytes() == b"my holiday pictures" * 100


def test_a_database_of_a_newer_version_is_a_sentence_and_left_alone(tmp_path: Path) -> None:
    engine = engine_in(tmp_path)
    migrate(engine, tmp_path)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="written by a newer version of spafit"):
        migrate(engine, tmp_path)
    assert revision(engine) == "9999"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "is not a database URL"),
        ("klingon://host/db", "names a kind of database that is not supported here"),
        ("sqlite:////nowhere/at/all/runs.db", "cannot be opened"),
        ("sqlite:///runs.db", "by its whole path"),
        ("sqlite://", "by its whole path"),
        ("sqlite:///:memory:", "by its whole path"),
    ],
)
def test_an_unusable_url_is_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("SPAFIT_DATABASE_URL", url)
    with pytest.raises(StoreError, match=said):
        Store.open()


@pytest.mark.parametrize("name", ["a?b", "100%41 #1", "ünï 模型"])
def test_the_data_folder_can_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SPAFIT_HOME", str(tmp_path / name))
    Store.open().submit(scripted())
    assert (tmp_path / name / "spafit.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_number_beyond_the_database_is_a_sentence(store: Store) -> None:
    with pytest.raises(StoreError, match="larger than the run database"):
        store.submit(scripted(), priority=10**30)
    with pytest.raises(StoreError, match="larger than the run database"):
        store.list(limit=10**30)
    assert store.list() == []


def test_the_database_can_be_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAFIT_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    run_id = Store.open().submit(scripted())
    monkeypatch.delenv("SPAFIT_DATABASE_URL")
    assert Store.open().list() == []
    assert (tmp_path / "elsewhere.db").exists()
    monkeypatch.setenv("SPAFIT_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert Store.open().get(run_id).state == "queued"
