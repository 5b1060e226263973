"""The pages of a class: what a student and a teacher are shown, without a browser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from spafit import access
from spafit.classroom import guesses, teacher
from spafit.runs import Actor, Run, State, Store, owners
from spafit.runs.class_rules import LORA
from spafit.runs.measured import free_seed, same
from spafit.stratification import preset
from spafit.training.checkpoint import TRAINED
from spafit.training.predictions import Predictions, save_predictions
from spafit.ui import pickers
from spafit.ui.choice import Choice, first_choice
from tests.classroom.made_up import ADA, BOB, FIRST_GUESS, SETTING, asking, course_of, joined, rules, teaching
from tests.pages.conftest import open_page, store
from tests.pages.made_up import FINISHED, words

__all__ = ["open_page", "store"]
Opener = Callable[..., AppTest]


@pytest.fixture
def acting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Actor], None]:
    """Make somebody the visitor of the pages of a shared server."""

    def become(somebody: Actor) -> None:
        serving_others = threading.Event()
        serving_others.set()
        monkeypatch.setattr(access, "_serving_others", serving_others)
        monkeypatch.setattr(owners, "actor_of", lambda *_who, **_how: somebody)

    return become


def labels(app: AppTest) -> set[str]:
    kinds = ("button", "selectbox", "number_input", "text_input", "toggle", "multiselect")
    return {element.label for kind in kinds for element in getattr(app, kind)}


def test_who_is_in_no_class_is_asked_for_a_code_and_the_address_brings_it(open_page: Opener) -> None:
    app = open_page("pages/classroom.py", code="abc234")
    assert app.text_input("class_code").value == "abc234"
    app.text_input("class_nickname").set_value("Ada")
    next(button for button in app.button if button.label == "Join the class").click().run()
    assert len(app.error) == 1 and "make run HOST" in app.error[0].value.replace("\\", "")


def test_a_student_guesses_then_sees_the_class(open_page: Opener, store: Store, acting) -> None:
    course = course_of(store, rules(guess_first=True))
    joined(store, course)
    acting(ADA)
    app = open_page("pages/classroom.py")
    assert "Ada" in words(app) and "you have 20 runs, 2 at once" in words(app).replace("\\", "")
    next(button for button in app.button if button.label == "Lock my guess").click().run()
    assert not app.exception and not app.error
    assert "Your guess: SPAFIT" in words(app).replace("\\", "")
    assert "1 student has guessed" in words(app)
    assert guesses.by_owner(guesses.of_class(store, course.id))["ada"][guesses.CELL].value == [2, 4]


def test_train_shows_what_is_locked_and_hides_what_may_not_be_changed(open_page: Opener, store: Store, acting) -> None:
    course = course_of(store, rules(may_change=frozenset({"seed"})))
    joined(store, course)
    acting(ADA)
    app = open_page("pages/train.py")
    assert "Pretrained model: **MiniLM L6**" in words(app)
    assert not labels(app) & {"Pretrained model", "Task", "Epochs", "Batch size", "Learning rate"}
    assert "Seed" in labels(app)
    next(button for button in app.button if button.label == "Start training").click().run()
    assert not app.exception and not app.error
    (run,) = store.list()
    assert (run.owner, run.class_id, run.spec) == ("Ada", course.id, SETTING.resolved())
    app = open_page("pages/train.py")
    assert "Being measured by" in words(app), "The same again is not started."
    next(button for button in app.button if button.label == "Use seed 1").click().run()
    next(button for button in app.button if button.label == "Start training").click().run()
    assert sorted(run.seed for run in store.list()) == [0, 1]


def test_explore_waits_for_the_guess_and_hides_what_is_locked(open_page: Opener, store: Store, acting) -> None:
    course = course_of(store, rules(guess_first=True))
    member = joined(store, course)
    acting(ADA)
    app = open_page("pages/explore.py")
    assert not labels(app) & {"Pretrained model", "Open"}
    assert "Method per stratum" not in app.segmented_control("explore_view").options
    app.segmented_control("explore_view").set_value("Cost").run()
    fixed = (app.number_input("explore_batch_size"), app.number_input("explore_max_length"))
    assert all(box.disabled for box in (*fixed, app.toggle("explore_checkpointing")))
    assert not app.selectbox("explore_optimizer").disabled
    app.segmented_control("explore_view").set_value("Map").run()
    pages = [app, *(open_page(f"pages/{name}.py") for name in ("runs", "sweeps", "tryout", "board"))]
    assert all("Guess first" in words(page) for page in pages)
    guesses.place(store, course, member, FIRST_GUESS)
    assert not any("Guess first" in words(page.run()) for page in pages)


def test_boundaries_are_taken_only_where_the_class_leaves_them_open(
    open_page: Opener, store: Store, acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(pickers, "ribbon", lambda *_what, **how: drawn.append(how))
    open_page("pages/explore.py")
    assert drawn.pop()["on_split"] is not None
    joined(store, course_of(store, rules(may_change=frozenset({"seed"}))))
    acting(ADA)
    open_page("pages/explore.py")
    fixed = drawn.pop()
    assert (fixed["on_split"], fixed["hint"]) == (None, pickers.FIXED_HINT)


def lesson_page(open_page: Opener, number: int) -> AppTest:
    app = open_page("pages/lesson.py")
    app.query_params["page"] = str(number)
    return app.run()


def test_the_lesson_hides_what_a_class_fixes_and_starts_its_runs(open_page: Opener, store: Store, acting) -> None:
    course = course_of(store, rules(guess_first=True, may_change=frozenset({"seed"})))
    member = joined(store, course)
    acting(ADA)
    app = lesson_page(open_page, 5)
    assert "Your class fixes part of this page" in words(app) and "Rank" not in labels(app)
    app = lesson_page(open_page, 4)
    app.session_state["choice"] = replace(first_choice(), stratification=preset("spafit", 6, 0, 6))
    app.run()
    moved: Choice = app.session_state["choice"]
    assert moved.stratification == SETTING.stratification, "A boundary that was moved in an old tab goes back."
    app = lesson_page(open_page, 8)
    assert "Guess first" in words(app) and "Train this" not in labels(app)
    guesses.place(store, course, member, FIRST_GUESS)
    next(button for button in app.run().button if button.label == "Train this").click().run()
    assert not app.exception and not app.error
    (run,) = store.list()
    assert (run.class_id, run.spec, run.sweep) == (course.id, SETTING.resolved(), None)
    assert "Being measured by" in words(app.run())
    assert "one at a time" in words(open_page("pages/sweeps.py"))
    other = course_of(store, rules(may_change=frozenset({LORA})), by=Actor("another"))
    joined(store, other, BOB, "Bob")
    acting(BOB)
    app = lesson_page(open_page, 5)
    assert "Rank" in labels(app) and not labels(app) & {"Embeddings", "Boundary 1: after layer"}


def test_a_teacher_creates_a_class_and_teaches_it(open_page: Opener, store: Store) -> None:
    app = open_page("pages/teach.py")
    app.text_input("class_name").set_value("<b>7b</b> *x*")
    next(button for button in app.button if button.label == "Create the class").click().run()
    assert not app.exception and not app.error, app.error
    assert "shown only now" in words(app) and len(app.code) == 1
    assert "<b>" not in words(app).replace("\\<b\\>", "")
    assert "Only this machine reaches this address" in words(app)
    with store.engine.connect() as connection:
        class_id = connection.exec_driver_sql("SELECT id FROM classes").scalar()
    member = joined(store, course := teacher.classes.get(store.engine, str(class_id)))
    guesses.place(store, course, member, FIRST_GUESS)
    store.submit(replace(SETTING, settings=replace(SETTING.settings, seed=3)), by=ADA)
    app = open_page("pages/teach.py", **{"class": str(class_id)})
    assert "1 of 1 students here" in words(app) and "1 run under way" in words(app)
    assert len(app.code) == 0, "The key is shown once."
    for label in ("Pause all", "Anonymise", "Close the door"):
        next(button for button in app.button if button.label == label).click().run()
        assert not app.exception and not app.error
    now = teacher.classes.get(store.engine, str(class_id))
    assert (now.paused, now.anonymous, now.closed) == (True, True, True)
    next(button for button in app.button if button.label == "Reveal guesses").click().run()
    assert "No run of the class has finished" in words(app)


def test_somebody_elses_class_is_a_sentence(open_page: Opener, store: Store, acting) -> None:
    course = course_of(store)
    acting(ADA)
    for wanted in (course.id, "nonsense", "../../etc"):
        app = open_page("pages/teach.py", **{"class": wanted})
        assert not app.exception and len(app.error) == 1
        assert "Pause all" not in labels(app)


def test_what_a_class_fixes_is_read_again_from_an_old_tab(open_page: Opener, store: Store, acting) -> None:
    course = course_of(store)
    acting(ADA)
    app = open_page("pages/train.py")
    joined(store, course)  # in another tab, while this one shows every choice
    app.selectbox("train_task").set_value("bbc-news").run()
    assert not app.exception
    assert [box.label for box in app.selectbox if box.label == "Task"] == []
    assert store.list() == []


def test_no_page_lets_a_closed_test_score_be_worked_out(
    open_page: Opener, store: Store, acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = course_of(store)
    joined(store, course)
    run = store.claim(store.submit(SETTING, by=ADA), "a test")
    assert run is not None
    store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
    answers = Predictions(np.eye(2, dtype=np.float32), np.arange(2), np.arange(2))
    store.folder(run.id).mkdir(parents=True)
    save_predictions(store.folder(run.id), {"validation": answers, "test": answers})
    save_file({}, store.folder(run.id) / TRAINED, {"labels": '["negative", "positive"]', "pair": "false"})
    monkeypatch.setattr("spafit.tryout.client.Client.start", lambda *_what: None)
    acting(ADA)
    refused = 0
    for test_open in (False, True):
        app = open_page("pages/tryout.py", runs=run.id)
        for box in ("tryout_mistakes", "take_home"):
            app.session_state[box] = True
        app.run()
        refused = sum("are closed until its teacher opens them" in error.value for error in app.error)
        pressed = labels(app)
        assert refused == (0 if test_open else 2)
        assert ("Make the zip" in pressed) == test_open
        assert f"Take an example of the {'test' if test_open else 'validation'} part" in pressed
        assert test_open or not app.dataframe
        page = open_page("pages/runs.py", run=run.id)
        assert ("Test accuracy" in {metric.label for metric in page.metric}) == test_open
        teacher.reveal_test(store, teaching(course), course)


@pytest.mark.parametrize("change", [asking(2, 5), asking(seed=4)])
def test_a_twin_is_found_by_what_decides_its_score(store: Store, change) -> None:
    course = course_of(store)
    joined(store, course)
    run: Run = store.get(store.submit(SETTING, by=ADA))
    on_a_gpu = replace(SETTING, settings=replace(SETTING.settings, device="cuda", precision="bf16"))
    assert same(on_a_gpu, [run]) == run
    assert same(change, [run]) is None
    assert free_seed(SETTING, [run]) == 1
