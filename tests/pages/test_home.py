"""Home and the frame around every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from spafit.provenance import assets
from spafit.runs import Run
from tests.pages.made_up import words

Maker = Callable[..., Run]
Opener = Callable[..., AppTest]
ROOT = Path(__file__).parents[2]
PAGES = ("app.py", *sorted(f"pages/{file.name}" for file in (ROOT / "pages").glob("*.py")))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_can_be_the_first_of_a_session_without_a_warning(
    open_page: Opener, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = open_page(page)
    app.run()
    assert not app.warning
    said = [record.message for record in caplog.records if record.name.startswith("streamlit")]
    assert [words for words in said if "missing ScriptRunContext" not in words] == []
    assert len(app.title) == 1
    assert page == "pages/board.py" or "Nothing is running." in words(app), "only the board has no sidebar"


def test_home_lists_what_runs_and_what_waits(open_page: Opener, make_run: Maker) -> None:
    assert "No run at the moment." in words(open_page())
    make_run("running", owner="Ada", steps=20)
    make_run("queued", owner="Bo", method="bitfit")
    said = words(open_page())
    assert "minilm-l6 · Rotten Tomatoes · seed 0 · Ada" in said
    assert "place 1 in the queue" in said


def test_home_shows_the_latest_results(open_page: Opener, make_run: Maker) -> None:
    assert "Latest results" not in words(open_page())
    make_run("finished", owner="Ada", seed=3)
    said = words(open_page())
    assert "seed 3 · Ada" in said and "validation accuracy 0.810" in said


def test_the_name_typed_once_holds_on_every_page(open_page: Opener) -> None:
    app = open_page()
    app.text_input(key="owner").set_value("Ada").run()
    for page in PAGES[1:]:
        app.switch_page(page).run()
        if page != "pages/board.py":  # for a projector: no sidebar, so no name; the pages after it know it still
            assert app.text_input(key="owner").value == "Ada"


def test_licences_and_checksums_of_what_is_bundled_can_be_read(open_page: Opener) -> None:
    app = open_page("pages/about.py")
    for asset in assets():
        assert asset.license in words(app)
        assert any(all(digest in code.value for digest in asset.files.values()) for code in app.code)


def test_a_broken_database_is_one_sentence_on_every_page(
    open_page: Opener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database, and long enough to be read as one" * 100)
    monkeypatch.setenv("SPAFIT_DATABASE_URL", f"sqlite:///{broken}")
    for page in ("app.py", "pages/train.py", "pages/runs.py"):
        app = open_page(page)
        assert app.error or app.warning
