"""A lesson from code to CSV: a teacher and three students, each in a browser of their own, one of them on a phone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from spafit.export.link import Shared as Link
from spafit.export.link import to_link
from spafit.runs import Actor, State
from spafit.stratification import preset
from spafit.training.config import QUICK
from spafit.ui.address import to_parameters
from spafit.ui.choice import Choice
from tests.e2e.school import joining, opened
from tests.server.conftest import Shared, serving
from tests.tiny import save_tiny_model

MODEL, REVISION = "tiny/bert", "a" * 40
SETTINGS = replace(QUICK, train_samples=64, epochs=1.0, eval_samples=20, max_length=16)


@pytest.fixture
def school(tmp_path: Path) -> Iterator[Shared]:
    """Serve a shared dashboard whose queue is worked on, with a tiny model in its Hub cache."""
    cached = tmp_path / "hub" / "hub" / "models--tiny--bert"
    save_tiny_model(cached / "snapshots" / REVISION)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(REVISION)
    environment = {"HF_HOME": str(tmp_path / "hub"), "SPAFIT_IDLE_SECONDS": "20", "GOMP_SPINCOUNT": "1000"}
    with serving(tmp_path, "--shared", queue=True, **environment) as server:
        yield server
        for run in server.store.list(state=(State.QUEUED, State.RUNNING)):
            server.store.request_stop(run.id, Actor(administrator=True))


def confirm(page: Page, label: str) -> None:
    """Press a button that asks, and then the one in its question."""
    page.get_by_role("button", name=label).click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name=label).click()


@pytest.mark.timeout(400)  # three runs and eight pages: on cores that others use too, minutes
def test_a_lesson_from_code_to_csv(browser: Browser, school: Shared) -> None:
    contexts = [browser.new_context(viewport={"width": 1280, "height": 900}) for _ in range(3)]
    contexts.append(browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True))
    teachers, *students = contexts
    strat = preset("spafit", 3, 1, 2)
    chosen = to_parameters(Choice(MODEL, strat, settings=SETTINGS))
    teach = opened(teachers, school, f"teach?s={to_link(Link(MODEL, strat))}&set={chosen['set']}")
    expect(teach.get_by_label("Pretrained model", exact=True)).to_have_value(re.compile(MODEL), timeout=60_000)
    teach.get_by_label("Name of the class").fill("7b")
    teach.get_by_label("Name of the class").press("Tab")
    teach.get_by_role("button", name="Create the class").click()
    expect(teach.get_by_text("shown only now")).to_be_visible()
    code = teach.get_by_test_id("stMetricValue").first.inner_text().replace(" ", "")

    pages = []
    for context, nickname in zip(students, ("Ada", "Bob", "Cem"), strict=True):
        page = joining(context, school, code, "Ada" if nickname != "Ada" else nickname)
        if nickname != "Ada":
            expect(page.get_by_text("is taken in this class")).to_be_visible()
            page.get_by_label("Nickname").fill(nickname)
            page.get_by_role("button", name="Join the class").click()
        expect(page.get_by_text(f"You are {nickname}")).to_be_visible()
        if nickname == "Cem":
            page.reload()
            expect(page.get_by_text(f"You are {nickname}")).to_be_visible()
        page.get_by_role("button", name="Lock my guess").click()
        expect(page.get_by_text("Your guess:")).to_be_visible()
        pages.append(page)
    ada, _bob, cem = pages
    expect(ada.get_by_text("3 students have guessed")).to_be_visible()
    expect(teach.get_by_text("3 of 3 students here")).to_be_visible()

    for place, page in enumerate(pages):
        opened(page.context, school, "train")
        if place:
            page.get_by_role("button", name=f"Use seed {place}").click()
            expect(page.get_by_text("the same setting, data and seed")).to_have_count(0)
        page.get_by_role("button", name="Start training").click()
        page.wait_for_url("**run=*")
        page.goto("about:blank")  # a run that is watched keeps a core busy, and the run needs it
    board = teachers.new_page()
    (course,) = {run.class_id for run in school.store.list(limit=None)}
    board.goto(f"{school.url}/board?class={course}")
    expect(board.get_by_text("mean of 3")).to_be_visible(timeout=120_000)
    expect(board.get_by_text("Ada, Bob and 1 more")).to_be_visible()
    expect(board.get_by_role("button")).to_have_count(0)

    confirm(teach, "Reveal guesses")
    expect(teach.get_by_text("It was").first).to_be_visible()
    opened(cem.context, school, "classroom")
    expect(cem.get_by_text("It was").first).to_be_visible()
    expect(cem.get_by_text("points")).to_be_visible()
    confirm(teach, "Open test scores")
    expect(teach.get_by_role("button", name="Open test scores")).to_have_count(0)
    expect(board.get_by_text(", test 0.").first).to_be_visible()

    with teach.expect_download() as download:
        teach.get_by_role("button", name="Everything as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [(row["nickname"], row["seed"], row["N1"], row["N2"], row["state"]) for row in rows] == [
        ("Ada", "0", "1", "2", "finished"),
        ("Bob", "1", "1", "2", "finished"),
        ("Cem", "2", "1", "2", "finished"),
    ]
    assert all(float(row["validation"]) > 0 and float(row["test"]) > 0 and row["points"] for row in rows)
    confirm(teach, "Delete the class")
    expect(teach.get_by_text("does not exist any more")).to_be_visible()
    assert school.store.list(archived=None) == []
    for context in contexts:
        context.close()
