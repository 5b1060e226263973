"""A student who tries every door of a class by raw messages: address, old tab, another's session, made-up widgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from spafit.classroom import roster, teacher
from spafit.runs import Actor, State, classes, owners
from spafit.runs.class_rules import Limits, Rules
from spafit.runs.classes import Class
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from spafit.ui.address import to_parameters
from spafit.ui.choice import Choice
from tests.server.conftest import Shared
from tests.server.raw import Session, Visitor

SETTING = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4), QUICK)


def actor_of(shared: Shared, visitor: Visitor) -> Actor:
    return owners.actor_of(shared.store, visitor.cookie, enrol=True)


@pytest.fixture
def teaching(shared: Shared) -> tuple[Visitor, Class]:
    """Return a teacher's browser and their class."""
    visitor = Visitor.arriving(shared.url)
    rules = Rules(SETTING, frozenset({"seed"}), Limits(runs=3, at_once=2), guess_first=False)
    return visitor, teacher.create(shared.store, actor_of(shared, visitor), "Room 3", rules, minutes=60)[0]


def student(shared: Shared, course: Class, nickname: str) -> Visitor:
    """Return a browser that has joined on the page."""
    visitor = Visitor.arriving(shared.url)
    join(visitor, course, nickname)
    return visitor


def join(visitor: Visitor, course: Class, nickname: str) -> Session:
    page = visitor.open("classroom", f"code={course.code}")
    code, name, button = (page.find(label) for label in ("Class code", "Nickname", "Join the class"))
    page.run(
        WidgetState(id=code.id, string_value=course.code),
        WidgetState(id=name.id, string_value=nickname),
        WidgetState(id=button.id, trigger_value=True),
    )
    return page


def test_whatever_the_address_and_an_old_tab_say_the_locked_setting_is_trained(
    shared: Shared, teaching: tuple[Visitor, Class]
) -> None:
    _teacher, course = teaching
    mallory = Visitor.arriving(shared.url)
    old = mallory.open("train")  # every choice is open here
    epochs, start = old.find("Epochs"), old.find("Start training")
    join(mallory, course, "Mallory")
    old.run(WidgetState(id=epochs.id, double_value=500.0), WidgetState(id=start.id, trigger_value=True))
    wished = Choice("minilm-l6", preset("full", 6), "bbc-news", replace(QUICK, epochs=500.0, batch_size=64))
    query = "&".join(f"{name}={value}" for name, value in to_parameters(wished).items())
    page = mallory.open("train", query)
    assert page.find("Epochs") is None and page.find("Task") is None
    page.press("Start training")
    page.run(WidgetState(id=epochs.id, double_value=500.0), WidgetState(id=start.id, trigger_value=True))
    runs = shared.store.list(class_id=course.id, limit=None)
    assert runs, "Nothing was started, so the test shows nothing."
    assert {run.spec for run in runs} == {SETTING.resolved()}
    assert {run.owner for run in runs} == {"Mallory"}
    for run in runs:
        shared.store.request_stop(run.id, Actor(administrator=True))


def test_nobody_takes_anothers_name_and_a_wrong_code_is_a_sentence(
    shared: Shared, teaching: tuple[Visitor, Class]
) -> None:
    _teacher, course = teaching
    ada = student(shared, course, "Ada")
    mallory = Visitor.arriving(shared.url)
    assert "is taken in this class" in join(mallory, course, "ada").said
    assert "letters, digits, spaces" in join(mallory, course, "<img src=x>").said
    assert "no class with that code" in join(mallory, replace(course, code="zzzzzz"), "Eve").said
    assert [member.nickname for member in roster.members(shared.store, course.id)] == ["Ada"]
    assert "Ada" in ada.open("classroom").said, "A reload is still the same student."


def test_a_student_exceeds_nothing_and_stops_nobody(shared: Shared, teaching: tuple[Visitor, Class]) -> None:
    _teacher, course = teaching
    ada, mallory = student(shared, course, "Ada"), student(shared, course, "Mallory")
    ada.open("train").press("Start training")
    (run,) = shared.store.list(class_id=course.id)
    for seed in (1, 2, 3):
        with_seed = Choice("minilm-l6", SETTING.stratification, settings=replace(QUICK, seed=seed))
        page = mallory.open("train", f"set={to_parameters(with_seed)['set']}")
        page.press("Start training")
    assert "2 of your runs wait or go, as many as this class allows at once" in page.said
    tab = ada.open("runs", f"run={run.id}")
    button = tab.find("Stop it")
    tab.socket.close()
    stolen = Visitor(shared.url, mallory.cookie).open("runs", f"run={run.id}", session=tab.id)
    stolen.widgets.append(("button", button))
    stolen.press("Stop it")
    assert shared.store.get(run.id).state is State.QUEUED
    teacher.stop_all(shared.store, Actor(administrator=True), course)


def test_a_teachers_buttons_do_nothing_for_a_student_who_takes_over_the_tab(
    shared: Shared, teaching: tuple[Visitor, Class]
) -> None:
    teachers, course = teaching
    mallory = student(shared, course, "Mallory")
    said = mallory.open("teach", f"class={course.id}").said
    assert "Only the teacher of this class may do that" in said and "Pause all" not in said
    for label in ("Pause all", "Delete the class", "Reset", "Open test scores", "End it now", "Anonymise"):
        tab = teachers.open("teach", f"class={course.id}")
        button = [widget for kind, widget in tab.widgets if kind == "button" and widget.label == label][-1]
        tab.socket.close()
        stolen = Visitor(shared.url, mallory.cookie).open("teach", f"class={course.id}", session=tab.id)
        assert stolen.id == tab.id
        stolen.run(WidgetState(id=button.id, trigger_value=True))
        assert classes.get(shared.store.engine, course.id) == course, label
    own = teachers.open("teach", f"class={course.id}")
    own.press("Pause all")
    assert classes.get(shared.store.engine, course.id).paused, "The same message does it for the teacher."
