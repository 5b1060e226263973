"""A student with a browser of their own who tries to stop, delete, impersonate, exceed and change what is locked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from spafit.classroom import roster, teacher
from spafit.runs import Actor, State, classes
from spafit.runs.class_rules import Limits, Rules
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from spafit.ui.address import to_parameters
from spafit.ui.choice import Choice
from tests.e2e.school import joining, opened
from tests.server.conftest import Shared, serving

SETTING = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4), QUICK)
BUTTONS = ("Stop", "Delete", "Rename", "Archive", "Run again", "Tags and note", "Pause all", "Delete the class")


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Shared]:
    """Yield a shared server whose queue nobody works on."""
    with serving(tmp_path, "--shared") as server:
        yield server


def test_a_student_spoils_nothing_for_another(browser: Browser, school: Shared) -> None:
    rules = Rules(SETTING, frozenset({"seed"}), Limits(at_once=1), guess_first=False)
    course, _key = teacher.create(school.store, Actor("teacher"), "Room 3", rules, minutes=60)
    hers, his = browser.new_context(), browser.new_context()
    expect(joining(hers, school, course.code, "Ada").get_by_text("You are Ada")).to_be_visible()
    ada = opened(hers, school, "train")
    ada.get_by_role("button", name="Start training").click()
    expect(ada.get_by_text("In the queue")).to_be_visible()
    (run,) = school.store.list()

    page = joining(his, school, course.code, "A d a")
    expect(page.get_by_text("is taken in this class")).to_be_visible()
    assert "spafit_owner" not in page.evaluate("document.cookie"), "What makes her Ada is out of a script's reach."
    his.add_cookies([{"name": "spafit_name", "value": "Ada", "url": school.url}])
    expect(joining(his, school, course.code, "Mallory").get_by_text("You are Mallory")).to_be_visible()

    wished = Choice("minilm-l6", preset("full", 6), "bbc-news", replace(QUICK, epochs=100.0, seed=1))
    page = opened(his, school, "train?" + "&".join(f"{k}={v}" for k, v in to_parameters(wished).items()))
    expect(page.get_by_text("Pretrained model: MiniLM L6")).to_be_visible()
    expect(page.get_by_label("Epochs")).to_have_count(0)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("In the queue")).to_be_visible()
    page = opened(
        his,
        school,
        "train?"
        + f"set={to_parameters(Choice('minilm-l6', SETTING.stratification, settings=replace(QUICK, seed=2)))['set']}",
    )
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("as many as this class allows at once")).to_be_visible()
    mine = [one for one in school.store.list() if one.id != run.id]
    assert [(one.owner, one.spec.settings.epochs, one.task) for one in mine] == [
        ("Mallory", QUICK.epochs, SETTING.task)
    ]

    for address in (
        f"runs?run={run.id}",
        f"train?run={run.id}",
        f"teach?class={course.id}",
        f"board?class={course.id}",
    ):
        page = opened(his, school, address)
        for label in BUTTONS:
            expect(page.get_by_role("button", name=label, exact=True)).to_have_count(0)
    expect(
        opened(his, school, f"teach?class={course.id}").get_by_text("Only the teacher of this class")
    ).to_be_visible()
    expect(opened(his, school, "sweeps").get_by_text("one at a time")).to_be_visible()

    his.add_cookies(
        [{"name": "spafit_owner", "value": run.owner_id, "url": school.url}]
    )  # what anybody may know of her
    page = opened(his, school, f"runs?run={run.id}")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    expect(opened(his, school, "classroom").get_by_label("Nickname")).to_be_visible()

    assert (school.store.get(run.id).state, school.store.get(run.id).owner) == (State.QUEUED, "Ada")
    assert classes.get(school.store.engine, course.id) == course
    assert [one.nickname for one in roster.members(school.store, course.id)] == ["Ada", "Mallory"]
    expect(opened(hers, school, "classroom").get_by_text("You are Ada")).to_be_visible()
    for context in (hers, his):
        context.close()
