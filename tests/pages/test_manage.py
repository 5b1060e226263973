"""What can be done with a run that is over, and who did it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from spafit import access
from spafit.runs import Actor, Run, Store, UnknownRunError, owners
from tests.pages.made_up import words

Maker = Callable[..., Run]
Opener = Callable[..., AppTest]
RUNS = "pages/runs.py"


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def test_a_run_is_renamed_and_deleted_after_one_question(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("finished", owner="Ada")
    app = open_page(RUNS, run=run.id)
    app.text_input(key=f"name_{run.id}").set_value("My best")
    app.button(key=f"rename_{run.id}").click().run()
    assert store.get(run.id).name == "My best"
    assert "changed: the name to My best · by an administrator" in words(app)
    assert "It cannot be undone." in words(app)
    app.button(key=f"delete_{run.id}").click().run()
    assert not app.exception
    with pytest.raises(UnknownRunError):
        store.get(run.id)


def test_a_run_that_goes_offers_none_of_it(open_page: Opener, make_run: Maker) -> None:
    app = open_page(RUNS, run=make_run("running", steps=10).id)
    assert not buttons(app) & {"Rename it", "Archive", "Delete it"}
    assert "Stop it" in buttons(app)


def test_tags_and_a_note_are_kept_and_shown_letter_by_letter(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("running", steps=10)
    app = open_page(RUNS, run=run.id)
    app.multiselect(key=f"tags_{run.id}").set_value([":red[x]", "course"])
    app.text_area(key=f"note_{run.id}").set_value("Why so *low*?")
    app.button(key=f"write_{run.id}").click().run()
    assert not app.exception
    kept = store.get(run.id)
    assert (kept.tags, kept.note) == ((":red[x]", "course"), "Why so *low*?")
    assert "Why so *low*?" in [text.value for text in app.text]
    assert "changed: the tags to :red[x], course" in words(app)
    assert not any(":red[x]" in markdown.value for markdown in app.markdown)


def test_saved_weights_are_kept_on_request(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("finished")
    assert "Keep the weights" not in buttons(open_page(RUNS, run=run.id))
    store.folder(run.id).mkdir(parents=True)
    (store.folder(run.id) / "trained.safetensors").write_bytes(b"x" * 1000)
    app = open_page(RUNS, run=run.id)
    app.button(key=f"pin_{run.id}").click().run()
    assert store.get(run.id).pinned
    assert "Let the weights go" in buttons(app)


def test_somebody_who_is_not_known_looks_and_changes_nothing(
    open_page: Opener, make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, going = make_run("stopped", steps=10), make_run("running", steps=10)
    event = threading.Event()
    event.set()
    monkeypatch.setattr(access, "_serving_others", event)
    monkeypatch.setattr(owners, "actor_of", lambda *_asked, **_how: Actor())
    for run in (done, going):
        found = buttons(open_page(RUNS, run=run.id))
        assert not found & {"Stop it", "Run again", "Rename it", "Archive", "Delete it", "Keep the weights", "Save"}
        assert "Explore this setting" in found


def test_a_database_that_was_replaced_is_said_on_every_page(open_page: Opener, store: Store) -> None:
    store.replaced = True
    assert "was removed or replaced while this server ran" in words(open_page())


def test_disk_is_shown_without_saying_where(open_page: Opener, store: Store) -> None:
    said = words(open_page("pages/about.py"))
    assert "Saved weights: 0 B of 20 GB" in said
    assert str(store.home) not in said
