"""Train and Runs in a browser: the queue, stopping, what other tabs see, and names that look like markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from spafit.runs import Run, State, Store
from spafit.stratification import Stratification, preset
from spafit.training.config import RunSpec
from spafit.training.events import Evaluated, Step
from tests.e2e.browsing import Server, run_in, settled

Opener = Callable[..., Page]
PATIENCE = 240_000  # milliseconds, on a busy machine
NAME = "<i>Bo</i> [x](https://x.org)"


def start(page: Page, name: str, epochs: str) -> str:
    """Start a run that goes on for long under a name; return its id."""
    page.get_by_label("Your name", exact=True).fill(name)
    page.get_by_label("Your name", exact=True).press("Enter")
    page.get_by_role("spinbutton", name="Epochs").fill(epochs)
    page.get_by_role("spinbutton", name="Epochs").press("Enter")
    page.get_by_role("radio", name="Linear probe").click()
    settled(page)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile(r"run=\w+"), timeout=30_000)
    return run_in(page.url)


def test_a_double_click_starts_one_run_and_shows_it(open_page: Opener, server: Server) -> None:
    store = Store.open(f"sqlite:///{server.home / 'spafit.db'}", server.home)
    page, before = open_page("train"), {run.id for run in store.list(limit=None)}
    page.get_by_role("button", name="Start training").dblclick()
    page.wait_for_url(re.compile(r"run=\w+"), timeout=30_000)
    settled(page)
    expect(page.get_by_role("button", name="Close")).to_be_visible()
    assert [run.id for run in store.list(limit=None) if run.id not in before] == [run_in(page.url)]
    store.request_stop(run_in(page.url))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_queue_of_two_stopped_one_after_the_other(open_page: Opener) -> None:
    first, second = open_page("train"), open_page("train", width=853, height=533)
    start(first, "Ada", "500")
    loss = first.locator(".curves").first
    expect(loss).to_have_attribute("data-points", re.compile("[1-9]"), timeout=PATIENCE)

    waiting = start(second, NAME, "500")
    expect(second.get_by_text("In the queue: this run is next.")).to_be_in_viewport()  # Start was far below it
    expect(second.get_by_role("heading", level=1)).to_be_in_viewport()
    expect(second.get_by_text(f"by {NAME}")).to_be_visible()
    expect(first.get_by_test_id("stSidebar").get_by_text("1 running · 1 waiting")).to_be_visible()

    home = open_page()
    expect(home.get_by_text(f"seed 0 · {NAME}")).to_be_visible()
    expect(home.locator("a[href*='x.org']")).to_have_count(0)

    first.get_by_role("button", name="Stop", exact=True).click()
    first.get_by_role("button", name="Stop it", exact=True).click()
    expect(first.get_by_text("The curve up to there is kept")).to_be_visible(timeout=30_000)
    expect(loss).to_have_attribute("data-points", re.compile("[1-9]"))

    expect(second.locator(".curves").first).to_have_attribute("data-points", re.compile("[1-9]"), timeout=PATIENCE)
    second.get_by_role("button", name="Stop", exact=True).click()
    second.get_by_role("button", name="Stop it", exact=True).click()
    expect(second.get_by_text("The curve up to there is kept")).to_be_visible(timeout=30_000)

    home.goto(re.sub(r"/$", "", home.url) + f"/runs?run={waiting}")
    expect(home.get_by_text("The curve up to there is kept")).to_be_visible()
    with home.expect_download() as download:
        home.get_by_role("button", name="Curve (CSV)").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "series,step,epoch,seconds,examples,value"
    assert lines[1].startswith("loss,1,")


ROW, HEADER = 35, 35  # pixels, of Streamlit's table


@pytest.mark.slow
def test_the_table_opens_a_run_and_compares_several(open_page: Opener, server: Server) -> None:
    store = Store.open(f"sqlite:///{server.home / 'spafit.db'}", server.home)
    names = [made_up_run(store, preset("bitfit", 6)).name, made_up_run(store, preset("lora", 6)).name]
    page = open_page("runs")
    page.get_by_text("Tick several to compare them.").wait_for()
    table = page.get_by_test_id("stDataFrame").first  # for a moment the table of the page before is there too
    for row in (0, 1):
        table.click(position={"x": 17, "y": HEADER + ROW * row + 17})
        settled(page)
    for name in names:
        expect(page.locator(".curves .legend").first).to_contain_text(name)
    table.click(position={"x": 17, "y": HEADER + ROW + 17})
    expect(page.locator(".curves")).to_have_count(2)

    table.click(position={"x": 90, "y": HEADER + 17})
    page.wait_for_url(re.compile(r"run=\w+"))
    expect(page.get_by_role("heading", name=names[1])).to_be_visible()
    page.get_by_role("link", name="All runs").click()
    expect(table).to_be_visible()
    page.wait_for_url(re.compile(r"runs(\?runs=[\w,]*)?$"))  # the ticked runs stay in the address
    page.go_back()
    expect(page.get_by_role("heading", name=names[1])).to_be_visible()


def made_up_run(store: Store, stratification: Stratification) -> Run:
    """Return a run with a short curve that was stopped."""
    run = store.claim(store.submit(RunSpec("minilm-l6", "rotten-tomatoes", stratification)), "a test")
    assert run is not None
    store.attach(run, "1:1", {}, {})
    steps = [Step(step, step / 10, 0.7 - step / 100, 1e-3, float(step), 16 * step).to_dict() for step in range(1, 20)]
    store.record(run, [*steps, Evaluated(19, {"accuracy": 0.7}, 0.5, 19.0, 1.9).to_dict()])
    store.conclude(run, State.STOPPED)
    return run
