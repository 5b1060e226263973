"""The Lesson page, the tour and Home without a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from spafit.lessons.library import SHIPPED, deletable, delete, keep, shipped
from spafit.runs import AT_MACHINE, Actor, ForbiddenError, Run, State, Store
from spafit.stratification import Method, preset
from spafit.training.config import QUICK, RunSpec
from spafit.ui.choice import first_choice
from spafit.ui.lessons import choose
from tests.pages.made_up import FINISHED, STARTED, words

Opener = Callable[..., AppTest]
Maker = Callable[..., Run]
LESSON = "pages/lesson.py"


def move(app: AppTest, n1: int, n2: int) -> AppTest:
    app.session_state["choice"] = replace(first_choice(), stratification=preset(Method.SPAFIT, 6, n1, n2))
    return app.run()


def test_a_page_is_done_by_doing_and_stays_done(open_page: Opener) -> None:
    app = open_page(LESSON)
    assert "1 of 12" in words(app) and "passes them through 6" in words(app)
    assert "Done." not in words(app)
    move(app, 2, 3)
    assert "Done." in words(app) and "Now 91,778" in words(app)
    move(app, 2, 4)
    assert "Done." in words(app)
    app.button(key="lesson_next").click().run()
    assert "2 of 12" in words(app) and "Done." not in words(app)
    app.radio[0].set_value(0).run()
    app.button(key=f"lesson_lock_{shipped().key}_1").click().run()
    assert "Done." in words(app) and not app.radio
    app.button(key="lesson_back").click().run()
    assert "1 of 12" in words(app) and "Done." in words(app)


def test_every_page_can_be_opened_by_its_address_and_begins_with_its_setting(open_page: Opener) -> None:
    app = open_page(LESSON)
    for number, page in enumerate(shipped().pages, 1):
        app.query_params["page"] = str(number)
        app.run()
        assert not app.exception, (number, app.exception)
        assert f"{number} of 12" in words(app)
        ribbons = [json.loads(one.proto.json) for one in app.get("bidi_component") if '"recipes"' in one.proto.json]
        assert page.start and (ribbons[0]["n1"], ribbons[0]["n2"]) == (page.start.n1, page.start.n2)
    app.query_params["page"] = "99"
    assert not app.run().exception


def test_without_a_map_a_page_says_so_and_with_one_its_goal_can_be_reached(open_page: Opener, store: Store) -> None:
    app = open_page(LESSON)
    app.query_params["page"] = "9"
    app.run()
    assert "Too little of this model and task is measured yet" in words(app)
    for n1, n2, score in ((0, 0, 0.80), (4, 5, 0.79), (6, 6, 0.6)):
        for seed in range(3):
            point = preset(Method.SPAFIT, 6, n1, n2)
            spec = RunSpec("minilm-l6", "rotten-tomatoes", point, replace(QUICK, seed=seed, learning_rate=1e-3))
            run = store.claim(store.submit(spec), "a test")
            assert run is not None
            store.record(run, [STARTED.to_dict()])
            scores = {"accuracy": score + 0.02 * seed}
            told = replace(FINISHED, validation_metrics=scores, validation_baseline={"accuracy": 0.5})
            store.conclude(run, State.FINISHED, events=[told.to_dict()])
    app.run()
    assert "Too little" not in words(app) and "mean 0\\.820, standard error 0\\.012" in words(app)
    move(app, 6, 6)
    assert "Done." not in words(app)
    move(app, 4, 5)
    assert "Done." in words(app)


def test_a_changed_lesson_has_an_address_and_one_with_errors_loses_nothing(open_page: Opener) -> None:
    changed = SHIPPED.read_text("utf-8").replace("title: Which layers should learn?", "title: Mine [x](y) <b>")
    key = keep(changed.encode()).key
    app = open_page(LESSON, lesson=key)
    assert "Mine \\[x\\]\\(y\\) \\<b\\>" in words(app)
    app.session_state["lesson_refused"] = None
    try:
        keep(changed.replace("title: Mine", "titel: Mine").encode())
    except choose.SpafitError as error:
        app.session_state["lesson_refused"] = error
    app.run()
    assert "Line 3" in words(app) and "Mine" in words(app) and "1 of 12" in words(app)
    gone = open_page(LESSON, lesson="../../etc/passwd")
    assert "There is no such lesson here" in words(gone) and "1 of 12" in words(gone)


def test_a_kept_lesson_is_deleted_by_whoever_gave_it(open_page: Opener, store: Store) -> None:
    ada, bob = Actor("ada", "Ada"), Actor("bob", "Bob")
    text = SHIPPED.read_text("utf-8")
    mine = keep(text.replace("minutes: 20", "minutes: 21").encode(), ada)
    keep(text.replace("minutes: 20", "minutes: 22").encode(), bob)
    assert deletable(ada) == [mine] and deletable(Actor()) == [], "Each their own."
    with pytest.raises(ForbiddenError, match="belongs to somebody else"):
        delete(mine, bob)
    app = open_page(LESSON, lesson=mine.key)
    app.session_state["lesson_menu"] = True
    app.run().button(key=f"lesson_delete_{mine.key}").click().run()
    assert not app.exception and "is deleted" in words(app) and "lesson" not in app.query_params
    assert [lesson.minutes for lesson in deletable(AT_MACHINE)] == [22]


def test_the_tour_leads_through_drag_count_and_train(open_page: Opener, store: Store) -> None:
    app = open_page()
    app.button(key="tour_start").click().run()
    app.switch_page("pages/explore.py").run()
    assert "1 of 3" in words(app)
    move(app, 2, 5)
    assert "67,202 trainable parameters before" in words(app)
    app.button(key="tour_next").click().run()
    assert "3 of 3" in words(app)
    app.button(key="tour_train").click().run()
    app.switch_page("pages/train.py").run()
    assert "3 of 3" in words(app) and "Press **Start training**" in words(app)
    app.button(key="train_start").click().run()
    assert "That was the tour" in words(app) and len(store.list()) == 1
    app.button(key="tour_leave").click().run()
    assert "That was the tour" not in words(app)
    app.switch_page("app.py").run()
    assert app.button(key="tour_again") and "New here?" not in words(app)


def test_home_shows_what_is_measured_of_the_bundled_model(open_page: Opener, make_run: Maker) -> None:
    assert "Nothing is measured of" in words(open_page())
    make_run("finished", score=0.77)
    assert "Best mean of the 1 measured cells: SPAFIT-2-4, accuracy 0.770" in words(open_page())
