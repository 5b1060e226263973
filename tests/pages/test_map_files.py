"""Maps as files on Explore: taken in by whoever may, refused in a sentence, taken away, and thrown away."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from spafit import access
from spafit.export.runs_report import report_on
from spafit.maps import imports, kept
from spafit.maps.exporting import document, series_to_export
from spafit.maps.file import packed, read
from spafit.runs import Actor, ForbiddenError, Origin, Store, audit
from tests.maps.recorded_map import made_up
from tests.pages.made_up import words

Opener = Callable[..., AppTest]
CONTENT = packed(made_up())


@pytest.fixture
def app(open_page: Opener) -> AppTest:
    page = open_page("pages/explore.py")
    page.segmented_control(key="explore_view").set_value("Map").run()
    page.session_state["explore_map_files"] = True
    return page.run()


def bring(app: AppTest, content: bytes, name: str = "mine.spafit-map") -> str:
    app.file_uploader(key="map_file").set_value((name, content, "application/gzip")).run()
    assert not app.exception
    return words(app).replace("\\", "").replace("\u2060", "")


def test_a_map_is_imported_marked_handed_on_and_deleted(app: AppTest, store: Store) -> None:
    assert "28 of 28" not in words(app) and not app.get("download_button")
    said = bring(app, CONTENT)
    assert "The map of minilm-l6 on rotten-tomatoes, 192 runs, is imported." in said
    assert "28 of 28 cells are measured, by 96 runs (imported)" in said
    assert "minilm-l6 on rotten-tomatoes, 192 runs: recorded with the project" in said
    (made,) = kept.maps()
    assert [(done.action, done.detail) for done in audit.history(store.engine, made.digest)] == [
        ("uploaded", "map, recorded with the project")
    ]
    assert [button.label for button in app.get("download_button")] == ["Map", "Page", "Report"]
    report, settings = report_on(series_to_export(store, made.model, made.task).runs)
    assert settings > 28 and "not made on this installation: imported ones" in report
    again = read(packed(document(store, series_to_export(store, made.model, made.task))), "it", Origin.IMPORTED)
    assert len(again.runs) == 192
    app.button(key=f"map_delete_{made.digest}").click().run()
    assert not app.exception and not kept.maps()
    assert "28 of 28" not in words(app)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no map", "mine.spafit-map is no map: 'spafit map export' writes gzipped JSON."),
        (packed(made_up() | {"metric": "<b>luck</b>"}), "mine.spafit-map cannot be used as a map"),
    ],
)
def test_a_file_that_is_no_map_is_one_sentence(app: AppTest, content: bytes, says: str) -> None:
    bring(app, content)
    (error,) = app.error
    assert says in error.value.replace("\\", "").replace("\u2060", "") and "<b>" not in error.value
    assert not kept.maps()


def test_on_a_shared_server_only_an_administrator_imports_and_deletes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = imports.import_map(store, CONTENT, "mine.spafit-map", None)["digest"]
    event = threading.Event()
    event.set()
    monkeypatch.setattr(access, "_serving_others", event)
    for visitor in (None, Actor(), Actor("ada", "Ada")):
        with pytest.raises(ForbiddenError):
            imports.import_map(store, CONTENT, "mine.spafit-map", visitor)
        with pytest.raises(ForbiddenError):
            imports.delete_map(store, digest, visitor)
    assert len(kept.maps()) == 1
    imports.delete_map(store, digest, Actor("root", "Eve", administrator=True))
    assert not kept.maps()
